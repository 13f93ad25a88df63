# SPDX-License-Identifier: LGPL-2.1-or-later
# The relay journey over each stack: the relay listens there and nowhere else. Of relay.sh: public; of ws.sh: web_files.

# case_over RELAY CALLER CALLEE TAIL FLAGS...: flags for all three.
case_over() {
        local tail=$4 at relay=$1 caller=$2 callee=$3
        shift 4
        stop_peers
        peer_start "$relay" relay --role relay --key "$(seed 9)" --listen "$public/$tail" --data-limit 100000000 "$@" || return 1
        at=$(sed -n 's/^ADDR //p' "$tmp/relay.out" | head -n1)
        [[ $at == *"${tail#*/0}/p2p/$(id 9)" ]] || { because "the relay listens on $at"; return 1; }
        peer_start "$callee" called --key "$(seed 1)" --relay "$at" --echo "$@" || return 1
        await called "^RESERVED [0-9]+ $(id 9)" 15 || return 1
        dial "$caller" --key "$(seed 2)" "$@" --dial "$at/p2p-circuit/p2p/$(id 1)" identify ping:3 echo:1048576 halfclose ||
                return 1
        told dial "^CONNECTED $(id 1) outbound limited" && told called "^CONNECTED $(id 2) inbound limited" || return 1
        told dial '^ECHO ok 1048576 '
}

# The two ends reach the relay by different ways.
case_mixed() { # RELAY CALLER CALLEE CALLER'S TAIL CALLEE'S TAIL
        local tail at flags=("${with[@]}")
        stop_peers
        for tail in tcp/0 tcp/0/ws tcp/0/tls/ws udp/0/quic-v1; do flags+=(--listen "$public/$tail"); done
        peer_start "$1" relay --role relay --key "$(seed 9)" "${flags[@]}" --data-limit 100000000 || return 1
        relay_at() { sed -nE "s#^ADDR (.*/${1/0/[0-9]+}/p2p/.*)#\1#p" "$tmp/relay.out" | head -n1; }
        peer_start "$3" called --key "$(seed 1)" --relay "$(relay_at "$5")" --echo "${with[@]}" || return 1
        await called "^RESERVED [0-9]+ $(id 9)" 15 || return 1
        at=$(relay_at "$4")
        dial "$2" --key "$(seed 2)" "${with[@]}" --dial "$at/p2p-circuit/p2p/$(id 1)" ping echo:1048576 || return 1
        told dial '^ECHO ok 1048576 ' && told relay "^CONNECTED $(id 1) .*/${5/0/[0-9]+}" ||
                { because "relay: $(grep ^CONNECTED "$tmp/relay.out" | tr '\n' ' ')"; return 1; }
}

relay_over_cases() {
        local three relay caller callee with=()

        if [ -z "$list" ]; then
                web_files "$tmp/web" || { echo "not ok relay over wss: $why"; failed=$((failed + 1)); return; }
                with=(--web-certificate "$tmp/web/us.crt" --web-key "$tmp/web/us.key" --web-trust "$tmp/web/ca.pem")
        fi
        for three in "ours ours go" "ours go ours" "go ours ours"; do
                read -r relay caller callee <<<"$three"
                check "relay-$relay/$caller-calls-$callee/over-tcp-tls" case_over $relay $caller $callee tcp/0 --security tls
                check "relay-$relay/$caller-calls-$callee/over-tcp-noise" case_over $relay $caller $callee tcp/0 --security noise
                check "relay-$relay/$caller-calls-$callee/over-quic" case_over $relay $caller $callee udp/0/quic-v1
                check "relay-$relay/$caller-calls-$callee/over-ws" case_over $relay $caller $callee tcp/0/ws
                check "relay-$relay/$caller-calls-$callee/over-wss" case_over $relay $caller $callee tcp/0/tls/ws "${with[@]}"
        done
        check relay-js/ours-calls-ours/over-ws case_over js ours ours tcp/0/ws
        check relay-js/ours-calls-ours/over-wss case_over js ours ours tcp/0/tls/ws "${with[@]}"
        check relay-ours/ours-calls-go/over-quic-and-wss case_mixed ours ours go udp/0/quic-v1 tcp/0/tls/ws
        check relay-ours/go-calls-ours/over-tcp-and-quic case_mixed ours go ours tcp/0 udp/0/quic-v1
        check relay-go/ours-calls-ours/over-ws-and-quic case_mixed go ours ours tcp/0/ws udp/0/quic-v1
        [ -n "$list" ] || stop_peers
}
