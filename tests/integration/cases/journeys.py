# SPDX-License-Identifier: LGPL-2.1-or-later
"""Through a relay, and over QUIC."""

import os, time

from common import Failed, check, wait_for
from node import Node, RelayNode
from traffic import dial, exchange, is_reset
from world import echo_backend


def meet(relay, far, near):
    """Both find a place at the relay, once it lets them in; far offers a service, near gets a proxy to it."""
    relay.start()
    for node in (far, near):  # a transport that we lack: no listener, as behind a NAT that lets nothing in
        node.write_config(listen='["/ip4/127.0.0.1/udp/0/quic-v1/webtransport"]')
        node.start()
    for node in (far, near):
        node.call('AddRelay', 's', relay.address)
    wait_for('the refusal', 5, lambda: near.call('ListRelays')[0][0][2] == 'waiting')
    for when, words in ((5, 'in the past'), (1 << 63, 'beyond the year 9999')):
        try:
            relay.relay_call('AuthorizePeer', 'ssa{sv}', near.id, '', '1', 'expires', 't', str(when))
            raise AssertionError('an expiry %s was taken' % words)
        except Failed as e:
            check(words in str(e), e)
    for node in (far, near):
        relay.let_in(node)
    for node in (far, near):
        wait_for('the reservation of ' + node.name, 12, lambda: node.get('Relays')[0][2])
        check(node.get('RelayAddresses') == [relay.address + '/p2p-circuit'], node.get('RelayAddresses'))
        wait_for('STATUS', 3, lambda: node.notify.has('reserved at 1 relay'))
    far.call('ExposeService', 'ssa{sv}', 'echo', echo_backend.address, 1, 'persistent', 'b', 'true')
    far.authorize(near)
    near.call('AuthorizePeer', 'ssa{sv}', far.id, '', 1, 'name', 's', 'far')
    return near.proxy('far', 'echo')


def open_through(p):
    s = dial(p.where)
    s.sendall(b'x')
    s.recv(1)
    return s


def ends_with_a_reset(s, began, seconds):
    try:
        check(s.recv(1) == b'', 'bytes')
        raise Failed('a clean end')
    except ConnectionResetError:
        pass
    check(time.monotonic() - began < seconds, 'took', time.monotonic() - began)


def removal_cuts_through_the_relay(far, near, p):
    s = open_through(p)
    began = time.monotonic()
    far.call('DeauthorizePeer', 'sb', near.id, 'true')
    ends_with_a_reset(s, began, 1)
    check(is_reset(p.where), 'no longer authorized')
    wait_for('the reason', 3, lambda: 'peerupctl auth add ' + near.id in near.get('LastError', p.path, 'Proxy'))
    far.authorize(near)
    check(exchange(p.where, b'again') == b'again', 'after auth add')


def returns_in_time(p):
    def works():
        try:
            return exchange(p.where, b'x') == b'x'
        except OSError:
            return False
    began = time.monotonic()
    wait_for('the return', 15, works)
    check(time.monotonic() - began < 10, 'took', time.monotonic() - began)


def restarts_need_no_command(relay, far, p):
    """A reset at once, and everything works again by itself: of the relay, of the far machine."""
    s = open_through(p)
    began = time.monotonic()
    relay.stop()
    ends_with_a_reset(s, began, 1.5)
    wait_for('the loss', 5, lambda: not far.get('Relays')[0][2])
    time.sleep(1)
    relay.start()
    returns_in_time(p)
    far.stop()
    far.start()
    returns_in_time(p)


def journey(relay, far, near):
    p = meet(relay, far, near)
    data = os.urandom(1 << 20)
    check(exchange(p.where, data) == data, 'bytes through the relay')
    check(near.call('Ping', 's', 'far')[2] == 'RELAYED', 'path')
    row = [r for r in near.call('ListPaths')[0] if r[0] == far.id][0]
    check(row[1] == 'RELAYED' and '/p2p-circuit' in row[2], row)
    removal_cuts_through_the_relay(far, near, p)
    restarts_need_no_command(relay, far, p)
    near.call('RemoveRelay', 'sb', relay.address, 'true')
    check(near.get('RelayAddresses') == [], 'removed')
    p.kill()
    for node in (far, near, relay):
        node.stop()
        node.bus_process.kill()


def t_the_journey_through_a_relay():
    journey(RelayNode('relay'), Node('far'), Node('near'))


def t_the_journey_over_quic():
    journey(RelayNode('quic-relay', '/ip4/127.0.0.1/udp/%d/quic-v1'), Node('quic-far'), Node('quic-near'))


def t_quic_carries_what_tcp_does():
    far, near = Node('udp-far'), Node('udp-near')
    far.write_config(listen='["/ip4/127.0.0.1/udp/%d/quic-v1"]' % far.port,
                     services='{echo: {enabled: true, local_address: "%s"}}' % echo_backend.address)
    far.start()
    near.write_config(bootstrap='["/ip4/127.0.0.1/udp/%d/quic-v1/p2p/%s"]' % (far.port, far.id), names='{far: "%s"}' % far.id,
                      listen='["/ip4/127.0.0.1/udp/%d/quic-v1"]' % near.port)
    near.start()
    far.authorize(near)
    p = near.proxy('far', 'echo')
    data = os.urandom(1 << 20) * 10
    check(exchange(p.where, data) == data, '10 MiB differ')
    check(near.call('Ping', 's', 'far')[2] == 'DIRECT', 'path')
    row = [r for r in near.call('ListPaths')[0] if r[0] == far.id][0]
    check(row[1] == 'DIRECT' and row[2].startswith('/ip4/127.0.0.1/udp/%d/quic-v1' % far.port), row)
    row = [r for r in far.call('ListPaths')[0] if r[0] == near.id][0]
    check(row[2].startswith('/ip4/127.0.0.1/udp/%d/quic-v1' % near.port), 'dialled from the listening port', row)
    began = time.monotonic()
    far.call('DeauthorizePeer', 'sb', near.id, 'true')
    check(is_reset(p.where) and time.monotonic() - began < 3, 'no longer authorized')
    p.kill()
    for node in (far, near):
        node.stop()
        node.bus_process.kill()
