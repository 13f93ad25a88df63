# SPDX-License-Identifier: LGPL-2.1-or-later
# The same questions over WebSocket, bare and in the TLS of the Web.

# An authority, and a certificate of relay.test and of all addresses here but one: ca.pem, us.crt, us.key in the directory that
# is named.
web_files() {
        local names=DNS:relay.test,IP:127.0.0.1,IP:45.79.0.10,IP:45.79.9.1,IP:45.79.9.2
        local days=(-days 2) curve=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)
        mkdir -p "$1" && openssl req -x509 "${curve[@]}" "${days[@]}" -subj '/CN=peer-up test authority' \
                -keyout "$1/ca.key" -out "$1/ca.pem" 2>/dev/null &&
                openssl req "${curve[@]}" -subj /CN=us -keyout "$1/us.key" -out "$1/us.csr" 2>/dev/null &&
                openssl x509 -req -in "$1/us.csr" -CA "$1/ca.pem" -CAkey "$1/ca.key" -CAcreateserial "${days[@]}" \
                        -extfile <(echo "subjectAltName=$names") -out "$1/us.crt" 2>/dev/null ||
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

# nginx of its own, in $tmp/nginx: TLS with our certificate on port 8443, and what comes there passed on to our /ws.
nginx_start() {
        local dir=$tmp/nginx
        mkdir -p "$dir" && cat >"$dir/nginx.conf" <<EOF || return 1
daemon off;
pid $dir/pid;
error_log $dir/error.log;
events {}
http {
        access_log off;
        client_body_temp_path $dir/body;
        proxy_temp_path $dir/proxy;
        fastcgi_temp_path $dir/fastcgi;
        uwsgi_temp_path $dir/uwsgi;
        scgi_temp_path $dir/scgi;
        server {
                listen 127.0.0.1:8443 ssl;
                server_name relay.test;
                ssl_certificate $tmp/web/us.crt;
                ssl_certificate_key $tmp/web/us.key;
                location /p2p {
                        proxy_pass http://127.0.0.1:$1/;
                        proxy_http_version 1.1;
                        proxy_set_header Upgrade \$http_upgrade;
                        proxy_set_header Connection upgrade;
                }
                location / { return 404; }
        }
}
EOF
        [ "$(id -u)" != 0 ] || sed -i '1i user root;' "$dir/nginx.conf"
        nginx -e "$dir/error.log" -c "$dir/nginx.conf" </dev/null >"$dir/out" 2>&1 &
        pids+=($!)
        local end=$((SECONDS + 10))
        until [ -s "$dir/pid" ]; do
                [ $SECONDS -lt $end ] || { because "nginx did not start: $(tail -n1 "$dir/error.log" "$dir/out")"; return 1; }
                sleep 0.05
        done
}

# The real nginx in front of our /ws, dialled as wss by a path.
case_nginx() {
        local how=("${with[@]}") at=/ip4/127.0.0.1/tcp/0/ws port
        local front=/ip4/127.0.0.1/tcp/8443/tls/sni/relay.test/ws end=/p2p/$(id 1)
        listener ours --raise-limits || return 1
        port=$(address listen)
        port=${port#*/tcp/}
        nginx_start "${port%%/*}" || return 1
        dial ours --key "$(seed 2)" --raise-limits --dial "$front/http-path/p2p$end" identify ping:5 echo:10485760 halfclose reset \
                echo:65536:300 || return 1
        told dial '^ECHO ok 19660800 ' && identified dial 1 "\"remote\":\"$front/http-path/p2p\"" || return 1
        await listen '^SOURCE sent 1048576 read 65536$' 5 && await listen '^RESET echo 0x2042$' 5 || return 1
        # What is nobody's is refused by nginx with 404, and what it passes on while we are away with 502.
        dial_fails ours --dial "$front$end" ping && told dial '^FAIL connect ' || return 1
        kill "${pids[0]}" && wait "${pids[0]}" 2>/dev/null
        dial_fails ours --dial "$front/http-path/p2p$end" ping && told dial '^FAIL connect '
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
        check wss/nginx-before-ours case_nginx
        local how=("${with[@]}") who
        for who in 'ours go' 'go ours' 'ours ours'; do
                # shellcheck disable=SC2086
                set -- $who
                check "wss/$1-dials-$2/untrusted" case_untrusted "$1" "$2"
                check "wss/$1-dials-$2/other-host" case_other_host "$1" "$2"
        done
}
