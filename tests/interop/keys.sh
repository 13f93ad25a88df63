# SPDX-License-Identifier: LGPL-2.1-or-later
# Peers whose identity is another kind of key than ours: ECDSA and RSA are as good as any in a certificate, secp256k1 is refused
# because of its kind, in both roles and over each handshake.

key_address() { sed -n "s/^ADDR \(.*\/$1\/.*\)/\1/p" "$tmp/listen.out" | head -n1; }

# DIALER LISTENER SECURITY KIND: the one of them that is not ours has such a key. quic-v1 is a security here.
key_start() {
        local at=tcp/0 flags=()
        [ "$3" = quic-v1 ] && at=udp/0/quic-v1 || flags=(--security "$3")
        stop_peers
        [ "$2" = ours ] || flags+=(--key-type "$4")
        peer_start "$2" listen --listen "/ip4/127.0.0.1/$at" --echo "${flags[@]}"
}

key_dial() {
        local flags=() to=tcp
        [ "$3" = quic-v1 ] && to=quic-v1 || flags=(--security "$3")
        [ "$1" = ours ] || flags+=(--key-type "$4")
        "$5" "$1" "${flags[@]}" --dial "$(key_address $to)" ping echo:65536
}

case_key() { key_start "$@" && key_dial "$@" dial && told dial '^ECHO ok 65536 '; }

case_key_refused() {
        key_start "$@" && key_dial "$@" dial_fails || return 1
        if [ "$1" = ours ]; then told dial '^FAIL connect Protocol not supported$'; return; fi
        ! told listen '^CONNECTED ' || { because "we let it in"; return 1; }
        await listen '^INBOUND-FAILED EPROTONOSUPPORT$' 5
}

keys_cases() {
        local security pair name

        for security in tls noise quic-v1; do
                for pair in ours:go go:ours ours:js js:ours; do
                        name=keys/${pair/:/-dials-}/$security
                        set -- "${pair%:*}" "${pair#*:}" $security
                        check "$name/secp256k1" case_key_refused "$@" secp256k1
                        # Noise is for Ed25519
                        case $security:$pair in
                        *:*js*) [ $security != quic-v1 ] || check "$name/rsa" case_key "$@" rsa ;;
                        noise:*) check "$name/ecdsa" case_key_refused "$@" ecdsa ;;
                        *) check "$name/ecdsa" case_key "$@" ecdsa && check "$name/rsa" case_key "$@" rsa ;;
                        esac
                done
        done
        [ -n "$list" ] || stop_peers
}
