# SPDX-License-Identifier: LGPL-2.1-or-later
# The same questions over WebSocket, bare and in the TLS of the Web.

# An authority, and a certificate of 127.0.0.1 and relay.test: ca.pem, us.crt, us.key in the directory that is named.
web_files() {
        local days=(-days 2) curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
        mkdir -p "$1" && openssl req -x509 "${curve[@]}" "${days[@]}" -subj '/CN=peer-up test authority' \
                -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null &&
                openssl req "${curve[@]}" -subj /CN=us -keyout "$1/us.key" -out "$1/us.csr" 2>/dev/null &&
                openssl x509 -req -in "$1/us.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial "${days[@]}" \
                        -extfile <(echo 'subjectAltName=DNS:relay.test,IP:127.0.0.1') -out "$1/us.crt" 2>/dev/null ||
                because "openssl makes no certificates"
}

# Nobody trusts an authority that he was not told of. DIALER LISTENER
case_untrusted() {
        local how=()
        listener "$2" || return 1
        dial_fails "$1" --dial "$(address listen)" ping && told dial '^FAIL connect '
}

# Nor a certificate for another address.
case_other_host() {
        local at=/ip4/127.0.0.2/tcp/0/tls/ws
        listener "$2" || return 1
        dial_fails "$1" --dial "$(address listen)" ping && told dial '^FAIL connect '
}

ws_pairs() {
        local security
        for security in tls noise; do
                pair ours go $security "$1"
                pair go ours $security "$1"
                pair ours js $security "$1"
                pair js ours $security "$1"
        done
}

ws_cases() {
        local at=/ip4/127.0.0.1/tcp/0/ws with=()
        ws_pairs ws

        at=/ip4/127.0.0.1/tcp/0/tls/ws
        if [ -z "$list" ]; then
                web_files "$tmp/web" || { echo "not ok wss: $why"; failed=$((failed + 1)); return; }
                with=(--web-certificate "$tmp/web/us.crt" --web-key "$tmp/web/us.key" --web-trust "$tmp/web/ca.pem")
        fi
        ws_pairs wss
        local how=("${with[@]}") who
        for who in 'ours go' 'go ours' 'ours ours'; do
                # shellcheck disable=SC2086
                set -- $who
                check "wss/$1-dials-$2/untrusted" case_untrusted "$1" "$2"
                check "wss/$1-dials-$2/other-host" case_other_host "$1" "$2"
        done
}
