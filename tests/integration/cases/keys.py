# SPDX-License-Identifier: LGPL-2.1-or-later
"""authorized_keys: who is let in, cut off, and told."""

import os, threading, time

from common import Failed, check, wait_for
from node import Node
from traffic import dial, is_reset
from world import back_in, home, laptop


OTHER = '12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'


def cut_in_time(change):
    """A transfer in full flight ends with a reset within a second of the change."""
    p = laptop.proxy('home', 'sink')
    s = dial(p.where)
    done = []

    def push():
        try:
            while True:
                s.sendall(b'x' * 65536)
        except OSError as e:
            done.append((time.monotonic(), e))
    threading.Thread(target=push, daemon=True).start()
    time.sleep(0.3)
    began = time.monotonic()
    change()
    wait_for('the cut', 3, lambda: done)
    check(done[0][0] - began < 1, 'took', done[0][0] - began)
    check(is_reset(p.where), 'a removed peer came back')
    p.kill()


def keys(text, how):
    if how == 'rename':
        with open(home.keys + '.tmp', 'w') as f:
            os.fchmod(f.fileno(), 0o600)
            f.write(text)
        os.rename(home.keys + '.tmp', home.keys)
    else:
        with open(home.keys, 'w') as f:
            f.write(text)


def t_removal_cuts_at_once():
    cut_in_time(lambda: home.call('DeauthorizePeer', 'sb', laptop.id, 'true'))
    home.authorize(laptop)
    back_in()
    with open(home.keys) as f:
        text = f.read()
    for how in ('rename', 'in place'):
        cut_in_time(lambda: keys('# nobody\n', how))
        keys(text, how)
        back_in()
    cut_in_time(lambda: os.unlink(home.keys))
    keys(text, 'rename')
    back_in()


def t_a_typo_locks_nobody_out():
    with open(home.keys) as f:
        text = f.read()
    keys('not a peer id\n' + text + '12D3KooWbad  # x\n', 'in place')
    time.sleep(0.5)
    back_in()
    with open(home.dir + '/log') as f:
        check('authorized_keys:1:' in f.read(), 'the line is not named')
    keys(text, 'in place')


def t_a_list_that_cannot_be_read_lets_nobody_in():
    node = Node('locked')
    os.mkdir(node.keys)
    node.write_config()
    node.start()
    with open(node.dir + '/log') as f:
        text = f.read()
    check('Nobody is let in until' in text and 'ls -l ' + node.keys in text, text)
    check(node.get('Gating') is True, 'open to all')
    os.rmdir(node.keys)
    node.authorize(laptop)
    check([p[0] for p in node.call('ListAuthorizedPeers')[0]] == [laptop.id], 'once it can be read')
    node.stop()
    node.bus_process.kill()


def t_expiry_is_enforced():
    home.call('DeauthorizePeer', 'sb', laptop.id, 'true')
    # Whole seconds are written, so the end is between one and two seconds away.
    end = int(time.time()) + 2
    home.authorize(laptop, expires=('t', end * 1000000))
    check(home.call('ListAuthorizedPeers')[0][0][3] == end * 1000000, 'expiry shown')
    p = laptop.proxy('home', 'echo')
    s = dial(p.where)
    s.sendall(b'x')
    check(s.recv(1) == b'x', 'before')
    try:
        check(s.recv(1) == b'', 'bytes')
        raise Failed('a clean end')
    except ConnectionResetError:
        pass
    check(-0.1 < time.time() - end < 1, 'off by', time.time() - end)
    check(is_reset(p.where), 'let in after the end')
    check('past' in home.refused('AuthorizePeer', 'ssa{sv}', laptop.id, '', 1, 'expires', 't', 5), 'the past')
    p.kill()
    home.call('DeauthorizePeer', 'sb', laptop.id, 'true')
    home.authorize(laptop)


def t_authorize_arguments():
    check('authorized already' in home.refused('AuthorizePeer', 'ssa{sv}', laptop.id, '', 0), 'twice')
    check('no peer id' in home.refused('AuthorizePeer', 'ssa{sv}', 'garbage', '', 0), 'garbage')
    check('on the other machine' in home.refused('AuthorizePeer', 'ssa{sv}', home.id, '', 0), 'its own id')
    check('no option' in home.refused('AuthorizePeer', 'ssa{sv}', OTHER, '', 1, 'color', 's', 'red'), 'option')
    check('another type' in home.refused('AuthorizePeer', 'ssa{sv}', OTHER, '', 1, 'expires', 's', 'x'), 'type')
    check('A name has' in home.refused('AuthorizePeer', 'ssa{sv}', OTHER, '', 1, 'name', 's', 'a b'), 'name')
    check('not authorized' in home.refused('DeauthorizePeer', 'sb', OTHER, 'true'), 'unknown')
    home.call('AuthorizePeer', 'ssa{sv}', OTHER, 'a\nb', 1, 'name', 's', 'self')
    check(home.get('Names') == {'self': OTHER}, home.get('Names'))
    with open(home.keys) as f:
        check(all(len(line) < 90 for line in f), 'a newline got into the file')
    home.call('DeauthorizePeer', 'sb', 'self', 'true')
    with open(home.config) as f:
        check('self' in f.read(), 'the name is in the config')
