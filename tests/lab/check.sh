# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# What cases check with, sourced by them. Needs lab_up.
#
#   passed WHAT                       says so; a case that fails ends there
#   in_net NAME COMMAND...            a program of the machine that runs the lab, in the network of NAME
#   ending NAME ADDRESS PORT [SECONDS]  connects, sends a line, and prints how it ended: see ending.py
#   cuts NAME ADDRESS PORT SECONDS COMMAND...  a connection that flows is reset within so many seconds of COMMAND
#   backend NAME PORT HOW             a service on NAME: see backend.py
#   journal NAME UNIT SINCE OPTION... what UNIT and PID 1 said of it since then (from moment NAME)
#   said NAME UNIT SINCE REGEX        there is such a line; explained: with the words of the catalog
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

# The seconds it took are in $took.
cuts() { # NAME ADDRESS PORT SECONDS COMMAND...
        local begin how n at pid
        rm -f "$LAB_TMP/begun"
        ending "$1" "$2" "$3" 60 >"$LAB_TMP/ending" 2>"$LAB_TMP/begun" &
        pid=$!
        wait_for "a connection that flows" 20 grep -qs begun "$LAB_TMP/begun"
        begin=$EPOCHREALTIME
        "${@:5}"
        wait_for "its end" 50 ended "$pid"
        read -r how n _ at <"$LAB_TMP/ending"
        took=$(awk "BEGIN { printf \"%.3f\", $at - $begin }")
        [ "$how" = reset ] || die "after ${*:5} a connection of $n bytes ended: $how"
        awk "BEGIN { exit !($took <= $4) }" || die "${*:5}: cut after $took s"
}

ended() { # PID
        ! kill -0 "$1" 2>/dev/null
}

backend() { # NAME PORT HOW
        in_net "$1" python3 "$lab_source/backend.py" "$2" "$3" 2>/dev/null &
        wait_for "the backend on $2" 30 on "$1" nc -z 127.0.0.1 "$2"
}

moment() { # NAME
        on "$1" date +%s.%N
}

# All that was said before this call: journald may be behind by a moment.
journal() { # NAME UNIT SINCE OPTION...
        on "$1" journalctl --sync
        on "$1" journalctl --quiet --no-pager --since="@$3" --unit="$2" "${@:4}"
}

# The whole is read first: grep ends at the first match, and journalctl that writes on would be a failure of the pipe.
said() { # NAME UNIT SINCE REGEX
        local text
        text=$(journal "${@:1:3}" --output=cat)
        grep -qE -- "$4" <<<"$text"
}

explained() { # NAME UNIT SINCE REGEX
        local text
        text=$(journal "${@:1:3}" --catalog)
        grep -qE -- "$4" <<<"$text"
}

peerup_go() {
        local go
        go=$("$lab_source/../interop/go-command")
        (cd "$lab_source/../interop/go" && "$go" build -trimpath -buildvcs=false -o "$go_peer" .)
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
