# SPDX-License-Identifier: LGPL-2.1-or-later
"""What was measured: rows of values of each way, their medians, and what was to be reached."""

import statistics, sys

COLUMNS = ['ours', 'go-noise', 'go-default', 'go-quic', 'ssh', 'pipe', 'tcp']
rows = []


def log(*text):
    print('#', *text, file=sys.stderr, flush=True)


class Row:
    """values: way -> list. target: (text, test of the median of ours, of those of go by name, and of the pipe's)."""

    def __init__(self, name, form='%.2f', target=None):
        self.name, self.form, self.target, self.values = name, form, target, {}
        rows.append(self)

    def add(self, way, value):
        self.values.setdefault(way, []).append(value)
        log('%-34s %-10s %s' % (self.name, way, self.form % value))

    def cells(self, columns):
        of = {c: statistics.median(v) for c, v in self.values.items()}
        cells = [self.name, *(self.form % of[c] if c in of else '-' for c in columns)]
        if not self.target or 'ours' not in of:
            return [*cells, '', '']
        reached = self.target[1](of['ours'], {c: v for c, v in of.items() if c.startswith('go')}, of.get('pipe', 0))
        return [*cells, self.target[0], 'reached' if reached else 'NOT reached']


def at_least(value):
    return ('>= %g' % value, lambda x, go, pipe: x >= value)


def at_most(value):
    return ('<= %g' % value, lambda x, go, pipe: x <= value)


def best(go):
    return max(go.values(), default=0)


def times_go(factor, then=0):
    """Times what go did in this run, on this machine as busy as it is, or absolutely: times `then`, measured before."""
    text = '>= %g x go' % factor + (', or %g' % (factor * then) if then else '')
    return (text, lambda x, go, pipe: x >= factor * best(go) > 0 or 0 < factor * then <= x)


def share_of_pipe(share, factor):
    """What TLS costs anybody in this run is the limit; and go is to be left behind."""
    return ('>= %d %% of pipe, %g x go' % (100 * share, factor), lambda x, go, pipe: x >= share * pipe > 0 and x >= factor * best(go) > 0)


def part_of_go(part):
    """Of what the original spends, which runs with go's defaults."""
    return ('<= %.2g x go-default' % part, lambda x, go, pipe: 0 < x <= part * go.get('go-default', 0))


def print_rows(some):
    """With the columns that have anything."""
    some = [r for r in some if r.values]
    if not some:
        return
    columns = [c for c in COLUMNS if any(c in r.values for r in some)]
    head = ['', *columns, 'target', '']
    cells = [head, ['---'] * len(head)] + [r.cells(columns) for r in some]
    widths = [max(3, *(len(c[i]) for c in cells)) for i in range(len(head))]
    print()
    for c in cells:
        print('| ' + ' | '.join(x.ljust(w) for x, w in zip(c, widths)) + ' |', flush=True)
