# SPDX-License-Identifier: LGPL-2.1-or-later
"""Certificates of wss, and addresses that cannot work."""

import os, shutil, signal, socket, ssl, subprocess, time

from common import check, wait_for
from node import Node, RelayNode
from traffic import Backend


def self_signed(directory, name):
    """NAME.crt and NAME.key in there; returns the certificate as DER."""
    path = os.path.join(directory, name)
    subprocess.run(['openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2',
                    '-subj', '/CN=' + name, '-keyout', path + '.key', '-out', path + '.crt'], check=True, capture_output=True)
    with open(path + '.crt') as f:
        return ssl.PEM_cert_to_DER_cert(f.read())


def served(port):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(('127.0.0.1', port), 5) as s, context.wrap_socket(s) as t:
        return t.getpeercert(True)


def renew(node, old, new, say):
    """A reload serves what the files have now; a broken file changes nothing and is told."""
    def take(name):
        for suffix in ('crt', 'key'):
            shutil.copy(os.path.join(node.dir, name + '.' + suffix), os.path.join(node.dir, 'wss.' + suffix))

    def reload(text):
        seen = len(say())
        node.process.send_signal(signal.SIGHUP)
        wait_for(text, 5, lambda: text in say()[seen:])

    check(served(node.port) == old, 'the first certificate')
    take('new')
    check(served(node.port) == old, 'without a reload')
    reload('read again')
    check(served(node.port) == new, 'the new certificate')
    with open(os.path.join(node.dir, 'wss.crt'), 'w') as f:
        f.write('-----BEGIN CERTIFICATE-----\nhalf')
    reload('what was read before stays in use')
    check(served(node.port) == new, 'after a broken file')


def t_a_renewed_certificate_is_served_after_a_reload():
    node, relay = Node('web'), RelayNode('web-relay', '/ip4/127.0.0.1/tcp/%d/tls/ws')
    for n in (node, relay):
        old, new = self_signed(n.dir, 'wss'), self_signed(n.dir, 'new')
        if n is node:
            n.write_config(listen='["/ip4/127.0.0.1/tcp/%d/tls/ws"]\n  tls: {certificate: wss.crt, key: wss.key}' % n.port)
            n.start()
        else:
            n.start(tls='tls: {certificate: wss.crt, key: wss.key}')
        renew(n, old, new, lambda: open(n.dir + '/log').read())
        n.stop()
        n.bus_process.kill()


def na(b, s):
    """multistream-select without anything that we propose."""
    f = s.makefile('rwb')
    while True:
        line = f.read(f.read(1)[0])
        f.write(b'\x13/multistream/1.0.0\n' if line.startswith(b'/multistream') else b'\x03na\n')
        f.flush()


def t_who_cannot_be_connected_to_is_told_why():
    stranger = Node('web-stranger')
    self_signed(stranger.dir, 'wss')
    stranger.write_config(listen='["/ip4/127.0.0.1/tcp/%d/tls/ws"]\n  tls: {certificate: wss.crt, key: wss.key}' % stranger.port)
    stranger.start()
    asker, alien = Node('web-asker'), Backend(na)
    tls = 'tcp/%d/tls/ws' % stranger.port
    own = '[]\n  tls: {trust: %s/wss.crt}' % stranger.dir  # then only its name is wrong
    for at, listen, said, of_relay in (
            ('tcp/' + alien.address.split(':')[1], '[]', 'stranger has no way to connect in common with this machine; update '
             'peer-up on stranger: ', 'has no way to connect in common with this machine'),
            (tls, '[]', 'the certificate of a wss address on the way to stranger comes from nobody whom this machine trusts; '
             'name the file of its authority here, below network: tls: trust:', 'nobody whom this machine trusts vouches'),
            (tls, own, 'the certificate of a wss address on the way to stranger is for another name; write the address with',
             'its certificate is for another name')):
        address = '/ip4/127.0.0.1/%s/p2p/%s' % (at, stranger.id)
        asker.write_config(names='{stranger: "%s"}' % stranger.id, bootstrap='["%s"]' % address, relays='[]',
                           listen=listen.replace('[]', '["/ip4/127.0.0.1/tcp/%d"]' % asker.port, 1))
        asker.start()
        began = time.monotonic()
        refused = asker.refused('OpenStream', 'ss', 'stranger', 'echo')
        check(said in refused, refused)
        check(time.monotonic() - began < 10, 'it took', time.monotonic() - began)
        asker.call('AddRelay', 's', address)
        wait_for(of_relay, 10, lambda: of_relay in str(asker.call('ListRelays')))
        asker.stop()
    stranger.stop()
    for n in (stranger, asker):
        n.bus_process.kill()
