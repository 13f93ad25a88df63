# SPDX-License-Identifier: LGPL-2.1-or-later
# Two peers, one connection: everything that is asked of a pair, in both roles.

# Where the listener of a pair listens, and flags of both.
at=/ip4/127.0.0.1/tcp/0 with=()

listener() {
        stop_peers
        peer_start "$1" listen --key "$(seed 1)" --listen "$at" "${with[@]}" "${how[@]}" --echo "${@:2}"
}

# What they say about each other, and over which stack; the muxer is agreed in the handshake.
case_identify() {
        local address early security=/noise
        [ "$3" = tls ] && security=/tls/1.0.0
        listener "$2" || return 1
        address=$(address listen)
        dial "$1" --key "$(seed 2)" --dial "$address" identify wait:1 || return 1
        identified dial 1 "\"security\":\"$security\"" '"muxer":"/yamux/1.0.0"' '"record":true' '"direction":"outbound"' \
                '"/ipfs/id/1.0.0"' '"/ipfs/ping/1.0.0"' '"/peerup/echo/1.0.0"' "\"${address%/p2p/*}" \
                '"observed":"/ip4/127.0.0.1/tcp/' || return 1
        identified listen 2 "\"security\":\"$security\"" '"muxer":"/yamux/1.0.0"' '"direction":"inbound"' '"/ipfs/id/1.0.0"' ||
                return 1
        early=$(grep -h -o '"early":false' "$tmp/dial.out" "$tmp/listen.out")
        [ -z "$early" ] || because "the muxer was not agreed in the handshake"
}

# Neither is told what to speak: TLS where AES has instructions.
case_default() {
        local security=/noise
        grep -qw aes /proc/cpuinfo && security=/tls/1.0.0
        listener "$2" || return 1
        dial "$1" --key "$(seed 2)" --dial "$(address listen)" identify && identified dial 1 "\"security\":\"$security\""
}

case_one() {
        local who=$1
        dial "$who" --key "$(seed 2)" --dial "$(address listen)" "$2" && told dial "$3"
}

case_halfclose() {
        case_one "$1" halfclose '^HALFCLOSE ok 1048576$' && await listen '^SOURCE sent 1048576 read 65536$' 5
}

# js-libp2p neither sends nor sees a code.
case_reset() {
        local code=0x2042
        [ "$1" = js ] || [ "$2" = js ] && code=0x0
        case_one "$1" reset "^RESET remote $code\$" && told dial '^RESET ok$' && await listen "^RESET echo $code\$" 5
}

case_wrong_id() {
        local address
        address=$(address listen)
        dial_fails "$1" --dial "${address%/p2p/*}/p2p/$(id 3)" ping && told dial '^FAIL mismatch '
}

case_gate() {
        listener "$2" --allow "$(id 2)" || return 1
        dial_fails "$1" --key "$(seed 3)" --dial "$(address listen)" ping || return 1
        await listen "^DENIED $(id 3)\$" 5 || return 1
        case_one "$1" ping '^PING '
}

case_300() {
        listener "$2" --raise-limits || return 1
        dial "$1" --raise-limits --dial "$(address listen)" echo:65536:300 && told dial '^ECHO ok 19660800 '
}

# pair DIALER LISTENER SECURITY [FOLDER]
pair() {
        local name=${4:-direct}/$1-dials-$2/$3 how=(--security "$3" "${with[@]}")
        check "$name/yamux-identify" case_identify "$1" "$2" "$3"
        check "$name/ping" case_one "$1" ping:5 '^PING '
        check "$name/echo-10-MiB" case_one "$1" echo:10485760 '^ECHO ok 10485760 '
        check "$name/half-close" case_halfclose "$1"
        check "$name/reset-is-seen" case_reset "$1" "$2"
        check "$name/ping-pong-line" case_one "$1" pingpong '^PINGPONG '
        check "$name/unknown-protocol" case_one "$1" unknown '^UNKNOWN refused'
        check "$name/wrong-peer-id" case_wrong_id "$1"
        check "$name/gate" case_gate "$1" "$2"
        check "$name/300-streams" case_300 "$1" "$2"
}

direct_cases() {
        local security
        for security in tls noise; do
                pair ours go $security
                pair go ours $security
                pair ours js $security
                pair js ours $security
        done
        check direct/ours-dials-go/default case_default ours go
        check direct/go-dials-ours/default case_default go ours
}
