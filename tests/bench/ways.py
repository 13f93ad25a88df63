# SPDX-License-Identifier: LGPL-2.1-or-later
"""The ways that are compared. Each carries TCP from a port in namespace a to the server in namespace b."""

import os, signal, subprocess, tempfile, time

from net import BUS_CONF, Broken, run

BACKEND = 9000
NAME = 'dev.peerup.daemon1'


def write(path, text, mode=0o600):
    with open(path, 'w') as f:
        os.fchmod(f.fileno(), mode)
        f.write(text)


def needed(program):
    if not os.access(program, os.X_OK):
        raise FileNotFoundError(program)
    return program


class Way:
    """host, port: where a client connects. processes: what carries. relay: what is between them. forget: ends what is open."""

    def __init__(self, name, host, port, processes=(), relay=None, forget=lambda: None):
        self.name, self.host, self.port, self.processes, self.relay, self.forget = name, host, port, list(processes), relay, forget


def plain_tcp(lab, address):
    return Way('tcp', address, BACKEND)


# ---- ours

class Daemon:
    def __init__(self, lab, ns, program='peerup-daemon'):
        self.lab, self.ns, self.program = lab, ns, program
        self.dir = tempfile.mkdtemp(prefix='ours-%s-' % ns, dir=lab.dir)
        self.bus = 'unix:path=' + os.path.join(self.dir, 'bus')
        write(os.path.join(self.dir, 'bus.conf'), BUS_CONF % os.path.join(self.dir, 'bus'))
        lab.start(ns, 'bus-' + ns, ['dbus-daemon', '--nofork', '--config-file=' + os.path.join(self.dir, 'bus.conf')])
        self.wait(lambda: os.path.exists(os.path.join(self.dir, 'bus')))

    def wait(self, probe, seconds=20):
        end = time.monotonic() + seconds
        while not probe():
            if time.monotonic() > end:
                raise Broken('%s in %s: %s' % (self.program, self.ns, self.process.text()[-600:]))
            time.sleep(0.02)

    def get(self, name, prop, interface):
        out = subprocess.run(['busctl', '--address=' + self.bus, 'get-property', name, '/' + name.replace('.', '/'),
                              interface, prop], capture_output=True, text=True)
        return out.stdout.strip()

    def call(self, method, signature, *args):
        run('busctl', '--address=' + self.bus, 'call', NAME, '/' + NAME.replace('.', '/'), NAME + '.Manager', method, signature, *args)

    def start(self, config, keys='', env=None):
        path = os.path.join(self.dir, 'config.yaml')
        write(path, config)
        write(os.path.join(self.dir, 'authorized_keys'), keys)
        self.process = self.lab.start(self.ns, os.path.basename(self.dir),
                                      [os.path.join(self.lab.tree, self.program), '--config', path],
                                      env={'PEERUP_BUS_ADDRESS': self.bus, **(env or {})})
        name, prop = (NAME, 'PeerID') if self.program == 'peerup-daemon' else ('dev.peerup.relay1', 'PeerID')
        self.wait(lambda: '12D3' in self.get(name, prop, name + '.Manager'))
        self.id = self.get(name, prop, name + '.Manager').split('"')[1]


NODE = '''version: 1
identity: {key_file: identity.key}
network: {listen_addresses: [%s]}
relay: {addresses: [%s], reservation_interval: 2m}
discovery: {rendezvous: bench, bootstrap_peers: [%s]}
security: {authorized_keys_file: authorized_keys, enable_connection_gating: true}
services: {bench: {enabled: true, local_address: "127.0.0.1:%d"}}
names: {%s}
'''
RELAY = '''version: 1
identity: {key_file: relay_node.key}
network: {listen_addresses: ["/ip4/0.0.0.0/tcp/7777"]}
security: {authorized_keys_file: authorized_keys, enable_connection_gating: true}
resources: {session_duration: 24h, session_data_limit: 64GB}
'''


def quoted(text):
    return '"%s"' % text if text else ''


def no_aes(lab):
    """Makes a CPU without AES instructions: Noise is proposed first there."""
    path = os.path.join(lab.dir, 'no-aes.so')
    if not os.path.exists(path):
        run('cc', '-shared', '-fPIC', '-x', 'c', '-o', path, '-', input='int crypto_aead_aes256gcm_is_available(void) { return 0; }')
    return {'LD_PRELOAD': path}


def ours(lab, address, relay=None, quic=False, noise=False):
    """relay: (address from a, address from b); then nobody listens where the other could reach it."""
    where = 'udp/4001/quic-v1' if quic else 'tcp/4001'
    listen = quoted('/ip4/%s/%s' % ('127.0.0.1' if relay else '0.0.0.0', where))
    env = no_aes(lab) if noise else None
    nodes = {ns: Daemon(lab, ns) for ns in ('a', 'b')}
    for d in nodes.values(): # a first start makes the identity
        d.start(NODE % (listen, '', '', BACKEND, ''))
        d.process.stop()
    a, b = nodes['a'], nodes['b']
    at = {'a': '', 'b': ''}
    r = None
    if relay:
        r = Daemon(lab, 'r', 'peerup-relay')
        r.start(RELAY, '%s\n%s\n' % (a.id, b.id), env)
        at = {ns: '/ip4/%s/tcp/7777/p2p/%s' % (relay[i], r.id) for i, ns in enumerate('ab')}
    b.start(NODE % (listen, quoted(at['b']), '', BACKEND, ''), a.id + '\n', env)
    if relay:
        b.wait(lambda: 'true' in b.get(NAME, 'Relays', NAME + '.Manager'))
    direct = '' if relay else '/ip4/%s/%s/p2p/%s' % (address, where, b.id)
    a.start(NODE % (listen, quoted(at['a']), quoted(direct), BACKEND, 'b: %s' % b.id), b.id + '\n', env)
    if relay:
        a.wait(lambda: 'true' in a.get(NAME, 'Relays', NAME + '.Manager'))
    lab.start('a', 'proxy', [lab.tool('bus-fd'), 'proxy', 'b', 'bench', '2222'], env={'PEERUP_BUS_ADDRESS': a.bus},
              stdin=subprocess.PIPE).wait_for(r'^\S+$')

    def forget():
        b.call('DeauthorizePeer', 'sb', a.id, 'true')
        b.call('AuthorizePeer', 'ssa{sv}', a.id, '', '0')

    return Way('ours', '127.0.0.1', 2222, [a.process, b.process], r and r.process, forget)


