# SPDX-License-Identifier: LGPL-2.1-or-later
"""Who holds a proxy, peerup-proxy as systemd starts it, and restarts below it."""

import signal, subprocess, threading, time

from common import TMP, TREE, Failed, check, free_port, spawn, wait_for
from node import Node
from traffic import dial, exchange, is_reset
from world import home, laptop


def t_a_proxy_ends_with_its_caller():
    p = laptop.proxy('home', 'echo')
    s = dial(p.where)
    s.sendall(b'x')
    check(s.recv(1) == b'x', 'works')
    p.kill(), p.wait()
    wait_for('its object to go', 3, lambda: p.id not in str(laptop.call('ListProxies')))
    s.sendall(b'y')
    check(s.recv(1) == b'y', 'an open connection goes on')
    s.close()
    q = laptop.proxy('home', 'echo')
    s = dial(q.where)
    s.sendall(b'x')
    s.recv(1)
    laptop.call('CloseProxy', 'sb', q.id, 'true')
    try:
        check(s.recv(1) == b'', 'bytes')
        raise Failed('a clean end')
    except ConnectionResetError:
        pass
    check('no such proxy' in laptop.refused('CloseProxy', 'sb', q.id, 'false'), 'twice')
    q.kill()


def activate(service, peer='home', *env):
    """peerup-proxy as systemd starts it: at a first connection, with the listening socket."""
    port = free_port()
    p = spawn(['systemd-socket-activate', '-l', '127.0.0.1:%d' % port, '-E',
                          'PEERUP_BUS_ADDRESS=' + laptop.env['PEERUP_BUS_ADDRESS'], '-E', 'PEERUP_PEER=' + peer, '-E',
                          'PEERUP_SERVICE=' + service, *env, TREE + '/peerup-proxy'],
                         stdout=open(TMP + '/proxy.log', 'a'), stderr=subprocess.STDOUT)
    p.where = ('127.0.0.1', port)

    def listens():
        with open('/proc/net/tcp') as f:
            return ':%04X 00000000:0000 0A' % port in f.read()
    wait_for('the listener', 5, listens)
    return p


def t_peerup_proxy_outlives_the_daemon():
    p = activate('echo')
    check(exchange(p.where, b'one') == b'one', 'first')
    laptop.stop()
    queued = dial(p.where, 20)
    queued.sendall(b'queued')
    time.sleep(0.3)
    check(p.poll() is None, 'the proxy left')
    laptop.start()
    check(queued.recv(10) == b'queued', 'the queued connection')
    queued.close()
    check(exchange(p.where, b'two') == b'two', 'after')
    laptop.stop(signal.SIGKILL)
    laptop.start()
    wait_for('the return', 10, lambda: laptop.call('ListProxies')[0])
    check(exchange(p.where, b'three') == b'three', 'after a crash')
    p.terminate()
    check(p.wait(5) == 0, 'code')


def t_a_wrong_proxy_resets_and_leaves():
    p = activate('NOT A SERVICE')
    check(is_reset(p.where), 'no reset')
    check(p.wait(5) == 78, 'code')


def ask_for_who_is_off():
    """Of somebody whose port says that nobody listens: what is answered after the 30 s of an opening."""
    node, off, answers = Node('lonely'), '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN', []
    node.write_config(names='{off: "%s"}' % off, bootstrap='["/ip4/127.0.0.1/tcp/1/p2p/%s"]' % off)
    node.start()
    for call in (('OpenStream', 'ss', 'off', 'echo'), ('Ping', 's', 'off')):
        threading.Thread(target=lambda call=call: answers.append(node.refused(*call)), daemon=True).start()
    return answers


def t_an_idle_proxy_leaves_and_returns():
    p = activate('echo', 'home', '-E', 'SYSTEMD_BUS_TIMEOUT=1')
    laptop.process.send_signal(signal.SIGSTOP)  # it may take its time, as long as it is there
    early = dial(p.where)
    time.sleep(1.5)
    laptop.process.send_signal(signal.SIGCONT)
    early.sendall(b'e')
    check(early.recv(1) == b'e', 'while the daemon was slow')
    early.close()
    check(exchange(p.where, b'x') == b'x', 'works')
    began, answers = time.monotonic(), ask_for_who_is_off()  # which takes as long
    check(p.wait(40) == 0, 'code')
    check(28 < time.monotonic() - began < 34, 'after', time.monotonic() - began)
    check(laptop.call('ListProxies')[0] == [], 'still there')
    wait_for('both answers', 10, lambda: len(answers) == 2)
    check(all('off cannot be reached, and this machine uses no relay' in a for a in answers), answers)


def t_a_restart_breaks_in_time_and_comes_back():
    p = laptop.proxy('home', 'echo')
    s = dial(p.where)
    s.sendall(b'x')
    s.recv(1)
    began = time.monotonic()
    home.stop()
    try:
        check(s.recv(1) == b'', 'bytes')
        raise Failed('a clean end')
    except ConnectionResetError:
        pass
    check(time.monotonic() - began < 1.5, 'took', time.monotonic() - began)
    t = threading.Timer(2, home.start)
    t.start()
    began = time.monotonic()
    check(exchange(p.where, b'back') == b'back', 'a connection that waited')
    check(time.monotonic() - began < 10, 'took', time.monotonic() - began)
    t.join()
    p.kill()
