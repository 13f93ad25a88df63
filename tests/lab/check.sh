# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What cases check with, sourced by them. Needs lab_up.
#
#   passed WHAT                       says so; a case that fails ends there
#   in_net NAME COMMAND...            a program of the machine that runs the lab, in the network of NAME
#   ending NAME ADDRESS PORT [SECONDS]  connects, sends a line, and prints how it ended: reset, end, or late
#   said NAME UNIT SINCE REGEX        the journal of UNIT has such a line since then (from moment NAME)
#   peerup_go                         builds the go peer of the interop matrix, once; path in $go_peer
#   go_start NAME FLAGS...            runs it on NAME; go_line NAME REGEX: it printed such a line

go_peer=$(realpath -m "$LAB_ROOT/../go-peer")

passed() { # WHAT
        echo "ok: $*"
}

in_net() { # NAME COMMAND...
        (
                echo "$BASHPID" >"$lab_cgroup/$1/commands/cgroup.procs"
                exec ip netns exec "$1" "${@:2}"
        )
}

ending() { # NAME ADDRESS PORT [SECONDS]
        in_net "$1" python3 "$lab_source/ending.py" "$2" "$3" "${4:-20}"
}

moment() { # NAME
        on "$1" date +%s.%N
}

said() { # NAME UNIT SINCE REGEX
        on "$1" journalctl --quiet --no-pager --output=cat --since="@$3" --unit="$2" | grep -qE -- "$4"
}

explained() { # NAME UNIT SINCE REGEX: as the catalog explains it
        on "$1" journalctl --quiet --no-pager --catalog --since="@$3" --unit="$2" | grep -qE -- "$4"
}

peerup_go() {
        (cd "$lab_source/../interop/go" && go build -trimpath -buildvcs=false -o "$go_peer" .)
}

go_start() { # NAME FLAGS...
        [ -x "$go_peer" ] || die "there is no $go_peer"
        on "$1" test -x /usr/local/bin/go-peer || copy_in "$1" "$go_peer" /usr/local/bin/go-peer 755
        on "$1" systemd-run --quiet --unit=go-peer --property=LimitNOFILE=65536 /usr/local/bin/go-peer "${@:2}"
        wait_for "the go peer on $1" 10 go_line "$1" '^READY '
}

go_stop() { # NAME
        on "$1" systemctl stop go-peer
}

go_line() { # NAME REGEX: the last such line is in $reply
        reply=$(on "$1" journalctl --quiet --no-pager --output=cat --unit=go-peer | grep -E -- "$2" | tail -n1)
        [ -n "$reply" ]
}
