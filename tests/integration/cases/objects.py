# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the daemon shows on the bus."""

import os, re, socket, subprocess, time

from common import ROOT, check, spawn, wait_for
from node import NAME, PATH, Node, RelayNode
from world import home, laptop


def t_first_start_makes_identity_and_config():
    node = Node('fresh')
    node.start()
    check(os.stat(node.config).st_mode & 0o777 == 0o600, 'mode of the config')
    check(os.stat(os.path.join(node.dir, 'identity.key')).st_mode & 0o777 == 0o600, 'mode of the key')
    check(node.notify.has('STATUS='), 'no STATUS')
    check(node.get('Gating') is True, 'gating is off')
    first = node.id
    node.stop()
    check(node.start().id == first, 'another identity after a restart')
    node.stop()
    check(node.notify.has('STOPPING=1'), 'no STOPPING')
    node.bus_process.kill()


def t_introspection_is_the_xml():
    p = laptop.proxy('home', 'echo')
    laptop.call('Ping', 's', 'home')
    objects = {'Manager': (home, PATH), 'Service': (home, PATH + '/service/echo'), 'Proxy': (laptop, p.path),
               'Peer': (laptop, laptop.call('Resolve', 's', 'home')[2])}
    def block(text):
        text = re.sub(r'<!--.*?-->', '', text, flags=re.S)
        return [line.strip() for line in text.splitlines() if line.strip()]
    for noun, (node, path) in objects.items():
        running = node.busctl('call', NAME, path, 'org.freedesktop.DBus.Introspectable', 'Introspect')['data'][0]
        with open('%s/dbus/%s.%s.xml' % (ROOT, NAME, noun)) as f:
            wanted = f.read()
        pattern = r'<interface name="%s\.%s">.*?</interface>' % (re.escape(NAME), noun)
        got, want = (block(re.search(pattern, t, re.S).group(0)) for t in (running, wanted))
        check(got == want, noun, 'differs:', [x for x in zip(got, want) if x[0] != x[1]][:3])
    p.kill()


def t_ping_and_lists():
    peer, rtt, path = laptop.call('Ping', 's', 'home')
    check(peer == home.id and 0 < rtt < 5000000 and path == 'DIRECT', peer, rtt, path)
    check(laptop.call('Ping', 's', home.id)[0] == home.id, 'by id')
    row = [p for p in wait_for('identify', 5, lambda: laptop.call('ListPeers', 'b', 'false')[0]) if p[0] == home.id]
    check(row and row[0][1].startswith('peerup/'), row)
    path_row = laptop.call('ListPaths')[0][0]
    check(path_row[1] == 'DIRECT' and path_row[4:6] == ['tcp', 'ipv4'], path_row)
    check(abs(path_row[3] / 1e6 - time.time()) < 600, 'connected since', path_row[3])
    check(laptop.get('ConnectedPeers') == 1, 'connected peers')
    name, source, obj = laptop.call('Resolve', 's', 'home')
    check(source == 'local_config' and laptop.get('Name', obj, 'Peer') == 'home', source)
    check('NoSuchPeer' in laptop.refused('Ping', 's', 'nobody') or 'No peer' in laptop.refused('Ping', 's', 'nobody'), 'name')
    check({s[0] for s in home.call('ListServices')[0]} == {'echo', 'late', 'rude', 'sink', 'dead'}, 'services')
    check(home.call('ListAuthorizedPeers')[0][0][:2] == [laptop.id, 'laptop'], 'authorized')


def addresses_are_news(node, bus, path, interface):
    """An address of this machine comes: the property says so, and so does a signal."""
    def addresses():
        return node.busctl('get-property', bus, path, interface, 'ListenAddresses')['data']
    monitor = spawn(['busctl', '--address=unix:path=' + node.bus, '--json=short', 'monitor', bus], stdout=subprocess.PIPE,
                    stderr=subprocess.DEVNULL, text=True)
    time.sleep(0.5)
    subprocess.run(['ip', 'address', 'add', '192.0.2.77/32', 'dev', 'lo'], check=True)
    try:
        wait_for('the new address', 5, lambda: '192.0.2.77' in str(addresses()))
        time.sleep(1.5)
    finally:
        subprocess.run(['ip', 'address', 'delete', '192.0.2.77/32', 'dev', 'lo'], check=True)
        monitor.terminate()
    text = monitor.communicate()[0]
    check('PropertiesChanged' in text and 'ListenAddresses' in text and '192.0.2.77' in text, node.name, 'sent', text)


def t_addresses_are_news():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        check(s.connect_ex(('198.51.100.1', 9)) != 0, 'a network of its own is wanted: tests/integration/run')
    node, relay = Node('moving'), RelayNode('moving-relay', '/ip4/0.0.0.0/tcp/%d')
    node.write_config(listen='["/ip4/0.0.0.0/tcp/%d"]' % node.port)
    addresses_are_news(node.start(), NAME, PATH, NAME + '.Manager')
    addresses_are_news(relay.start(), 'dev.peerup.relay1', '/dev/peerup/relay1', 'dev.peerup.relay1.Manager')
    for n in (node, relay):
        n.stop()
        n.bus_process.kill()


def t_objects_are_managed():
    tree = home.busctl('call', NAME, PATH, 'org.freedesktop.DBus.ObjectManager', 'GetManagedObjects')['data'][0]
    check(PATH + '/service/echo' in tree, list(tree))
    check(any('/peer/' in k for k in tree), 'no peer among', list(tree))
    monitor = spawn(['busctl', '--address=unix:path=' + home.bus, '--json=short', 'monitor', NAME],
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    time.sleep(0.5)
    home.call('ExposeService', 'ssa{sv}', 'brief', 'localhost:9', 0)
    home.call('UnexposeService', 's', 'brief')
    time.sleep(0.5)
    monitor.terminate()
    text = monitor.communicate()[0]
    check('InterfacesAdded' in text and 'InterfacesRemoved' in text, 'signals')
