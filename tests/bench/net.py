# SPDX-License-Identifier: LGPL-2.1-or-later
"""The bench's namespaces and processes. Everything made here is gone after close()."""

import os, re, resource, shutil, subprocess, tempfile, time

TICKS = os.sysconf('SC_CLK_TCK')
BUS_CONF = '''<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=%s</listen><auth>EXTERNAL</auth><policy context="default">
<allow own="*"/><allow send_destination="*"/><allow receive_sender="*"/><allow user="*"/></policy></busconfig>'''
WINDOWS = {
    'net.ipv4.tcp_rmem': '4096 131072 67108864',
    'net.ipv4.tcp_wmem': '4096 16384 67108864',
}
KERNEL_WINDOWS = {
    'net.ipv4.tcp_rmem': '4096 131072 6291456',
    'net.ipv4.tcp_wmem': '4096 16384 4194304',
}
SYSCTLS = {
    'net.ipv4.ip_local_port_range': '1024 65535',
    'net.ipv4.tcp_tw_reuse': '1',
    'net.ipv4.tcp_max_tw_buckets': '8192',
    'net.core.somaxconn': '8192',
}


class Broken(Exception):
    pass


def run(*args, **kw):
    done = subprocess.run(args, capture_output=True, text=True, **kw)
    if done.returncode != 0:
        raise Broken('%s: %s' % (' '.join(args), done.stderr.strip() or done.stdout.strip()))
    return done.stdout


class Process:
    """A program in a namespace; its output goes to a file."""

    def __init__(self, lab, ns, name, argv, env=None, stdin=subprocess.DEVNULL):
        self.name, self.log = name, os.path.join(lab.dir, name + '.log')
        with open(self.log, 'w') as log:
            self.popen = subprocess.Popen(['ip', 'netns', 'exec', lab.ns(ns), *argv], stdin=stdin, stdout=log, stderr=log,
                                          env=dict(os.environ, **(env or {})))
        self.pid = self.popen.pid

    def text(self):
        with open(self.log) as f:
            return f.read()

    def wait_for(self, pattern, seconds=20):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = re.search(pattern, self.text(), re.M)
            if found:
                return found
            if self.popen.poll() is not None:
                break
            time.sleep(0.02)
        raise Broken('%s: no %s; it said: %s' % (self.name, pattern, self.text()[-400:]))

    def stop(self):
        if self.popen.poll() is None:
            self.popen.terminate()
        try:
            self.popen.wait(10)
        except subprocess.TimeoutExpired:
            self.popen.kill()
            self.popen.wait()

    def status(self, key):
        with open('/proc/%d/status' % self.pid) as f:
            return int(re.search(r'^%s:\s+(\d+)' % key, f.read(), re.M).group(1))

    def switches(self):
        """Of all its threads."""
        total = 0
        for task in os.listdir('/proc/%d/task' % self.pid):
            with open('/proc/%d/task/%s/status' % (self.pid, task)) as f:
                total += sum(int(n) for n in re.findall(r'^(?:non)?voluntary_ctxt_switches:\s+(\d+)', f.read(), re.M))
        return total


def children(pid):
    """The process and all below it."""
    below, parents = [pid], {}
    for entry in os.listdir('/proc'):
        if entry.isdigit():
            try:
                with open('/proc/%s/stat' % entry) as f:
                    parents[int(entry)] = int(f.read().rsplit(')', 1)[1].split()[1])
            except OSError:
                pass
    for p in below:
        below += [c for c, parent in parents.items() if parent == p]
    return below


def cpu_seconds(processes):
    """utime + stime, of their children too; those that ended do not count."""
    total = 0
    for pid in {c for p in processes for c in children(p.pid)}:
        try:
            with open('/proc/%d/stat' % pid) as f:
                fields = f.read().rsplit(')', 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        except OSError:
            pass
    return total / TICKS


class Lab:
    """Namespaces a (client), b (server) and r (relay), joined by cables with or without delay."""

    def __init__(self, tree):
        self.tree, self.dir = tree, tempfile.mkdtemp(prefix='peerup-bench-')
        self.processes, self.namespaces = [], []
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (65536, 65536))
        except (ValueError, OSError):
            pass

    def ns(self, name):
        return 'peerup-bench-%d-%s' % (os.getpid(), name)

    def namespace(self, name, windows=None):
        run('ip', 'netns', 'add', self.ns(name))
        self.namespaces.append(name)
        run('ip', '-n', self.ns(name), 'link', 'set', 'lo', 'up')
        run('ip', 'netns', 'exec', self.ns(name), 'sysctl', '-qw', 'net.ipv6.conf.all.disable_ipv6=1',
            *('%s=%s' % s for s in {**SYSCTLS, **(windows or WINDOWS)}.items()))

    def cable(self, one, other, net, rtt_ms=0, loss=0):
        """45.79.NET.1 and .2: ordinary public addresses (go-libp2p takes the documentation's for private). loss: of 10,000."""
        device = 'to%d' % net
        if rtt_ms == 0:
            run('ip', '-n', self.ns(one), 'link', 'add', device, 'type', 'veth', 'peer', 'name', device, 'netns', self.ns(other))
        else:
            self.start(one, 'delay%d' % net, [self.tool('bench-delay'), self.ns(one), device, self.ns(other), device,
                                              str(int(rtt_ms * 500)), str(loss)]).wait_for('^READY')
        for i, name in enumerate((one, other), 1):
            run('ip', '-n', self.ns(name), 'address', 'add', '45.79.%d.%d/24' % (net, i), 'dev', device)
            run('ip', '-n', self.ns(name), 'link', 'set', device, 'up', 'txqueuelen', '10000')

    def tool(self, name):
        return os.path.join(self.tree, 'tests', name)

    def start(self, ns, name, argv, **kw):
        p = Process(self, ns, name, argv, **kw)
        self.processes.append(p)
        return p

    def load(self, *args, timeout=120):
        """A client of bench-load in a; its numbers."""
        out = run('ip', 'netns', 'exec', self.ns('a'), self.tool('bench-load'), *map(str, args), timeout=timeout)
        return [float(x) for x in out.split()]

    def reset(self):
        for p in reversed(self.processes):
            p.stop()
        for name in self.namespaces:
            subprocess.run(['ip', 'netns', 'del', self.ns(name)], capture_output=True)
        self.processes, self.namespaces = [], []

    def close(self):
        self.reset()
        shutil.rmtree(self.dir, ignore_errors=True)
