# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The lab, sourced by a bash script (demo, run and the cases): machines under real systemd behind real NAT.
#
#   lab_up                            relay 45.79.0.10; home and laptop, each behind a box that lets nothing in
#   machine_start NAME, machine_stop  boots it (a second); a stopped machine forgets everything
#   on NAME COMMAND...                runs it there as root; on_user NAME USER COMMAND... as somebody else
#   copy_in NAME FILE PATH [MODE]     wait_for "what is awaited" SECONDS COMMAND...
#
# Sourcing runs the script anew in a mount namespace with a /run of its own: names of namespaces, sockets and
# temporary files end with it. What could survive are processes, and these are in one control group, that is
# killed when the script ends, however it ends.

set -euo pipefail

lab_source=$(realpath "${BASH_SOURCE[0]%/*}")
# shellcheck source=tests/lab/place.sh
. "$lab_source/place.sh"
LAB_TMP=/run/lab

declare -A lab_nspawn lab_init # NAME -> its supervisor here, and its PID 1 seen from here

die() {
        echo "lab: $*" >&2
        exit 1
}

[ "$(id -u)" = 0 ] || die "must be root"
if [ "${LAB_UNSHARED-}" != $$ ]; then
        LAB_UNSHARED=$$ exec unshare --mount --propagation private "$0" "$@"
fi
unset LAB_UNSHARED

# shellcheck source=tests/lab/net.sh
. "$lab_source/net.sh"
# shellcheck source=tests/lab/leftovers.sh
. "$lab_source/leftovers.sh"

lab_up() {
        [ -d "$LAB_ROOT/usr" ] || die "no root file system at $LAB_ROOT: run $lab_source/prepare"
        lab_before=$(leftovers_snapshot)
        trap lab_exit EXIT
        trap 'exit 130' INT
        trap 'exit 143' TERM HUP

        mount -t tmpfs -o mode=755 tmpfs /run
        mkdir "$LAB_TMP" /run/netns
        lab_cgroup=$(lab_cgroup_root)/peerup-lab-$$
        mkdir "$lab_cgroup"
        net_up
}

lab_cgroup_root() {
        local path
        path=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
        [ -n "$path" ] || die "no cgroup v2 is mounted here"
        echo "$path"
}

lab_down() {
        [ -d "${lab_cgroup-}" ] || return 0
        echo 1 >"$lab_cgroup/cgroup.kill"
        wait_for "the end of all machines" 10 grep -qx 'populated 0' "$lab_cgroup/cgroup.events" || return 1
        find "$lab_cgroup" -depth -type d -exec rmdir {} +
}

lab_autopsy() {
        local name
        for name in "${!lab_init[@]}"; do
                echo "--- what peer-up said on $name:"
                on "$name" journalctl --sync || :
                on "$name" journalctl --boot --no-pager --output=short-precise --lines=30 --unit='peerup*' || :
        done
}

# With sanitized programs: they end, as leaks are told then, and none may have found anything.
lab_findings() {
        local name findings
        for name in "${!lab_init[@]}"; do
                on "$name" systemctl stop 'peerup-proxy@*' peerup-daemon peerup-relay 2>/dev/null || :
                findings=$(on "$name" journalctl --quiet --no-pager --output=cat |
                        grep -A 40 -E 'ERROR: (Address|Leak)Sanitizer|runtime error: ') || continue
                printf 'lab: a sanitizer says on %s:\n%s\n' "$name" "$findings" >&2
                return 1
        done
}

lab_exit() {
        local status=$?
        trap '' INT TERM HUP
        case $status in
                0 | 130 | 143) ;;
                *) lab_autopsy >&2 ;;
        esac
        [ -z "${SAN-}" ] || lab_findings || status=1
        lab_down || status=1
        leftovers_compare "$lab_before" || status=1
        exit "$status"
}

machine_start() { # NAME
        local cgroup=$lab_cgroup/$1
        mkdir "$cgroup" "$cgroup/commands"
        machine_tune "$1"
        (
                echo "$BASHPID" >"$cgroup/cgroup.procs"
                ulimit -n 524288 2>/dev/null || ulimit -n "$(ulimit -Hn)" # as PID 1 has, or what there is
                SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec setsid setpriv --pdeathsig KILL systemd-nspawn --quiet \
                        --directory="$LAB_ROOT" --volatile=overlay --boot --machine="$1" --keep-unit --register=no \
                        --capability=CAP_NET_ADMIN --network-namespace-path="/run/netns/$1" \
                        --resolv-conf=off --timezone=off --link-journal=no
        ) </dev/null >"$LAB_TMP/$1.console" 2>&1 &
        lab_nspawn[$1]=$!
        disown # or bash says "Killed" in the end
        wait_for "PID 1 of $1" 10 machine_find_init "$1" || machine_failed "$1"
        wait_for "the boot of $1" 30 machine_is_booted "$1" || machine_failed "$1"
}

# A container may not write to /proc/sys: what sysctl.d says of its network is written from here.
machine_tune() { # NAME
        local file
        for file in "$LAB_ROOT"/usr/lib/sysctl.d/*peerup.conf; do
                [ ! -f "$file" ] || ip netns exec "$1" sysctl -qp - < <(grep '^net[.]ipv4' "$file")
        done
}

machine_failed() { # NAME
        cat "$LAB_TMP/$1.console" >&2
        die "machine $1 does not start"
}

machine_find_init() { # NAME
        local pid
        [ -d "/proc/${lab_nspawn[$1]}" ] || die "systemd-nspawn has ended: $(cat "$LAB_TMP/$1.console")"
        pid=$(cut -d' ' -f1 "/proc/${lab_nspawn[$1]}/task/${lab_nspawn[$1]}/children")
        [ "$(cat "/proc/${pid:-self}/comm" 2>/dev/null)" = systemd ] || return 1
        lab_init[$1]=$pid
}

machine_is_booted() { # NAME
        case $(on "$1" systemctl is-system-running 2>/dev/null) in
                running | degraded) return 0 ;;
                *) return 1 ;;
        esac
}

machine_stop() { # NAME
        on "$1" systemctl --no-block poweroff
        wait_for "$1 to power off" 30 machine_is_off "$1" || echo 1 >"$lab_cgroup/$1/cgroup.kill"
        find "$lab_cgroup/$1" -depth -type d -exec rmdir {} +
        unset "lab_nspawn[$1]" "lab_init[$1]"
}

machine_is_off() { # NAME
        ! kill -0 "${lab_nspawn[$1]}" 2>/dev/null
}

on() { # NAME COMMAND...
        (
                echo "$BASHPID" >"$lab_cgroup/$1/commands/cgroup.procs"
                exec nsenter --target "${lab_init[$1]}" --mount --uts --ipc --net --pid --cgroup --root --wd -- \
                        env -i HOME=/root USER=root LOGNAME=root SHELL=/bin/bash LANG=C.UTF-8 TERM=dumb \
                        PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${@:2}"
        )
}

on_user() { # NAME USER COMMAND...
        on "$1" runuser --user "$2" -- env HOME=/ USER="$2" LOGNAME="$2" "${@:3}"
}

copy_in() { # NAME FILE PATH [MODE]
        on "$1" install -D -m "${4:-644}" /dev/stdin "$3" <"$2"
}

wait_for() { # DESCRIPTION SECONDS COMMAND...
        local deadline=$((${EPOCHREALTIME/./} + $2 * 1000000))
        until "${@:3}"; do
                if ((${EPOCHREALTIME/./} > deadline)); then
                        echo "lab: waited $2 s in vain for $1" >&2
                        return 1
                fi
                sleep 0.05
        done
}
