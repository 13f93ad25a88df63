# SPDX-License-Identifier: LGPL-2.1-or-later
"""Servers behind services, and clients in front of proxies."""

import socket, struct, threading, time


class Backend:
    """A server whose behaviour is a function of the connection."""

    def __init__(self, serve, path=None):
        self.sock = socket.socket(socket.AF_UNIX if path else socket.AF_INET)
        if not path:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(path or ('127.0.0.1', 0))
        self.sock.listen(4096)
        self.address = path or 'localhost:%d' % self.sock.getsockname()[1]
        self.serve, self.seen = serve, []
        threading.Thread(target=self.run, daemon=True).start()

    def run(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            threading.Thread(target=self.one, args=(s,), daemon=True).start()

    def one(self, s):
        try:
            self.serve(self, s)
        except OSError as e:
            self.seen.append(e)
        s.close()


def echo(b, s):
    while True:
        d = s.recv(1 << 16)
        if not d:
            return
        s.sendall(d)


def late(b, s):
    """Reads to the end, then answers: half-close both ways."""
    n = 0
    while True:
        d = s.recv(1 << 16)
        if not d:
            break
        n += len(d)
    time.sleep(0.1)
    s.sendall(b'%d bytes' % n)


def reset(s):
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
    s.close()


def rude(b, s):
    s.recv(100)
    s.sendall(b'bye')
    time.sleep(0.1)
    reset(s)


def sink(b, s):
    while s.recv(1 << 16):
        pass
    b.seen.append('end')


def dial(where, timeout=15):
    s = socket.socket(socket.AF_UNIX if isinstance(where, str) else socket.AF_INET)
    s.settimeout(timeout)
    s.connect(where)
    return s


def read_all(s):
    out = b''
    while True:
        d = s.recv(1 << 20)
        if not d:
            return out
        out += d


def exchange(where, data):
    s = dial(where)
    t = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)), daemon=True)
    t.start()
    out = read_all(s)
    s.close()
    return out


def is_reset(where, data=b'hello'):
    """The application must get a reset: on a write or on a read, never a clean end."""
    try:
        with dial(where) as s:
            s.sendall(data)
            while s.recv(1000):
                pass
    except (ConnectionResetError, BrokenPipeError):
        return True
    return False


class Path:
    """Carries connections to a port. What is carried when it dies is carried no more, and nobody is told; what comes later is."""

    def __init__(self, to):
        self.to, self.age = to, 0
        self.sock = socket.create_server(('127.0.0.1', 0))
        self.port = self.sock.getsockname()[1]
        threading.Thread(target=self.run, daemon=True).start()

    def die(self):
        self.age += 1

    def run(self):
        while True:
            near, _ = self.sock.accept()
            far = socket.create_connection(('127.0.0.1', self.to))
            for one, other in ((near, far), (far, near)):
                threading.Thread(target=self.carry, args=(one, other, self.age), daemon=True).start()

    def carry(self, one, other, age):
        try:
            while True:
                d, lives = one.recv(1 << 16), self.age == age
                if d and lives:
                    other.sendall(d)
                elif not d:
                    if lives:
                        other.shutdown(socket.SHUT_WR)
                    return
        except OSError:
            pass
