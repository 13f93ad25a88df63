# SPDX-License-Identifier: LGPL-2.1-or-later
"""Two daemons: home serves, laptop asks. The cases find them as they were, and leave them so."""

from node import Node
from traffic import Backend, dial, echo, exchange, late, rude, sink
from common import wait_for

home, laptop = Node('home'), Node('laptop')
echo_backend, late_backend, rude_backend, sink_backend = Backend(echo), Backend(late), Backend(rude), Backend(sink)


def start():
    services = '\n'.join('  %s:\n    enabled: true\n    local_address: "%s"' % s for s in (
        ('echo', echo_backend.address), ('late', late_backend.address), ('rude', rude_backend.address),
        ('sink', sink_backend.address), ('dead', 'localhost:1')))
    home.write_config(services='\n' + services)
    home.start()
    laptop.write_config(bootstrap='["/ip4/127.0.0.1/tcp/%d/p2p/%s"]' % (home.port, home.id), names='{home: "%s"}' % home.id)
    laptop.start()
    home.authorize(laptop)


def back_in():
    p = laptop.proxy('home', 'echo')

    def works():
        try:
            return exchange(p.where, b'x') == b'x'
        except OSError:
            return False
    wait_for('the return', 5, works)
    p.kill()
