# SPDX-License-Identifier: LGPL-2.1-or-later
# The machine gets another address in the middle of a connection: the far side is told, by identify push.

case_new_address() {
        local dialler address
        stop_peers
        peer_start ours listen --key "$(seed 1)" --listen /ip4/0.0.0.0/tcp/0 || return 1
        address=$(address listen)
        address=${address/0.0.0.0/45.79.0.10}
        : >"$tmp/dial.out"
        # shellcheck disable=SC2086
        timeout 40 ${!1} --key "$(seed 2)" --dial "$address" identify wait:10 >"$tmp/dial.out" 2>"$tmp/dial.err" </dev/null &
        dialler=$!
        pids+=("$dialler")
        await dial '^IDENTIFY ' 10 || return 1
        ip addr add 45.79.0.33/24 dev lo || return 1
        await dial "^IDENTIFY .*/ip4/45[.]79[.]0[.]33/tcp/" 5 || { ip addr del 45.79.0.33/24 dev lo; return 1; }
        ip addr del 45.79.0.33/24 dev lo
}

network_cases() {
        check network/ours-tells-go-of-a-new-address case_new_address go
        [ -n "$list" ] || stop_peers
}
