# SPDX-License-Identifier: LGPL-2.1-or-later
"""What the scripts share: TREE out of their arguments, a directory of their own, checks."""

import os, socket, subprocess, sys, tempfile, time

TREE = os.path.abspath(sys.argv[1])
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), '..', '..'))
TMP = tempfile.mkdtemp(prefix='peerup-test-')
BUS_CONF = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default">
<allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow user="*"/></policy></busconfig>'''
spawned = []


class Failed(Exception):
    pass


def spawn(*args, **kw):
    spawned.append(subprocess.Popen(*args, **kw))
    return spawned[-1]


def check(condition, *why):
    if not condition:
        raise Failed(' '.join(str(w) for w in why))


def wait_for(what, seconds, probe):
    end = time.monotonic() + seconds
    while True:
        value = probe()
        if value:
            return value
        check(time.monotonic() < end, 'waited', seconds, 's for', what)
        time.sleep(0.02)


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]
