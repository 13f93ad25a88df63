# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What a run of the lab must leave as it was, seen from PID 1's namespaces: named network namespaces, mounts, network
# devices, nft rules, control groups. The control groups stand for the processes: one with a process in it cannot
# be removed. Other runs of the lab at the same time do not count.

leftovers_snapshot() {
        local root=/proc/1/root
        {
                ip -o link | awk -F': ' '{ print "device " $2 }'
                nft list ruleset | sed 's/^/nft /'
                find "$root/run/netns" -mindepth 1 -printf 'netns %f\n' 2>/dev/null || :
                awk '{ print "mount " $5 " " $9 }' /proc/1/mountinfo
                find "$root/sys/fs/cgroup" -type d -name 'peerup-lab-*' -printf 'cgroup %p\n' 2>/dev/null || :
        } | leftovers_of_others | sort
}

leftovers_of_others() {
        local pid line
        while read -r line; do
                pid=${line##*peerup-lab-}
                [[ $line == 'cgroup '* && $pid != "$$" && -d /proc/$pid ]] || echo "$line"
        done
}

leftovers_compare() { # SNAPSHOT
        local change
        change=$(diff <(echo "$1") <(leftovers_snapshot) | grep '^[<>]') || return 0
        printf 'lab: this is not as it was before (< before, > now):\n%s\n' "$change" >&2
        return 1
}
