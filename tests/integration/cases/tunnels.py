# SPDX-License-Identifier: LGPL-2.1-or-later
"""Bytes, ends and refusals through proxies."""

import os, time

from common import TMP, check, wait_for
from node import Node
from traffic import Backend, dial, echo, exchange, is_reset, reset
from world import home, laptop, sink_backend


def t_bytes_go_through_a_proxy_both_ways():
    p = laptop.proxy('home', 'echo')
    data = os.urandom(1 << 20) * 10
    check(exchange(p.where, data) == data, '10 MiB differ')
    late_proxy = laptop.proxy('home', 'late')
    check(exchange(late_proxy.where, b'x' * 100000) == b'100000 bytes', 'half-close')
    s = dial(p.where)
    for i in range(50):
        s.sendall(b'%d' % i)
        check(s.recv(100) == b'%d' % i, 'keystrokes')
    check(laptop.get('Connections', p.path, 'Proxy') == 1, 'connections')
    check(laptop.get('BytesIn', p.path, 'Proxy') >= len(data), 'bytes in')
    s.close()
    wait_for('the end', 3, lambda: laptop.get('Connections', p.path, 'Proxy') == 0)
    check(laptop.get('LastError', p.path, 'Proxy') == '', 'an error after a good one')
    p.kill(), late_proxy.kill()


def t_unix_sockets_on_both_ends():
    backend = Backend(echo, os.path.join(TMP, 'backend.sock'))
    home.call('ExposeService', 'ssa{sv}', 'unix', backend.address, 0)
    p = laptop.proxy('home', 'unix', os.path.join(TMP, 'listen.sock'))
    check(exchange(p.where, b'abc' * 1000) == b'abc' * 1000, 'bytes')
    check(laptop.get('ListenAddress', p.path, 'Proxy') == p.where, 'address')
    home.call('UnexposeService', 's', 'unix')
    p.kill()


def t_refusals_are_resets_with_a_reason():
    for service, peer, words in (('nosuch', 'home', ('offers no service', 'service add nosuch')),
                                 ('dead', 'home', ('nothing answers',)),
                                 ('echo', 'nobody', ('no peer is called nobody',))):
        p = laptop.proxy(peer, service)
        for _ in range(3):
            check(is_reset(p.where), service, 'of', peer, 'was no reset')
        text = wait_for('LastError', 3, lambda: laptop.get('LastError', p.path, 'Proxy'))
        check(all(w in text for w in words), text)
        p.kill()


def t_a_stranger_is_refused_and_told_what_to_do():
    stranger = Node('stranger')
    stranger.write_config(bootstrap='["/ip4/127.0.0.1/tcp/%d/p2p/%s"]' % (home.port, home.id), names='{home: "%s"}' % home.id)
    stranger.start()
    p = stranger.proxy('home', 'echo')
    began = time.monotonic()
    check(is_reset(p.where), 'no reset')
    text = wait_for('LastError', 3, lambda: stranger.get('LastError', p.path, 'Proxy'))
    check('peerupctl auth add ' + stranger.id in text, text)
    check('peerupctl auth add ' + stranger.id in stranger.refused('Ping', 's', 'home'), 'ping')
    check('peerupctl auth add ' + stranger.id in stranger.refused('OpenStream', 'ss', 'home', 'echo'), 'stream')
    check(time.monotonic() - began < 6, 'a refusal is final at once')
    check(stranger.id not in str(home.call('ListPeers', 'b', 'true')), 'a stranger is a peer')
    home.authorize(stranger)
    check(exchange(p.where, b'now') == b'now', 'after auth add')
    home.call('DeauthorizePeer', 'sb', stranger.id, 'true')
    stranger.stop()
    stranger.bus_process.kill()
    p.kill()


def t_resets_cross_the_tunnel():
    p = laptop.proxy('home', 'rude')
    s = dial(p.where)
    s.sendall(b'hello')
    got = b''
    try:
        while True:
            d = s.recv(100)
            check(d, 'a clean end instead of a reset')
            got += d
    except ConnectionResetError:
        pass
    check(got == b'bye', got)
    sink_backend.seen.clear()
    q = laptop.proxy('home', 'sink')
    s = dial(q.where)
    s.sendall(b'x' * 100)
    time.sleep(0.2)
    reset(s)
    wait_for('the reset at the backend', 3, lambda: sink_backend.seen)
    check(isinstance(sink_backend.seen[0], ConnectionResetError), sink_backend.seen)
    p.kill(), q.kill()
