# SPDX-License-Identifier: LGPL-2.1-or-later
# Handshakes with one fault, by a peer of crypto/tls and quic-go, in both roles: each is refused, the other side is told with
# which alert, and what we make of it has a name. Those without a fault are let in: else nothing here would prove anything.

# fault, the alert that we send, our error
forged_faults='expired bad.certificate EKEYREJECTED
not-yet bad.certificate EKEYREJECTED
no-extension bad.certificate EBADMSG
critical bad.certificate EBADMSG
trailing bad.certificate EBADMSG
other-key bad.certificate EKEYREJECTED
host-signature bad.certificate EKEYREJECTED
own-signature bad.certificate EKEYREJECTED
stolen error.decrypting EKEYREJECTED
two bad.certificate EKEYREJECTED'

# Behind the first N lines of a peer comes one that matches.
forged_told() { # LABEL N REGEX
        local end=$((SECONDS + 5))
        until tail -n +$(($2 + 1)) "$tmp/$1.out" | grep -qE -- "$3"; do
                [ $SECONDS -lt $end ] || { because "$1 did not print $3: $(tail -n +$(($2 + 1)) "$tmp/$1.out" | tr '\n' ' ')"; return 1; }
                sleep 0.02
        done
}

# They dial us, who listen all the time.
forged_in() { # STACK FAULT THEIRS OURS FLAGS...
        local n address
        address=$(grep "^ADDR .*/${1/tls/tcp}/" "$tmp/listen.out")
        n=$(grep -c . "$tmp/listen.out")
        # shellcheck disable=SC2086
        timeout 20 $go "${@:5}" --forge "$2" --dial "${address#ADDR }" >"$tmp/dial.out" 2>&1 </dev/null
        told dial "^FORGED $3" || { because "they: $(head -n1 "$tmp/dial.out")"; return 1; }
        forged_told listen "$n" "^(INBOUND-FAILED )?$4"
}

# We dial them.
forged_out() { # STACK FAULT THEIRS OURS FLAGS...
        local pids=() good at=/ip4/127.0.0.1/tcp/0 said='^FAIL connect '
        [ "$1" = tls ] || at=/ip4/127.0.0.1/udp/0/quic-v1
        case $4 in
        CONNECTED) said='^CONNECTED ' ;;
        EKEYREJECTED) said='^FAIL mismatch ' ;;
        EBADMSG) said+='Bad message' ;;
        EPROTONOSUPPORT) said+='Protocol not supported' ;;
        esac
        peer_start go forged "${@:5}" --forge "$2" --listen "$at" &&
                dial_fails ours --dial "$(sed -n 's/^ADDR //p' "$tmp/forged.out")" ping &&
                told dial "$said" && { [ -z "$3" ] || forged_told forged 0 "^FORGED $3"; }
        good=$?
        stop_peers
        return $good
}

forged_both() { # STACK FAULT ALERT ERROR [FLAGS...]
        check "forged/go-dials-ours/$1/$2" forged_in "$1" "$2" "refused .*tls: $3" "${@:4}"
        check "forged/ours-dials-go/$1/$2" forged_out "$1" "$2" "refused .*tls: $3" "${@:4}"
}

forged_cases() {
        local stack fault alert error kind

        [ -n "$list" ] || peer_start ours listen --key "$(seed 1)" --listen /ip4/127.0.0.1/tcp/0 \
                --listen /ip4/127.0.0.1/udp/0/quic-v1 --echo || why=
        for stack in tls quic-v1; do
                while read -r fault alert error; do
                        forged_both $stack "$fault" "$alert" "$error"
                done <<<"$forged_faults"
                for kind in ed25519 ecdsa rsa; do
                        check "forged/go-dials-ours/$stack/none-$kind" forged_in $stack none admitted CONNECTED --key-type $kind
                        check "forged/ours-dials-go/$stack/none-$kind" forged_out $stack none admitted CONNECTED --key-type $kind
                done
                check "forged/go-dials-ours/$stack/no-certificate" forged_in $stack no-certificate \
                        'refused .*tls: certificate required' EKEYREJECTED
                check "forged/go-dials-ours/$stack/alpn-h3" forged_in $stack alpn-h3 \
                        'refused .*tls: no application protocol' EPROTONOSUPPORT
                # as a server theirs refuses before we could
                check "forged/ours-dials-go/$stack/alpn-h3" forged_out $stack alpn-h3 '' EPROTONOSUPPORT
                check "forged/ours-dials-go/$stack/tls-1.2" forged_out $stack tls-1.2 '' EPROTONOSUPPORT
        done
        check forged/go-dials-ours/tls/tls-1.2 forged_in tls tls-1.2 'refused .*tls: protocol version' EPROTONOSUPPORT
        # go-libp2p lets in whoever names no protocol over TCP, and so do we; over QUIC nobody
        check forged/go-dials-ours/tls/alpn-none forged_in tls alpn-none admitted CONNECTED
        check forged/ours-dials-go/tls/alpn-none forged_out tls alpn-none admitted CONNECTED
        check forged/go-dials-ours/quic-v1/alpn-none forged_in quic-v1 alpn-none \
                'refused .*tls: no application protocol' EPROTONOSUPPORT
        check forged/ours-dials-go/quic-v1/alpn-none forged_out quic-v1 alpn-none \
                'refused .*tls: no application protocol' EPROTONOSUPPORT
        [ -n "$list" ] || stop_peers
}
