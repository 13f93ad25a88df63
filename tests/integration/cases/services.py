# SPDX-License-Identifier: LGPL-2.1-or-later
"""Services come, go and rest; what a passed descriptor may be."""

import os, time

from common import check, wait_for
from node import NAME, PATH
from traffic import Backend, dial, echo, exchange, is_reset
from world import echo_backend, home, laptop


def t_services_come_and_go():
    backend = Backend(echo)
    p = laptop.proxy('home', 'extra')
    check(is_reset(p.where), 'before')
    home.call('ExposeService', 'ssa{sv}', 'extra', backend.address, 0)
    check(exchange(p.where, b'x') == b'x', 'exposed')
    check(home.get('Transient', PATH + '/service/extra', 'Service') is True, 'transient')
    home.call('UnexposeService', 's', 'extra')
    check(is_reset(p.where), 'unexposed')
    home.call('ExposeService', 'ssa{sv}', 'extra', backend.address, 1, 'persistent', 'b', 'true')
    with open(home.config) as f:
        check('extra:' in f.read(), 'not in the config')
    check(home.get('Transient', PATH + '/service/extra', 'Service') is False, 'persistent')
    check(exchange(p.where, b'x') == b'x', 'persistent')
    home.call('Unexpose', path=PATH + '/service/extra', interface=NAME + '.Service')
    with open(home.config) as f:
        check('extra:' not in f.read(), 'still in the config')
    check(is_reset(p.where), 'removed')
    home.call('ExposeService', 'ssa{sv}', 'extra', backend.address, 1, 'allowed-peers', 'as', 1, home.id)
    check(is_reset(p.where), 'allowed_peers does not count')
    wait_for('the reason', 3, lambda: 'does not let this machine use' in laptop.get('LastError', p.path, 'Proxy'))
    home.call('UnexposeService', 's', 'extra')
    for name, address, words in (('kad', 'localhost:1', 'speaks'), ('BAD', 'localhost:1', 'name has'), ('x', 'nonsense', 'host:port'),
                                 ('echo', 'localhost:1', 'already')):
        check(words in home.refused('ExposeService', 'ssa{sv}', name, address, 0), name)
    check('no service' in home.refused('UnexposeService', 's', 'never'), 'unknown')
    p.kill()


def t_services_are_disabled_and_enabled():
    backend = Backend(echo)
    with open(home.config) as f:
        before = f.read()
    home.call('ExposeService', 'ssa{sv}', 'lamp', backend.address, 2, 'persistent', 'b', 'true', 'allowed-peers', 'as', 1, laptop.id)
    with open(home.config) as f:
        enabled = f.read()
    p = laptop.proxy('home', 'lamp')
    live = dial(p.where)
    live.sendall(b'x')
    check(live.recv(1) == b'x', 'enabled')
    home.call('SetServiceEnabled', 'sb', 'lamp', 'false')
    check(is_reset(p.where), 'disabled')
    live.sendall(b'y')
    check(live.recv(1) == b'y', 'an open connection goes on')
    row = [s for s in home.call('ListServices')[0] if s[0] == 'lamp']
    check(row == [['lamp', '/peerup/lamp/1.0.0', backend.address, False, '/']], row)
    with open(home.config) as f:
        check(f.read() == enabled.replace('lamp:\n    enabled: true', 'lamp:\n    enabled: false'), 'the file')
    inode = os.stat(home.config).st_ino
    home.call('SetServiceEnabled', 'sb', 'lamp', 'false')
    check(os.stat(home.config).st_ino == inode, 'written again for nothing')
    home.call('SetServiceEnabled', 'sb', 'lamp', 'true')
    check(exchange(p.where, b'x') == b'x', 'enabled again')
    check(home.get('AllowedPeers', PATH + '/service/lamp', 'Service') == [laptop.id], 'who may use it')
    with open(home.config) as f:
        check(f.read() == enabled, 'the file is as it was')
    home.call('UnexposeService', 's', 'lamp')
    with open(home.config) as f:
        check(f.read() == before, 'the file as before it')
    for name, words in (('lamp', 'no service'), ('BAD', 'name has')):
        check(words in home.refused('SetServiceEnabled', 'sb', name, 'true'), name)
    with open(home.config, 'w') as f:
        f.write(before.replace('services: ', 'services:\n  broken: {enabled: false, local_address: nowhere}', 1))
    check('by hand' in home.refused('SetServiceEnabled', 'sb', 'broken', 'true'), 'a style that is not edited')
    with open(home.config, 'w') as f:
        f.write(before.replace('services: ', 'services:\n  broken:\n    enabled: false\n    local_address: nowhere', 1))
    check('local_address' in home.refused('SetServiceEnabled', 'sb', 'broken', 'true'), 'a wrong address')
    with open(home.config, 'w') as f:
        f.write(before)
    home.call('Reload')
    p.kill()


def t_streams_and_sockets_by_fd():
    home.call('ExposeService', 'ssa{sv}', 'private', echo_backend.address, 1, 'allowed-peers', 'as', 1, home.id)
    for method in ('stream', 'connect'):
        p = laptop.tool(method, 'home', 'late')
        out, err = p.communicate(b'y' * 5000)
        check(out == b'5000 bytes' and p.returncode == 0, method, out, err)
        check(b'closed late in=10 out=5000 error=\n' in err, err)
    p = laptop.tool('stream', 'home', 'nosuch')
    out, err = p.communicate(b'')
    check(b'ServiceUnknown' in err and b'service add nosuch' in err, err)
    began = time.monotonic()
    p = laptop.tool('stream', 'home', 'private')
    out, err = p.communicate(b'')
    check(b'does not let this machine use the service private' in err and b'auth add' in err, err)
    check(time.monotonic() - began < 2, 'took', time.monotonic() - began)
    p = laptop.tool('stream', 'home', 'dead')
    out, err = p.communicate(b'')
    check(b'nothing answers behind the service dead' in err, err)
    p = laptop.tool('connect', 'home', 'dead')
    out, err = p.communicate(b'')
    check(b'error=nothing answers' in err, err)


def t_hostile_descriptors_are_refused():
    for kind, connect, create in (('pipe', 0, 0), ('udp', 0, 0), ('idle', 0, 0), ('seqpacket', 0, 0), ('listener', 0, 1), ('pair', 1, 0)):
        out = laptop.tool('hostile', 'home', 'echo', kind).communicate(b'')[0].decode().split('\n')
        for line, ok in zip(out, (connect, create)):
            check(line.endswith('taken') if ok else line.endswith('InvalidArgs'), kind, line)
