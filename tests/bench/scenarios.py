# SPDX-License-Identifier: LGPL-2.1-or-later
"""The paths, who is compared on each, and what was to be reached there. A scenario is one row, or some, of the tables."""

import os, subprocess, time

import measure, ways
from net import KERNEL_WINDOWS, Broken, run
from table import Row, at_least, at_most, log, share_of_pipe, times_go

RTT = 63 # ms
RELAY_MEMORY = 128 # MiB: the budget of all sessions of a process


def make_ways(lab, o, makers):
    """Those that were asked for and whose programs are there; what is missing is said, and has no column."""
    made = []
    for name, make in makers:
        if o.ways and name not in o.ways:
            continue
        try:
            made.append(make())
        except FileNotFoundError as e:
            log('missing:', e)
    for way in made: # the first connection dials the peer
        lab.load('first', way.host, way.port, 3, 0)
    return made


def two_ends(lab, net, rtt=0, loss=0, windows=None):
    lab.namespace('a', windows)
    lab.namespace('b', windows)
    lab.cable('a', 'b', net, rtt, loss)
    serve(lab)
    return '45.79.%d.2' % net


def serve(lab):
    lab.start('b', 'serve', [lab.tool('bench-load'), 'serve', str(ways.BACKEND)]).wait_for('^READY')


def with_relay(lab, rtt=0):
    for name in 'abr':
        lab.namespace(name)
    lab.cable('r', 'a', 3, rtt)
    lab.cable('r', 'b', 4)
    serve(lab)
    return '45.79.3.1', '45.79.4.1'


def tcp_ways(lab, o, address):
    return make_ways(lab, o, [('ours', lambda: ways.ours(lab, address)),
                              ('go-noise', lambda: ways.go(lab, address, 'noise', 5000)),
                              ('go-default', lambda: ways.go(lab, address, 'default', 5100)),
                              ('ssh', lambda: ways.ssh(lab, address)),
                              ('pipe', lambda: ways.pipe(lab, address)),
                              ('tcp', lambda: ways.plain_tcp(lab, address))])


def relay_ways(lab, o, relay):
    return make_ways(lab, o, [('ours', lambda: ways.ours(lab, None, relay)),
                              ('go-noise', lambda: ways.go(lab, None, 'noise', 5000, relay)),
                              ('go-default', lambda: ways.go(lab, None, 'default', 5100, relay))])


def noise_ways(lab, o, address, relay=None):
    return make_ways(lab, o, [('ours', lambda: ways.ours(lab, address, relay, noise=True)),
                              ('go-noise', lambda: ways.go(lab, address, 'noise', 5000, relay))])


def quic_ways(lab, o, address):
    return make_ways(lab, o, [('ours', lambda: ways.ours(lab, address, quic=True)),
                              ('go-quic', lambda: ways.go(lab, address, 'quic', 5200))])


def far_warmup(o):
    return 2 if o.quick else 4


def lan(lab, o):
    made = tcp_ways(lab, o, two_ends(lab, 1))
    measure.bulk(lab, o, 'lan', made, share_of_pipe(0.85, 1), 0.5, cpu_part=0.5)
    measure.first(lab, o, 'lan, connect and first byte', made, 100)


def far(lab, o):
    made = tcp_ways(lab, o, two_ends(lab, 2, RTT))
    measure.bulk(lab, o, '63 ms', made, share_of_pipe(0.8, 5), far_warmup(o))


def round_trip(lab, address):
    """Of the path, in ms, as an echo over plain TCP has it."""
    rtt = lab.load('keys', address, ways.BACKEND, 1)[0]
    log('a round trip takes %.2f ms' % rtt)
    return rtt


def over_live_peer(lab, o, ways_of, name):
    address = two_ends(lab, 2, RTT)
    made, target = ways_of(lab, o, address), at_most(round(round_trip(lab, address) + 0.4, 2))
    measure.first(lab, o, '63 ms%s, first byte over a live peer' % name, made, 20, target=target)
    measure.first(lab, o, '63 ms%s, first byte behind 300 ms of quiet' % name, made, 10, 300, target=target)


def live(lab, o):
    over_live_peer(lab, o, tcp_ways, '')


def quic_live(lab, o):
    over_live_peer(lab, o, quic_ways, ', quic')


def far_default(lab, o):
    """With the windows of a kernel that nobody configured."""
    made = tcp_ways(lab, o, two_ends(lab, 2, RTT, windows=KERNEL_WINDOWS))
    measure.bulk(lab, o, '63 ms, the kernel\'s own windows', made, times_go(1), far_warmup(o))


def noise_lan(lab, o):
    measure.bulk(lab, o, 'lan, noise', noise_ways(lab, o, two_ends(lab, 1)), times_go(1, 3.2), 0.5)


def noise_far(lab, o):
    measure.bulk(lab, o, '63 ms, noise', noise_ways(lab, o, two_ends(lab, 2, RTT)), times_go(4, 0.75), far_warmup(o))


def noise_relay(lab, o):
    measure.bulk(lab, o, 'relayed, noise', noise_ways(lab, o, None, with_relay(lab)), times_go(2.5, 0.8), 0.5)


def relay(lab, o):
    made = relay_ways(lab, o, with_relay(lab))
    measure.bulk(lab, o, 'relayed', made, times_go(4), 0.5, relay_part=1 / 6, relay_memory=at_most(RELAY_MEMORY))
    measure.first(lab, o, 'relayed, connect and first byte', made, 100)


