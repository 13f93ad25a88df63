# SPDX-License-Identifier: LGPL-2.1-or-later
"""A config that changes while the daemon runs."""

import fcntl, os, re, signal, subprocess

from common import TMP, TREE, Failed, check, free_port, wait_for
from node import Node
from traffic import Backend, dial, echo, exchange, is_reset
from world import back_in, home, laptop


def t_reload():
    with open(home.config) as f:
        good = f.read()
    with open(home.config, 'a') as f:
        f.write('services: [this is no map\n')
    check('old config stays' in home.refused('Reload'), 'a bad config')
    back_in()
    home.process.send_signal(signal.SIGHUP)
    wait_for('the complaint', 3, lambda: 'The old config stays' in open(home.dir + '/log').read())
    back_in()
    backend = Backend(echo)
    with open(home.config, 'w') as f:
        f.write(good.replace('services:', 'services:\n  added:\n    enabled: true\n    local_address: "%s"' % backend.address, 1))
    p = laptop.proxy('home', 'added')
    live = laptop.proxy('home', 'echo')
    s = dial(live.where)
    s.sendall(b'x')
    s.recv(1)
    home.notify.messages.clear()
    home.process.send_signal(signal.SIGHUP)
    wait_for('READY', 3, lambda: home.notify.has('RELOADING=1') and home.notify.has('READY=1'))
    check(exchange(p.where, b'x') == b'x', 'the new service')
    s.sendall(b'y')
    check(s.recv(1) == b'y', 'a tunnel survives a reload')
    with open(home.config, 'w') as f:
        f.write(good)
    home.call('Reload')
    check(is_reset(p.where), 'the removed service')
    p.kill(), live.kill()


def t_edits_go_by_the_file_as_it_is():
    """A file that somebody edited and nobody loaded yet: no edit loses that, and each error is about what the file has."""
    other = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'
    third = '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5'
    with open(home.config) as f:
        good = f.read()
    edited = good.replace('services: ', 'services:\n  mine: # by hand\n    enabled: true\n    local_address: localhost:9')
    edited = re.sub(r'names:.*\n(  .*\n)*', 'names:\n  bob: "%s"\n' % other, edited)
    with open(home.config, 'w') as f:
        f.write(edited)
    home.call('AuthorizePeer', 'ssa{sv}', third, '', 1, 'name', 's', 'bob')  # nobody who is let in has that name
    check(home.get('Names') == {'bob': third}, home.get('Names'))
    edited = edited.replace(other, third)
    with open(home.config, 'w') as f:
        f.write(edited.replace('"%s"' % third, '"%s"\n  zoe: "%s"' % (third, laptop.id)))
    text = home.refused('AuthorizePeer', 'ssa{sv}', other, '', 1, 'name', 's', 'zoe')
    check('The name zoe is taken' in text and other not in open(home.keys).read(), text)
    home.call('DeauthorizePeer', 'sb', third, 'true')
    with open(home.config, 'w') as f:
        f.write(edited.replace('localhost:9', 'localhost:10'))
    text = home.refused('ExposeService', 'ssa{sv}', 'mine', 'localhost:8', 1, 'persistent', 'b', 'true')
    check('service remove mine' in text, text)
    home.call('UnexposeService', 's', 'mine')
    with open(home.config) as f:
        check(f.read() == edited.replace('  mine: # by hand\n    enabled: true\n    local_address: localhost:9\n', ''), 'the file')
    check('no service' in home.refused('UnexposeService', 's', 'mine'), 'twice')
    with open(home.config, 'w') as f:
        f.write(good)
    home.call('Reload')


