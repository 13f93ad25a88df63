# SPDX-License-Identifier: LGPL-2.1-or-later
# Three peers: 9 relays, 1 reserves there and is called, 2 calls it. On addresses that pass for public ones.

public=/ip4/45.79.0.10

relay_start() {
        stop_peers
        peer_start "$1" relay --role relay --key "$(seed 9)" --listen "$public/tcp/${port:-0}" "${@:2}"
}

# called PROGRAM FLAGS...: reserves at the relay; QUIC is listed and must do no harm.
called() {
        local quic=
        [ "$1" = go ] && quic="--listen $public/udp/0/quic-v1"
        # shellcheck disable=SC2086
        peer_start "$1" called --key "$(seed 1)" --listen "$public/tcp/0" $quic --relay "$(address relay)" --echo "${@:2}" &&
                await called "^RESERVED [0-9]+ $(id 9)" 15
}

circuit() { echo "$(address relay)/p2p-circuit/p2p/$(id 1)"; }

case_circuit() {
        relay_start "$1" --data-limit 100000000 && called "$3" || return 1
        dial "$2" --key "$(seed 2)" --dial "$(circuit)" identify ping:3 echo:1048576 halfclose reset pingpong || return 1
        told dial "^CONNECTED $(id 1) outbound limited" && told called "^CONNECTED $(id 2) inbound limited" || return 1
        identified dial 1 '"limited":true' '"/peerup/echo/1.0.0"' && identified called 2 '"limited":true' || return 1
        told dial '^ECHO ok 1048576 '
}

# No limit in the answer makes an ordinary connection.
case_unlimited() {
        relay_start "$1" --data-limit 0 --duration-limit 0 && called "$3" || return 1
        dial "$2" --key "$(seed 2)" --dial "$(circuit)" echo:10485760 || return 1
        told dial "^CONNECTED $(id 1) outbound direct"
}

# What is under the limit passes, then the circuit ends, for both.
case_data_limit() {
        relay_start "$1" --data-limit 131072 && called "$3" || return 1
        dial "$2" --key "$(seed 2)" --dial "$(circuit)" echo:32768 || return 1
        dial_fails "$2" --key "$(seed 2)" --dial "$(circuit)" echo:1048576 || return 1
        await called "^DISCONNECTED $(id 2)" 5 2
}

case_duration_limit() {
        relay_start "$1" --duration-limit 2 && called "$3" || return 1
        dial_fails "$2" --key "$(seed 2)" --dial "$(circuit)" wait:1 wait:4 && told dial '^WAIT ok'
}

case_no_reservation() {
        relay_start "$1" || return 1
        peer_start "$3" called --key "$(seed 1)" --dial "$(address relay)" ping wait:20 || return 1
        await called '^PING ' 5 || return 1
        dial_fails "$2" --dial "$(circuit)" ping && told dial '^FAIL connect '
}

case_refresh() {
        relay_start "$1" --ttl 6 && called "$3" || return 1
        await called '^RESERVED ' 7 2 || return 1
        dial "$2" --dial "$(circuit)" ping
}

# The relay comes back at its old address; the reservation must, too, and without help.
case_relay_restart() {
        local address port
        relay_start "$1" && called "$3" || return 1
        address=$(address relay)
        port=${address#*/tcp/} port=${port%%/*}
        kill -9 "${pids[0]}"
        wait "${pids[0]}" 2>/dev/null
        unset 'pids[0]'
        await called "^DISCONNECTED $(id 9)" 10 || return 1
        peer_start "$1" relay --role relay --key "$(seed 9)" --listen "$public/tcp/$port" || return 1
        await called '^RESERVED ' 20 2 || return 1
        dial "$2" --dial "$(circuit)" ping
}

# A service as the original serves and forwards it, with the relay between.
case_service() {
        local answer= to
        relay_start "$1" --data-limit 0 --duration-limit 0 || return 1
        called go --tcp-echo 127.0.0.1:7007 --service web=127.0.0.1:7007 || return 1
        peer_start go forward --key "$(seed 2)" --forward "127.0.0.1:7008=$(circuit)/web" || return 1
        exec {to}<>/dev/tcp/127.0.0.1/7008 || { because "cannot connect to the forwarder"; return 1; }
        echo "through the relay" >&$to
        read -r -t 10 answer <&$to
        exec {to}>&-
        [ "$answer" = "through the relay" ] || because "the backend answered '$answer'"
}

relay_cases() {
        local relay caller callee

        for relay in ours go js; do
                for caller in ours go; do
                        for callee in ours go; do
                                check "relay-$relay/$caller-calls-$callee" case_circuit $relay $caller $callee
                        done
                done
        done
        for relay in ours go js; do
                caller=ours
                [ $relay = ours ] && caller=go
                check "relay-$relay/unlimited" case_unlimited $relay $caller $caller
                check "relay-$relay/data-limit" case_data_limit $relay $caller $caller
                check "relay-$relay/duration-limit" case_duration_limit $relay $caller $caller
                check "relay-$relay/no-reservation" case_no_reservation $relay $caller $caller
        done
        check relay-ours/refresh-by-go case_refresh ours go go
        check relay-go/refresh-by-ours case_refresh go ours ours
        check relay-ours/restart-seen-by-go case_relay_restart ours go go
        check relay-go/restart-seen-by-ours case_relay_restart go ours ours
        check relay-ours/service-of-go case_service ours
}
