# SPDX-License-Identifier: LGPL-2.1-or-later
"""A daemon or a relay on a bus of its own, with its config and its log."""

import json, os, re, signal, socket, subprocess, threading

from common import BUS_CONF, TMP, TREE, Failed, check, free_port, spawn, wait_for

NAME, PATH = 'dev.peerup.daemon1', '/dev/peerup/daemon1'


class Notify(threading.Thread):
    """The systemd side of sd_notify."""

    def __init__(self, path):
        super().__init__(daemon=True)
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.sock.bind(path)
        self.messages = []
        self.start()

    def run(self):
        while True:
            self.messages.append(self.sock.recv(65536).decode())

    def has(self, text):
        return any(text in m for m in self.messages)


class Node:
    """One daemon with its bus, config and log."""

    def __init__(self, name):
        self.name, self.dir, self.process = name, os.path.join(TMP, name), None
        os.mkdir(self.dir)
        self.bus = os.path.join(self.dir, 'bus')
        with open(os.path.join(self.dir, 'bus.conf'), 'w') as f:
            f.write(BUS_CONF % self.bus)
        self.bus_process = spawn(['dbus-daemon', '--nofork', '--config-file=' + os.path.join(self.dir, 'bus.conf')],
                                 stderr=subprocess.DEVNULL)
        wait_for('the bus', 5, lambda: os.path.exists(self.bus))
        self.env = dict(os.environ, PEERUP_BUS_ADDRESS='unix:path=' + self.bus)
        self.config, self.keys = os.path.join(self.dir, 'config.yaml'), os.path.join(self.dir, 'authorized_keys')
        self.port = free_port()
        self.sections = {}
        self.starts = 0

    def write_config(self, **sections):
        self.sections.update(sections)
        s = {'services': '{}', 'names': '{}', 'bootstrap': '[]', 'proxies': '{}', 'relays': '[]', 'gating': 'true',
             'version': '1', 'listen': '["/ip4/127.0.0.1/tcp/%d"]' % self.port, **self.sections}
        text = ('version: %(version)s\nidentity:\n  key_file: identity.key\nnetwork:\n  listen_addresses: %(listen)s\n'
                'relay:\n  addresses: %(relays)s\n  reservation_interval: 2m\ndiscovery:\n  rendezvous: x\n'
                '  bootstrap_peers: %(bootstrap)s\nsecurity:\n  authorized_keys_file: authorized_keys\n'
                '  enable_connection_gating: %(gating)s\nprotocols:\n  ping_pong:\n    enabled: true\n    id: /pingpong/1.0.0\n'
                'services: %(services)s\nnames: %(names)s\nproxies: %(proxies)s\n' % s)
        with open(self.config + '.new', 'w') as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(text)
        os.rename(self.config + '.new', self.config)

    def start(self):
        self.starts += 1
        self.notify = Notify(os.path.join(self.dir, 'notify-%d' % self.starts))
        self.log = open(os.path.join(self.dir, 'log'), 'a')
        self.process = spawn([TREE + '/peerup-daemon', '--config', self.config], stderr=self.log, stdout=self.log,
                                        env=dict(self.env, NOTIFY_SOCKET=os.path.join(self.dir, 'notify-%d' % self.starts)))
        wait_for('READY of ' + self.name, 10, lambda: self.notify.has('READY=1') or self.process.poll() is not None)
        check(self.process.poll() is None, self.name, 'ended at its start')
        self.id = self.get('PeerID')
        return self

    def stop(self, sig=signal.SIGTERM):
        self.process.send_signal(sig)
        code = self.process.wait(20)
        check(sig == signal.SIGKILL or code == 0, self.name, 'ended with', code)

    def busctl(self, *args, timeout=40):
        r = subprocess.run(['busctl', '--json=short', '--timeout=%d' % timeout, '--address=unix:path=' + self.bus, *args],
                           capture_output=True, text=True)
        if r.returncode != 0:
            raise Failed(r.stderr.strip())
        return json.loads(r.stdout) if r.stdout.strip() else None

    def call(self, method, signature='', *args, path=PATH, interface=NAME + '.Manager', timeout=40):
        r = self.busctl('call', NAME, path, interface, method, *([signature] if signature else []), *map(str, args),
                        timeout=timeout)
        return r['data'] if r else None

    def refused(self, method, *args, **kw):
        try:
            self.call(method, *args, **kw)
        except Failed as e:
            return str(e)
        raise Failed(method, 'was to be refused')

    def get(self, prop, path=PATH, interface='Manager'):
        return self.busctl('get-property', NAME, path, NAME + '.' + interface, prop)['data']

    def authorize(self, other, **options):
        opts = []
        for k, (t, v) in options.items():
            opts += [k, t, v]
        self.call('AuthorizePeer', 'ssa{sv}', other.id, other.name, len(options), *opts)

    def tool(self, *args, **kw):
        return spawn([TREE + '/tests/bus-fd', *args], env=self.env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE, **kw)

    def proxy(self, peer, service, where=None):
        where = where or str(free_port())
        p = self.tool('proxy', peer, service, where)
        p.id = p.stdout.readline().decode().strip()
        check(p.id, 'no proxy:', p.stderr.read() if not p.id else '')
        p.where = where if where[0] == '/' else ('127.0.0.1', int(where))
        p.path = PATH + '/proxy/' + p.id.replace('-', '_2d')
        return p

    def rss_anon(self):
        with open('/proc/%d/status' % self.process.pid) as f:
            return int(re.search(r'RssAnon:\s+(\d+)', f.read()).group(1))


class RelayNode(Node):
    """peerup-relay likewise."""

    def __init__(self, name, listen='/ip4/127.0.0.1/tcp/%d'):
        super().__init__(name)
        self.listen = listen % self.port

    def start(self, tls=''):
        with open(os.path.join(self.dir, 'relay-server.yaml'), 'w') as f:
            os.fchmod(f.fileno(), 0o600)
            f.write('identity: {key_file: key}\nnetwork: {listen_addresses: [%s], %s}\n'
                    'security: {authorized_keys_file: authorized_keys, enable_connection_gating: true}\n'
                    'resources: {session_duration: none, session_data_limit: none}\n' % (self.listen, tls))
        self.starts += 1
        path = os.path.join(self.dir, 'notify-%d' % self.starts)
        self.notify = Notify(path)
        self.log = open(os.path.join(self.dir, 'log'), 'a')
        self.process = spawn([TREE + '/peerup-relay', '--config', os.path.join(self.dir, 'relay-server.yaml')], stderr=self.log,
                             stdout=self.log, env=dict(self.env, NOTIFY_SOCKET=path))
        wait_for('READY of the relay', 10, lambda: self.notify.has('READY=1') or self.process.poll() is not None)
        self.id = self.busctl('get-property', 'dev.peerup.relay1', '/dev/peerup/relay1', 'dev.peerup.relay1.Manager', 'PeerID')['data']
        self.address = '%s/p2p/%s' % (self.listen, self.id)
        return self

    def relay_call(self, method, signature, *args):
        self.busctl('call', 'dev.peerup.relay1', '/dev/peerup/relay1', 'dev.peerup.relay1.Manager', method, signature, *args)

    def let_in(self, node):
        self.relay_call('AuthorizePeer', 'ssa{sv}', node.id, node.name, '0')
