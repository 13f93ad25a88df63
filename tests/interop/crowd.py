#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""300 people at once through our daemon to a service of a go-libp2p peer with its default limits, which takes about 75
streams of a protocol (wire reference 20): everybody is served, the others wait.

Usage: tests/interop/crowd.py TREE GO-PEER      prints why and exits 1 where somebody was not"""

import os, re, shutil, signal, socket, subprocess, sys, tempfile, threading, time

TREE, GO = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
TMP = tempfile.mkdtemp(prefix='peerup-crowd-')
BUS_CONF = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default">
<allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow user="*"/></policy></busconfig>'''
CONFIG = '''version: 1
identity: {key_file: identity.key}
network: {listen_addresses: [/ip4/127.0.0.1/tcp/0]}
relay: {addresses: [%s], reservation_interval: 2m}
discovery: {rendezvous: x}
security: {authorized_keys_file: authorized_keys}
protocols: {ping_pong: {enabled: true, id: /pingpong/1.0.0}}
names: {go: %s}
services: {}
'''
PEOPLE, HELD = 300, 0.3
children = []


def spawn(*args, **kw):
    children.append(subprocess.Popen(args, **kw))
    return children[-1]


def wait_for(what, probe, seconds=20):
    end = time.monotonic() + seconds
    while not (value := probe()):
        if time.monotonic() > end:
            raise TimeoutError(what)
        time.sleep(0.02)
    return value


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def start_go():
    backend = '127.0.0.1:%d' % free_port()
    out = os.path.join(TMP, 'go')
    with open(out, 'w') as f:
        spawn(GO, '--role', 'relay', '--listen', '/ip4/127.0.0.1/tcp/0', '--tcp-echo', backend, '--service', 'echo=' + backend,
              stdout=f, stderr=subprocess.DEVNULL)
    def address():
        with open(out) as f:
            text = f.read()
        return 'READY' in text and re.search(r'^ADDR (\S+)$', text, re.M).group(1)
    return wait_for('go', address)


def start_daemon(address):
    bus = os.path.join(TMP, 'bus')
    with open(bus + '.conf', 'w') as f:
        f.write(BUS_CONF % bus)
    with open(os.path.join(TMP, 'config.yaml'), 'w') as f:
        os.fchmod(f.fileno(), 0o600)
        f.write(CONFIG % (address, address.rsplit('/', 1)[1]))
    spawn('dbus-daemon', '--nofork', '--config-file=' + bus + '.conf', stderr=subprocess.DEVNULL)
    wait_for('the bus', lambda: os.path.exists(bus))
    env = dict(os.environ, PEERUP_BUS_ADDRESS='unix:path=' + bus)
    log = open(os.path.join(TMP, 'log'), 'w')
    spawn(os.path.join(TREE, 'peerup-daemon'), '--config', os.path.join(TMP, 'config.yaml'), env=env, stdout=log, stderr=log)
    ctl = [os.path.join(TREE, 'peerupctl')]
    wait_for('the daemon', lambda: subprocess.run(ctl + ['ping', 'go', '-c', '1'], env=env, capture_output=True).returncode in (0, 1))
    wait_for('the relay', lambda: b'active' in subprocess.run(ctl + ['relay', 'list'], env=env, capture_output=True).stdout)
    return env


class Crowd:
    def __init__(self, port):
        self.port, self.lock = port, threading.Lock()
        self.now = self.peak = self.served = 0
        self.failures = []

    def one(self, i):
        data = b'person %d\n' % i * 100
        try:
            with socket.create_connection(('127.0.0.1', self.port), timeout=60) as s:
                s.sendall(data)
                got = b''
                while len(got) < len(data):
                    piece = s.recv(65536)
                    if not piece:
                        raise EOFError('cut after %d bytes' % len(got))
                    got += piece
                if got != data:
                    raise ValueError('other bytes')
                with self.lock:
                    self.now += 1
                    self.peak = max(self.peak, self.now)
                    self.served += 1
                time.sleep(HELD)
                with self.lock:
                    self.now -= 1
        except (OSError, EOFError, ValueError) as e:
            with self.lock:
                self.failures.append('%d: %s' % (i, e))

    def run(self):
        threads = [threading.Thread(target=self.one, args=(i,)) for i in range(PEOPLE)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()


def main():
    env = start_daemon(start_go())
    port = free_port()
    proxy = spawn(os.path.join(TREE, 'tests/bus-fd'), 'proxy', 'go', 'echo', str(port), env=env, stdin=subprocess.PIPE,
                  stdout=subprocess.PIPE)
    if not proxy.stdout.readline().strip():
        raise ChildProcessError('no proxy')
    crowd = Crowd(port)
    begin = time.monotonic()
    crowd.run()
    print('# %d served, at most %d at a time, in %.1f s' % (crowd.served, crowd.peak, time.monotonic() - begin))
    if crowd.failures:
        told = subprocess.run([os.path.join(TREE, 'peerupctl'), 'proxies', '--json=short'], env=env, capture_output=True, text=True)
        print('%d of %d were not served: %s; %s' % (len(crowd.failures), PEOPLE, crowd.failures[0], told.stdout.strip()))
    return 1 if crowd.failures or crowd.served != PEOPLE else 0


try:
    code = main()
except Exception as e:
    print('%s: %s' % (type(e).__name__, e))
    code = 1
finally:
    for child in reversed(children):
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(5)
        except subprocess.TimeoutExpired:
            child.kill()
    if code and os.environ.get('VERBOSE'):
        sys.stderr.write(open(os.path.join(TMP, 'log')).read()[-3000:])
    shutil.rmtree(TMP, ignore_errors=True)
sys.exit(code)
