# SPDX-License-Identifier: LGPL-2.1-or-later
# The same questions over QUIC, and those that only QUIC is asked. js-libp2p's QUIC is quinn and rustls.

quic_listener() {
        stop_peers
        peer_start "$1" listen --key "$(seed 1)" --listen /ip4/127.0.0.1/udp/0/quic-v1 --echo "${@:2}"
}

quic_address() { sed -n 's/^ADDR \(.*\/quic-v1\/p2p\/.*\)/\1/p' "$tmp/listen.out" | head -n1; }

quic_one() { dial "$1" --key "$(seed 2)" --dial "$(quic_address)" "$2" && told dial "$3"; }

# Our own view of it: go's has no names for what QUIC does by itself.
quic_identify() {
        local stack=('"security":"/tls/1.0.0"' '"muxer":"/quic-v1"' '/quic-v1"')
        quic_listener "$2" || return 1
        dial "$1" --key "$(seed 2)" --dial "$(quic_address)" identify wait:1 || return 1
        identified dial 1 '"direction":"outbound"' '"/ipfs/id/1.0.0"' '"/peerup/echo/1.0.0"' || return 1
        identified listen 2 '"direction":"inbound"' '"/ipfs/id/1.0.0"' || return 1
        if [ "$1" = ours ]; then identified dial 1 "${stack[@]}" '"observed":"/ip4/127.0.0.1/udp/'; else
                identified listen 2 "${stack[@]}"; fi
}

# Streams overtake each other, and an end of the connection overtakes them all: a second for the last bytes.
quic_halfclose() {
        dial "$1" --key "$(seed 2)" --dial "$(quic_address)" halfclose wait:1 && told dial '^HALFCLOSE ok 1048576$' &&
                await listen '^SOURCE sent 1048576 read 65536$' 5
}

# The js binding shows a reset as an end of file, and sends 0 for every code.
quic_reset() {
        if [ "$2" = js ]; then quic_one "$1" reset '^RESET remote 0x0$'; return; fi
        dial "$1" --key "$(seed 2)" --dial "$(quic_address)" reset wait:1 && told dial '^RESET remote 0x2042$' &&
                told dial '^RESET ok$' && await listen '^RESET echo 0x2042$' 5
}

quic_wrong_id() {
        local address
        address=$(quic_address)
        [ -n "$address" ] || { because "nobody listens"; return 1; }
        dial_fails "$1" --dial "${address%/p2p/*}/p2p/$(id 3)" ping || return 1
        [ "$1" != ours ] || told dial '^FAIL mismatch '
}

# go's dialler is up before it hears that it is not wanted, so that what fails there is its first stream.
quic_gate() {
        quic_listener "$2" --allow "$(id 2)" || return 1
        dial_fails "$1" --key "$(seed 3)" --dial "$(quic_address)" ping || return 1
        await listen "^DENIED $(id 3)\$" 5 || return 1
        quic_one "$1" ping '^PING '
}

quic_300() {
        quic_listener "$2" --raise-limits || return 1
        dial "$1" --raise-limits --dial "$(quic_address)" echo:65536:300 && told dial '^ECHO ok 19660800 '
}

quic_pair() {
        local name=quic/$1-dials-$2
        check "$name/identify" quic_identify "$1" "$2"
        check "$name/ping" quic_one "$1" ping:5 '^PING '
        check "$name/echo-10-MiB" quic_one "$1" echo:10485760 '^ECHO ok 10485760 '
        check "$name/half-close" quic_halfclose "$1"
        [ "$1" = js ] || check "$name/reset-is-seen" quic_reset "$1" "$2"
        check "$name/unknown-protocol" quic_one "$1" unknown '^UNKNOWN refused'
        check "$name/wrong-peer-id" quic_wrong_id "$1"
        check "$name/gate" quic_gate "$1" "$2"
        check "$name/300-streams" quic_300 "$1" "$2"
}

quic_cases() {
        quic_pair ours go
        quic_pair go ours
        quic_pair ours js
        quic_pair js ours
}
