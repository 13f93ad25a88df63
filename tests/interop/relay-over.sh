# SPDX-License-Identifier: LGPL-2.1-or-later
# The relay journey over each stack: the relay listens there and nowhere else. Of relay.sh: public, circuits.

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

relay_over_cases() {
        local three relay caller callee

        for three in "ours ours go" "ours go ours" "go ours ours"; do
                read -r relay caller callee <<<"$three"
                check "relay-$relay/$caller-calls-$callee/over-tcp-tls" case_over $relay $caller $callee tcp/0 --security tls
                check "relay-$relay/$caller-calls-$callee/over-tcp-noise" case_over $relay $caller $callee tcp/0 --security noise
                check "relay-$relay/$caller-calls-$callee/over-quic" case_over $relay $caller $callee udp/0/quic-v1
                check "relay-$relay/$caller-calls-$callee/over-ws" case_over $relay $caller $callee tcp/0/ws
        done
        [ -n "$list" ] || stop_peers
}