def relay_far(lab, o):
    made = relay_ways(lab, o, with_relay(lab, RTT))
    measure.bulk(lab, o, 'relayed at 63 ms', made, times_go(6), far_warmup(o), relay_part=1 / 6, relay_memory=at_most(RELAY_MEMORY))


def quic_lan(lab, o):
    measure.bulk(lab, o, 'lan, quic', quic_ways(lab, o, two_ends(lab, 1)), times_go(2), 0.5)


def quic_far(lab, o):
    measure.bulk(lab, o, '63 ms, quic', quic_ways(lab, o, two_ends(lab, 2, RTT)), times_go(4), far_warmup(o))


def lossy(ways_of, name, loss):
    def scenario(lab, o):
        made = ways_of(lab, o, two_ends(lab, 2, RTT, loss))
        measure.bulk(lab, o, '63 ms, lossy %g %%%s' % (loss / 100, name), made, times_go(1), far_warmup(o))
    return scenario


def lossy_ways(lab, o, address):
    return [w for w in tcp_ways(lab, o, address) if w.name != 'ssh']


def cold(lab, o):
    address = two_ends(lab, 2, RTT)
    made = [w for w in tcp_ways(lab, o, address) if w.name not in ('ssh', 'tcp')]
    measure.cold(lab, o, 'cold connect and first byte, tcp', made, round_trip(lab, address), at_most(3.1))


def cold_quic(lab, o):
    address = two_ends(lab, 2, RTT)
    measure.cold(lab, o, 'cold connect and first byte, quic', quic_ways(lab, o, address), round_trip(lab, address), at_most(2.1))


def connections(lab, o):
    measure.connections(lab, o, tcp_ways(lab, o, two_ends(lab, 1)), times_go(2, 2600))


def idle(lab, o):
    made = tcp_ways(lab, o, two_ends(lab, 1))
    held = Row('connections held at once', '%.0f', at_least(1000 if o.quick else 10000))
    sides = [Row('KiB anonymous per idle connection, %s' % s, '%.1f', at_most(16)) for s in ('client side', 'server side')]
    for way in made:
        if way.name == 'tcp':
            continue
        n = 1000 if o.quick or way.name != 'ours' else 10000
        before = [p.status('RssAnon') for p in way.processes]
        client = lab.start('a', 'idle-' + way.name, [lab.tool('bench-load'), 'idle', way.host, str(way.port), str(n), '1048576'],
                           stdin=subprocess.PIPE)
        try:
            client.wait_for('^%d$' % n, 400)
        except Broken as e:
            log(way.name, 'does not hold', n, ':', e)
            client.stop()
            continue
        time.sleep(o.idle)
        held.add(way.name, n)
        if way.name != 'ssh': # its server is a process more for each session
            for side, p, was in zip(sides, way.processes, before):
                side.add(way.name, (p.status('RssAnon') - was) / n)
        client.stop()


def watch_idle(o, names, named):
    """named: (way, process, side) of what does nothing; rows for the sides of names."""
    before = [p.switches() for _, p, _ in named]
    time.sleep(o.switches)
    per_side = {s: [Row('idle %s, context switches a second' % s, '%.2f', at_most(1)),
                    Row('idle %s, MiB resident' % s, '%.1f', at_most(10)),
                    Row('idle %s, MiB anonymous' % s, '%.2f', at_most(2))] for s in names}
    for (way, p, side), was in zip(named, before):
        if side in per_side:
            switches, rss, anon = per_side[side]
            switches.add(way.name, (p.switches() - was) / o.switches)
            rss.add(way.name, p.status('VmRSS') / 1024)
            anon.add(way.name, p.status('RssAnon') / 1024)


def switches(lab, o):
    made = relay_ways(lab, o, with_relay(lab))
    time.sleep(2 if o.quick else 20)
    watch_idle(o, ('node', 'relay'), [(w, p, s) for w in made for p, s in zip([*w.processes, w.relay], ('node', '', 'relay'))])


def alone(lab, o):
    """A whole daemon that listens everywhere and knows nobody."""
    lab.namespace('a')
    made = [ways.ours_alone(lab)] if not o.ways or 'ours' in o.ways else []
    if not o.ways or 'go-default' in o.ways:
        made.append(ways.go_alone(lab))
    time.sleep(2 if o.quick else 20)
    watch_idle(o, ['on all transports'], [(w, w.processes[0], 'on all transports') for w in made])


def binary(lab, o):
    row = Row('stripped binary, MB', '%.2f', at_most(1.5))
    for name, path in ('ours', 'peerup-daemon'), ('go-default', 'bench/go-peer'):
        if os.path.exists(os.path.join(lab.tree, path)):
            stripped = os.path.join(lab.dir, 'stripped')
            run('strip', '-o', stripped, os.path.join(lab.tree, path))
            row.add(name, os.path.getsize(stripped) / 1e6)


ALL = {'lan': lan, 'far': far, 'live': live, 'cold': cold, 'quic-lan': quic_lan, 'quic-far': quic_far, 'quic-live': quic_live,
       'quic-cold': cold_quic, 'relay': relay, 'relay-far': relay_far, 'far-default': far_default,
       'lossy-0.1': lossy(lossy_ways, '', 10), 'lossy-1': lossy(lossy_ways, '', 100),
       'quic-lossy-0.1': lossy(quic_ways, ', quic', 10), 'quic-lossy-1': lossy(quic_ways, ', quic', 100),
       'noise-lan': noise_lan, 'noise-far': noise_far, 'noise-relay': noise_relay, 'connections': connections,
       'switches': switches, 'alone': alone, 'idle': idle, 'binary': binary}
