# SPDX-License-Identifier: LGPL-2.1-or-later
# A minute of silence, and a bad path: every stack in both roles, side by side. Three kinds of keepalive are at work: ours,
# go's, and ours towards rust, whose limit is 10 s.

path_near=45.79.9.1 path_far=45.79.9.2 # the same machine; to the far one through lossy-path
declare -A path_pids=()

# One listener of each program and security, with all its transports.
path_listen() { # PROGRAM SECURITY
        local at flags=()
        for at in tcp/0 tcp/0/ws tcp/0/tls/ws udp/0/quic-v1; do flags+=(--listen "/ip4/$path_near/$at"); done
        peer_start "$1" "path-$1-$2" --key "$(seed 1)" --security "$2" "${flags[@]}" "${with[@]}" --echo
}

path_address() { # PROGRAM STACK
        local tail='tcp/[0-9]+'
        case $2 in
        ws/*) tail+=/ws ;;
        wss/*) tail+='/(tls/ws|wss)' ;;
        quic/*) tail='udp/[0-9]+/quic-v1' ;;
        esac
        sed -nE "s#^ADDR (/ip4/$path_near/$tail/p2p/.*)#\\1#p" "$tmp/path-$1-${2#*/}.out" | head -n1
}

# In the background; lines to $tmp/NAME.out.
path_dial() { # NAME DIALER LISTENER STACK HOST ACTION...
        local file=$tmp/${1//\//-}.out to
        [[ $1 =~ ${ONLY-} ]] || return 0
        to=$(path_address "$3" "$4")
        # shellcheck disable=SC2086
        timeout 100 ${!2} --timeout 95 --security "${4#*/}" "${with[@]}" --dial "${to/$path_near/$5}" "${@:6}" \
                >"$file" 2>&1 </dev/null &
        path_pids[$1]=$!
}

path_ended() { # NAME REGEX
        local file=$tmp/${1//\//-}.out
        wait "${path_pids[$1]}" && grep -qE "$2" "$file" && return 0
        because "$(grep -v ^IDENTIFY "$file" | tail -n 3 | tr '\n' ' ')"
}

# (go takes eight connections from one address: the silent ones and the others come from two.)
path_each() { # PAIRS COMMAND: with NAME DIALER LISTENER STACK
        local pair stack
        for pair in $1; do
                for stack in tcp/tls tcp/noise ws/tls ws/noise wss/tls wss/noise quic/tls; do
                        "$2" "${pair/:/-dials-}/$stack" "${pair%:*}" "${pair#*:}" $stack
                done
        done
}

path_idle() { path_dial "idle-60-s/$1" "$2" "$3" "$4" $path_near echo:1 wait:60 echo:1; }
path_lossy() {
        local bytes=10485760
        [[ $2:$3:$4 != *js*:tcp/* && $2:$3:$4 != *js*:ws* ]] || bytes=2097152
        path_dial "lossy/$1" "$2" "$3" "$4" $path_far echo:$bytes
}
path_check_idle() { check "idle-60-s/$1" path_ended "idle-60-s/$1" '^WAIT ok$'; }
path_check_lossy() { check "lossy/$1" path_ended "lossy/$1" '^ECHO ok '; }

path_start() {
        local program security
        "$build/tests/lossy-path" lossy 10 20 >"$tmp/lossy.out" 2>"$tmp/lossy.err" &
        path_lossy=$!
        await lossy '^READY$' 5 && ip addr add $path_near/24 dev lossy && ip link set lossy up mtu 1500 txqueuelen 10000 ||
                { because "no bad path: $(cat "$tmp/lossy.err")"; return 1; }
        for program in ours go js; do
                for security in tls noise; do path_listen $program $security || return 1; done
        done
}

case_was_lossy() {
        kill $path_lossy && wait $path_lossy
        told lossy '^[0-9]{5,} seen, [0-9]{3,} lost, [0-9]{3,} late$'
}

path_checks() {
        local pair
        for pair in $path_pairs; do
                [ -n "$list" ] || path_each $pair path_lossy
                path_each $pair path_check_lossy
        done
        path_each "$path_pairs" path_check_idle
        check lossy/was-lossy case_was_lossy # the last: the address goes with it
}

paths_cases() {
        local with=() path_lossy path_pairs='ours:go go:ours ours:js js:ours'

        if [ -z "$list" ] && (list=1 && path_checks | grep -q .); then
                web_files "$tmp/web" || { echo "not ok paths: $why"; failed=$((failed + 1)); return; }
                with=(--web-certificate "$tmp/web/us.crt" --web-key "$tmp/web/us.key" --web-trust "$tmp/web/ca.pem")
                path_start || { echo "not ok paths: $why"; failed=$((failed + 1)); return; }
                path_each "$path_pairs" path_idle
        fi
        path_checks
        [ -n "$list" ] || stop_peers
}