def t_an_edit_that_cannot_be_says_why():
    """Whatever is wrong with the file is told as that, and not as something about the service, the peer or the relay."""
    third = '12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5'
    with open(home.config) as f:
        before = f.read()
    calls = (('ExposeService', 'ssa{sv}', 'fresh', 'localhost:9', 1, 'persistent', 'b', 'true'), ('UnexposeService', 's', 'echo'),
             ('SetServiceEnabled', 'sb', 'echo', 'false'), ('AuthorizePeer', 'ssa{sv}', third, '', 1, 'name', 's', 'third'),
             ('AddRelay', 's', '/ip4/127.0.0.1/tcp/1/p2p/' + third), ('RemoveRelay', 'sb', '/ip4/127.0.0.1/tcp/1/p2p/' + third, 'false'),
             ('AddProxy', 'ssss', 'p', 'home', 'ssh', '127.0.0.1:1'), ('RemoveProxy', 's', 'p'))
    os.chmod(home.config, 0o644)
    for call in calls:
        text = home.refused(*call)
        check('run: chmod 0' in text, call, text)
    os.chmod(home.config, 0o600)
    lock = os.open(home.dir, os.O_RDONLY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    text = home.refused('RemoveRelay', 'sb', '/ip4/127.0.0.1/tcp/1/p2p/' + third, 'false')
    check('cannot be locked' in text, text)
    os.close(lock)
    with open(home.config) as f:
        check(f.read() == before, 'the file changed')


def t_gating_by_reload():
    other = Node('other')
    other.write_config(bootstrap='["/ip4/127.0.0.1/tcp/%d/p2p/%s"]' % (home.port, home.id), names='{home: "%s"}' % home.id)
    other.start()
    with open(home.config) as f:
        good = f.read()
    with open(home.config, 'w') as f:
        f.write(good.replace('enable_connection_gating: true', 'enable_connection_gating: false'))
    home.call('Reload')
    check(home.get('Gating') is False, 'property')
    check(wait_for('STATUS', 3, lambda: home.notify.has('GATING IS OFF')), 'status')
    check('Everybody may connect' in home.refused('AuthorizePeer', 'ssa{sv}', other.id, '', 0), 'auth')
    p = other.proxy('home', 'echo')
    check(exchange(p.where, b'x') == b'x', 'open to all')
    s = dial(p.where)
    s.sendall(b'x')
    s.recv(1)
    with open(home.config, 'w') as f:
        f.write(good)
    home.call('Reload')
    try:
        check(s.recv(1) == b'', 'bytes')
        raise Failed('a clean end')
    except ConnectionResetError:
        pass
    back_in()
    p.kill()
    other.stop()
    other.bus_process.kill()


def t_relays_and_proxies_in_the_config():
    address = '/ip4/127.0.0.1/tcp/%d/p2p/%s' % (free_port(), laptop.id)
    home.call('AddRelay', 's', address)
    check(home.get('Relays') == [[address, laptop.id, False]], home.get('Relays'))
    check('already' in home.refused('AddRelay', 's', address), 'twice')
    check(home.refused('AddRelay', 's', '/ip4/1.2.3.4/tcp/1'), 'no id')
    check(home.call('ListRelays')[0][0][2] in ('connecting', 'waiting'), 'state')
    check('--force' in home.refused('RemoveRelay', 'sb', address, 'false'), 'the last one')
    second = address.replace('/tcp/', '/udp/').replace('/p2p/', '/quic-v1/p2p/')
    home.call('AddRelay', 's', second)
    check('--force' in home.refused('RemoveRelay', 'sb', laptop.id, 'false'), 'the last one, by two addresses')
    check([r[0] for r in home.get('Relays')] == [address, second], 'one of its addresses is lost', home.get('Relays'))
    home.call('RemoveRelay', 'sb', laptop.id, 'true')
    check(home.get('Relays') == [], 'removed')
    check('no such relay' in home.refused('RemoveRelay', 'sb', address, 'true'), 'unknown')
    laptop.call('AddProxy', 'ssss', 'home-ssh', 'home', 'ssh', '127.0.0.1:2222')
    check(laptop.get('ConfiguredProxies') == [['home-ssh', 'home', 'ssh', '127.0.0.1:2222']], laptop.get('ConfiguredProxies'))
    out = os.path.join(TMP, 'units')
    os.mkdir(out)
    r = subprocess.run([TREE + '/peerup-generator', out, out, out], env=dict(os.environ, PEERUP_CONFIG=laptop.config))
    check(r.returncode == 0, 'generator')
    with open(out + '/peerup-proxy@home-ssh.socket.d/50-peerup.conf') as f:
        check('ListenStream=127.0.0.1:2222\n' in f.read(), 'listen')
    with open(out + '/peerup-proxy@home-ssh.service.d/50-peerup.conf') as f:
        text = f.read()
    check('Environment=PEERUP_PEER=home\n' in text and 'Environment=PEERUP_SERVICE=ssh\n' in text, text)
    check(laptop.refused('AddProxy', 'ssss', 'a b', 'home', 'ssh', '127.0.0.1:2222'), 'name')
    laptop.call('RemoveProxy', 's', 'home-ssh')
    check(laptop.get('ConfiguredProxies') == [], 'removed')
    check('no proxy' in laptop.refused('RemoveProxy', 's', 'home-ssh'), 'unknown')
