# SPDX-License-Identifier: LGPL-2.1-or-later
"""A path that dies without a word, while there is another."""

import time

from common import check
from node import Node
from traffic import Path, exchange, is_reset
from world import home


def seconds(what):
    begin = time.monotonic()
    what()
    return time.monotonic() - begin


def t_what_hangs_on_a_dead_path_ends_and_the_next_works():
    path, guest = Path(home.port), Node('guest')
    guest.write_config(bootstrap='["/ip4/127.0.0.1/tcp/%d/p2p/%s"]' % (path.port, home.id), names='{home: "%s"}' % home.id)
    guest.start()
    home.authorize(guest)
    p = guest.proxy('home', 'echo')
    check(exchange(p.where, b'before') == b'before', 'no path to begin with')
    path.die()
    time.sleep(0.3)
    took = seconds(lambda: check(is_reset(p.where), 'no reset'))
    check(4 <= took <= 7, 'it hung for %.1f s' % took)
    took = seconds(lambda: check(exchange(p.where, b'after') == b'after', 'another answer'))
    check(took <= 2, 'the next took %.1f s' % took)
    p.kill()
    guest.stop()
    guest.bus_process.kill()
    home.call('DeauthorizePeer', 'sb', guest.id, 'true')