def ours_alone(lab):
    d = Daemon(lab, 'a')
    every = ('/ip4/0.0.0.0/tcp/4001', '/ip4/0.0.0.0/udp/4001/quic-v1', '/ip4/0.0.0.0/tcp/4002/ws')
    d.start(NODE % (', '.join(map(quoted, every)), '', '', BACKEND, ''))
    return Way('ours', '', 0, [d.process])


# ---- go-libp2p

def go_id(process):
    return process.wait_for(r'^READY (\S+)').group(1)


def go(lab, address, kind, port, relay=None):
    """kind: of the security on TCP, or quic. SIGUSR1 has it close all connections."""
    peer = needed(os.path.join(lab.tree, 'bench', 'go-peer'))
    common = ['--raise-limits', '--security', 'default' if kind == 'quic' else kind]
    where = 'udp/%d/quic-v1' % port if kind == 'quic' else 'tcp/%d' % port
    name = 'go-' + kind
    r, at = None, {}
    if relay:
        r = lab.start('r', name + '-relay', [peer, *common, '--role', 'relay', '--listen', '/ip4/0.0.0.0/tcp/%d' % port,
                                             '--data-limit', '0', '--duration-limit', '0', '--key', '%064x' % (port + 2)])
        at = {ns: '/ip4/%s/tcp/%d/p2p/%s' % (relay[i], port, go_id(r)) for i, ns in enumerate('ab')}
    b = lab.start('b', name + '-b', [peer, *common, '--key', '%064x' % port, '--service', 'bench=127.0.0.1:%d' % BACKEND,
                                     '--listen', '/ip4/%s/%s' % ('127.0.0.1' if relay else '0.0.0.0', where),
                                     *(['--relay', at['b']] if relay else [])])
    to = '%s/p2p-circuit/p2p/%s' % (at['a'], go_id(b)) if relay else '/ip4/%s/%s/p2p/%s' % (address, where, go_id(b))
    if relay:
        b.wait_for('^RESERVED')
    a = lab.start('a', name + '-a', [peer, *common, '--key', '%064x' % (port + 1), '--forward', '127.0.0.1:%d=%s/bench' % (port, to)])
    a.wait_for('^FORWARD')
    return Way(name, '127.0.0.1', port, [a, b], r, lambda: a.popen.send_signal(signal.SIGUSR1))


def go_alone(lab):
    every = ('/ip4/0.0.0.0/tcp/5000', '/ip4/0.0.0.0/udp/5000/quic-v1', '/ip4/0.0.0.0/tcp/5001/ws')
    p = lab.start('a', 'go-alone', [needed(os.path.join(lab.tree, 'bench', 'go-peer')), '--raise-limits',
                                    *(x for m in every for x in ('--listen', m))])
    go_id(p)
    return Way('go-default', '', 0, [p])


# ---- TLS and nothing else

def pipe(lab, address):
    program = needed(lab.tool('bench-pipe'))
    server = lab.start('b', 'pipe-b', [program, 'listen', '4433', str(BACKEND)])
    server.wait_for('^READY')
    client = lab.start('a', 'pipe-a', [program, 'connect', '4434', address, '4433'])
    client.wait_for('^READY')
    return Way('pipe', '127.0.0.1', 4434, [client, server])


# ---- ssh -L

def ssh(lab, address):
    sshd = needed('/usr/sbin/sshd')
    d = tempfile.mkdtemp(prefix='ssh-', dir=lab.dir)
    for key in ('host', 'user'):
        run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', os.path.join(d, key))
    os.makedirs('/run/sshd', exist_ok=True)
    write(os.path.join(d, 'config'), 'HostKey %s/host\nPort 2022\nListenAddress 0.0.0.0\nAuthorizedKeysFile %s/user.pub\n'
          'PidFile none\nStrictModes no\nUsePAM no\nPermitRootLogin prohibit-password\nMaxSessions 100\n' % (d, d))
    server = lab.start('b', 'sshd', [sshd, '-D', '-e', '-f', os.path.join(d, 'config')])
    server.wait_for('listening')
    client = lab.start('a', 'ssh', ['ssh', '-N', '-v', '-F', 'none', '-i', os.path.join(d, 'user'), '-p', '2022',
                                    '-o', 'StrictHostKeyChecking=no', '-o', 'UserKnownHostsFile=/dev/null', '-o', 'BatchMode=yes',
                                    '-L', '127.0.0.1:2023:127.0.0.1:%d' % BACKEND, 'root@' + address])
    client.wait_for('Entering interactive session')
    return Way('ssh', '127.0.0.1', 2023, [client, server])
