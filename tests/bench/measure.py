# SPDX-License-Identifier: LGPL-2.1-or-later
"""One measurement each: a row or some, of all ways in turn."""

import threading, time

from net import cpu_seconds
from table import Row, at_most, part_of_go


class Peak(threading.Thread):
    """The most anonymous memory that any of some processes had, in MiB, until it is asked."""

    def __init__(self, processes):
        super().__init__(daemon=True)
        self.processes, self.most, self.over = processes, 0, threading.Event()
        self.start()

    def run(self):
        while not self.over.wait(0.1):
            try:
                self.most = max(self.most, *(p.status('RssAnon') / 1024 for p in self.processes))
            except (OSError, AttributeError):
                return

    def stop(self):
        self.over.set()
        self.join()
        return self.most


class Keys(threading.Thread):
    """Keystrokes beside what runs, after its warm-up: p99 in ms."""

    def __init__(self, lab, way, delay, seconds):
        super().__init__(daemon=True)
        self.lab, self.way, self.delay, self.seconds, self.p99 = lab, way, delay, seconds, None
        self.start()

    def run(self):
        time.sleep(self.delay)
        try:
            self.p99 = self.lab.load('keys', self.way.host, self.way.port, self.seconds)[1]
        except Exception: # ends with the bench
            pass


class Bulk:
    """Rows of a path: what arrives each way, and beside it what that costs and how long a keystroke takes meanwhile."""

    def __init__(self, where, made, target, cpu_part=None, relay_part=None, relay_memory=None):
        relayed = any(w.relay for w in made)
        self.rate = {d: Row('%s, %s, Gbit/s' % (where, d), '%.3f' if 'lossy' in where else '%.2f', target) for d in ('up', 'down')}
        self.cpu = Row('%s, CPU s per GB, both ends' % where, target=cpu_part and part_of_go(cpu_part))
        self.keys = Row('%s, keystroke p99 beside, ms' % where, '%.1f', at_most(5) if where == 'lan' else None)
        self.memory = Row('%s, MiB anonymous, fuller end' % where, '%.1f')
        self.relay_cpu = relayed and Row('%s, CPU s per GB, relay' % where, target=relay_part and part_of_go(relay_part))
        self.relay_memory = relayed and Row('%s, MiB anonymous, relay' % where, '%.1f', relay_memory)

    def run(self, lab, way, verb, seconds, warmup):
        relay = [way.relay] if way.relay else []
        before = cpu_seconds(way.processes), cpu_seconds(relay)
        peaks = [Peak(p) for p in (way.processes, relay) if p]
        keys = Keys(lab, way, warmup, seconds)
        gbit, total = lab.load(verb, way.host, way.port, seconds, warmup)
        keys.join()
        time.sleep(0.3)
        self.rate[verb].add(way.name, gbit)
        if keys.p99 is not None:
            self.keys.add(way.name, keys.p99)
        if way.processes:
            self.cpu.add(way.name, (cpu_seconds(way.processes) - before[0]) / (total / 1e9))
            self.memory.add(way.name, peaks.pop(0).stop())
        if relay:
            self.relay_cpu.add(way.name, (cpu_seconds(relay) - before[1]) / (total / 1e9))
            self.relay_memory.add(way.name, peaks.pop(0).stop())


def bulk(lab, o, where, made, target, warmup, **parts):
    rows = Bulk(where, made, target, **parts)
    for _ in range(o.repeat):
        for verb in ('up', 'down'):
            for way in made:
                rows.run(lab, way, verb, o.seconds, warmup)


def first(lab, o, name, made, n, pause_ms=0, target=None):
    row = Row('%s, ms' % name, target=target)
    for _ in range(o.repeat):
        for way in made:
            row.add(way.name, lab.load('first', way.host, way.port, n, pause_ms)[0])


def cold(lab, o, name, made, rtt_ms, target):
    """Nothing is open between the peers, who have met before."""
    row = Row('%s, round trips' % name, target=target)
    for _ in range(max(3, o.repeat)):
        for way in made:
            way.forget()
            time.sleep(0.5)
            row.add(way.name, lab.load('first', way.host, way.port, 1, 0)[0] / rtt_ms)


def connections(lab, o, made, target):
    row = Row('lan, connections a second', '%.0f', target)
    for _ in range(o.repeat):
        for way in made:
            rate, bad = lab.load('rate', way.host, way.port, o.seconds, 64)
            row.add(way.name, rate)
            if bad:
                print('%s: %d connections failed' % (way.name, bad), flush=True)
