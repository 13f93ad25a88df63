# SPDX-License-Identifier: LGPL-2.1-or-later
"""Starts that cannot be, what idling costs, and silence."""

import os, socket, subprocess, time

from common import TREE, check, wait_for
from node import Node, RelayNode
from traffic import dial, exchange
from world import home, laptop


def t_a_second_daemon_says_why_it_ends():
    r = subprocess.run([TREE + '/peerup-daemon', '--config', home.config], env=home.env, capture_output=True, text=True, timeout=20)
    check(r.returncode == 1 and 'is in use by another program' in r.stderr and '(tcp/0 takes any)' in r.stderr, r.stderr)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(('127.0.0.1', 0))
        udp = Node('udp-twin')
        udp.write_config(listen='[/ip4/127.0.0.1/udp/%d/quic-v1]' % taken.getsockname()[1])
        r = subprocess.run([TREE + '/peerup-daemon', '--config', udp.config], env=udp.env, capture_output=True, text=True, timeout=20)
        check(r.returncode != 0 and 'is in use by another program' in r.stderr and '(udp/0 takes any)' in r.stderr, r.stderr)
        udp.bus_process.kill()
    twin = Node('twin')
    twin.write_config()
    r = subprocess.run([TREE + '/peerup-daemon', '--config', twin.config], env=home.env, capture_output=True, text=True, timeout=20)
    check(r.returncode != 0 and 'Another peerup-daemon is running' in r.stderr, r.stderr)
    os.chmod(twin.dir + '/identity.key', 0o640)
    r = subprocess.run([TREE + '/peerup-daemon', '--config', twin.config], env=twin.env, capture_output=True, text=True, timeout=20)
    check(r.returncode == 78 and 'chmod 600' in r.stderr, r.returncode, r.stderr) # only a person helps
    with open(twin.config, 'a') as f:
        f.write('network: [')
    r = subprocess.run([TREE + '/peerup-daemon', '--config', twin.config], env=twin.env, capture_output=True, text=True, timeout=20)
    check(r.returncode == 78 and 'config.yaml:' in r.stderr, r.returncode, r.stderr)
    r = subprocess.run([TREE + '/peerup-relay', '--config', twin.config], env=twin.env, capture_output=True, text=True, timeout=20)
    check(r.returncode == 78 and 'config.yaml:' in r.stderr, r.returncode, r.stderr)
    twin.bus_process.kill()


def t_without_a_bus_it_ends_to_start_anew():
    for node in (Node('busless'), RelayNode('busless-relay')):
        node.start()
        node.bus_process.kill()
        check(node.process.wait(5) == 1, node.name, 'ended with', node.process.returncode)
        with open(node.dir + '/log') as f:
            check('The bus is gone' in f.read(), node.name, 'says nothing')


def t_idle_tunnels_cost_little():
    count = int(os.environ.get('PEERUP_TEST_TUNNELS', '300'))
    p = laptop.proxy('home', 'echo')
    exchange(p.where, b'warm' * 100000)
    before = home.rss_anon(), laptop.rss_anon()
    conns = [dial(p.where) for _ in range(count)]
    for s in conns:
        s.sendall(b'x' * 100)
    for s in conns:
        check(s.recv(100), 'echo')
    wait_for('all of them', 5, lambda: laptop.get('Connections', p.path, 'Proxy') == count)
    time.sleep(0.5)
    after = home.rss_anon(), laptop.rss_anon()
    each = [(a - b) / count for a, b in zip(after, before)]
    for s in conns:
        s.close()
    wait_for('the end', 10, lambda: laptop.get('Connections', p.path, 'Proxy') == 0)
    print('#', count, 'idle tunnels: %.1f KiB each at home, %.1f at laptop' % tuple(each))
    check('san' in TREE or max(each) <= 16, each)
    p.kill()


def t_a_steady_state_is_silent():
    time.sleep(1)
    size = os.stat(home.dir + '/log').st_size
    n = len(home.notify.messages)
    time.sleep(2)
    check(os.stat(home.dir + '/log').st_size == size, 'the log grew')
    check(len(home.notify.messages) == n, 'STATUS repeats')
