# SPDX-License-Identifier: LGPL-2.1-or-later
# What the cases share: starting and stopping peers, waiting for their lines, counting.

# Seeds and the ids that follow from them (32 equal bytes each): 1 listens, 2 dials, 3 is a stranger, 9 is the relay.
seed() { printf "0$1%.0s" {1..32}; }
id() {
        case $1 in
        1) echo 12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5 ;;
        2) echo 12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq ;;
        3) echo 12D3KooWRndVhVZPCiQwHBBBdg769GyrPUW13zxwqQyf9r3ANaba ;;
        9) echo 12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb ;;
        esac
}

passed=0 failed=0 pids=() why= how=()
list=${list-}

# Runs one case; it says why it failed in $why. Its peers end with it unless it is one of a group that shares them.
check() {
        local name=$1
        shift
        [[ $name =~ ${ONLY-} ]] || return 0
        [ -n "$list" ] && { echo "$name"; return 0; }
        why="it did not say why"
        if "$@"; then
                passed=$((passed + 1))
                echo "ok $name"
        else
                failed=$((failed + 1))
                echo "not ok $name: $why"
                [ -n "${VERBOSE-}" ] && tail -n 8 "$tmp"/*.out "$tmp"/*.err >&2
        fi
}

because() {
        why="$*"
        return 1
}

# peer_start PROGRAM LABEL FLAGS...: in the background, lines to $tmp/LABEL.out; returns once it is ready.
peer_start() {
        local program=$1 label=$2
        shift 2
        : >"$tmp/$label.out" # at once: the lines of its predecessor would be taken for its own
        # shellcheck disable=SC2086
        ${!program} "$@" >"$tmp/$label.out" 2>"$tmp/$label.err" </dev/null &
        pids+=($!)
        await "$label" '^READY ' 30 || because "$program as $label did not start: $(tail -n1 "$tmp/$label.out" "$tmp/$label.err" | tr '\n' ' ')"
}

# await LABEL REGEX SECONDS [COUNT]: until that many lines match.
await() {
        local end=$((SECONDS + $3)) n
        while n=$(grep -cE -- "$2" "$tmp/$1.out" 2>/dev/null); [ "${n:-0}" -lt "${4:-1}" ]; do # no file: no number
                [ $SECONDS -lt $end ] || { because "$1 never printed $2"; return 1; }
                sleep 0.02
        done
}

stop_peers() {
        local pid
        for pid in "${pids[@]}"; do
                kill "$pid" 2>/dev/null
                wait "$pid" 2>/dev/null
        done
        pids=()
}

# The address of a peer that was started; its TCP one.
address() { sed -n 's/^ADDR \(.*\/tcp\/.*\)/\1/p' "$tmp/$1.out" | head -n1; }

# dial PROGRAM FLAGS...: to its end, lines to $tmp/dial.out; good if it was. `how` are flags that its caller's caller set.
dial() {
        local program=$1
        shift
        # shellcheck disable=SC2086
        timeout 40 ${!program} --timeout 30 "${how[@]}" "$@" >"$tmp/dial.out" 2>"$tmp/dial.err" </dev/null ||
                because "$program: $(grep '^FAIL' "$tmp/dial.out" || tail -n1 "$tmp/dial.err")"
}

# Dialling must fail, and by itself: with FAIL, not by a crash or a timeout.
dial_fails() {
        local program=$1
        if dial "$@"; then because "$program was let in"; return 1; fi
        grep -q '^FAIL ' "$tmp/dial.out" || { because "$program died without FAIL: $(tail -n1 "$tmp/dial.err")"; return 1; }
        ! grep -q '^FAIL timeout' "$tmp/dial.out" || because "$program hung instead of being refused"
}

# told LABEL REGEX: that peer printed such a line.
told() { grep -qE -- "$2" "$tmp/$1.out" || because "$1 did not print $2"; }

# One of the IDENTIFY lines of a peer about another has all of these, each as a fixed string. (A push says less.)
identified() {
        local label=$1 who=$2 text want lacks=anything
        shift 2
        while IFS= read -r text; do
                lacks=
                for want; do [[ $text == *"$want"* ]] || lacks=$want; done
                [ -z "$lacks" ] && return 0
        done < <(grep "^IDENTIFY {\"peer\":\"$(id "$who")\"" "$tmp/$label.out")
        because "$label's identify of $(id "$who") lacks $lacks"
}
