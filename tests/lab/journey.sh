# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The first journey, sourced by the demo and by cases that begin with it: every step is printed as what a person
# would type, and nothing is done in any other way. Needs lab_up.

relay_address=/ip4/45.79.0.10/tcp/7777
relay_id='' home_id='' laptop_id=''

typed() { # NAME COMMAND...: its output is shown, and is in $reply
        local word line=
        for word in "${@:2}"; do
                [[ $word =~ ^[a-zA-Z0-9_@%+=:,./-]+$ ]] || word=${word@Q}
                line+=" $word"
        done
        printf '%s#%s\n' "$1" "$line"
        on "$@" 2>&1 | tee "$LAB_TMP/reply"
        reply=$(<"$LAB_TMP/reply")
}

peer_id_in() { # TEXT
        grep -oE -m1 '12D3KooW[1-9A-HJ-NP-Za-km-z]{44}' <<<"$1" | head -n1
}

journey_relay() {
        typed relay systemctl start peerup-relay
        typed relay peerupctl relay-server status
        relay_id=$(peer_id_in "$reply")
}

journey_node() { # NAME
        typed "$1" systemctl start peerup
        typed "$1" peerupctl whoami
        printf -v "$1_id" %s "$(peer_id_in "$reply")"
}

# The relay knows both, both know the relay. (A person takes longer than a node to reach its relay.)
journey_meet() {
        local name id
        for name in home laptop; do
                id=${name}_id
                typed relay peerupctl relay-server authorize "${!id}" --comment "$name"
                typed "$name" peerupctl relay add "$relay_address/p2p/$relay_id"
        done
        for name in home laptop; do
                wait_for "the reservation of $name" 20 has_reservation "$name"
        done
}

has_reservation() { # NAME
        on "$1" busctl get-property dev.peerup.daemon1 /dev/peerup/daemon1 dev.peerup.daemon1.Manager Relays |
                grep -qw true
}

journey_trust() {
        typed home peerupctl service add ssh localhost:22
        typed home peerupctl auth add "$laptop_id" --name laptop
        typed laptop peerupctl auth add "$home_id" --name home
}

journey_proxy() {
        typed laptop peerupctl proxy add home-ssh home ssh --listen 127.0.0.1:2222
        typed laptop systemctl start peerup-proxy@home-ssh.socket
}

# As if they had been on one network once: root's key on the laptop opens home. A key for this run only.
journey_ssh_key() {
        typed laptop ssh-keygen -q -t ed25519 -N '' -f /root/.ssh/id_ed25519
        on laptop cat /root/.ssh/id_ed25519.pub >"$LAB_TMP/key"
        copy_in home "$LAB_TMP/key" /root/.ssh/authorized_keys 600
}

journey_ssh() { # [PORT]
        typed laptop ssh -p "${1:-2222}" root@127.0.0.1 hostname
        [ "${reply##*$'\n'}" = home ] || die "ssh was to print: home"
}

journey() {
        machine_start relay
        machine_start home
        machine_start laptop
        journey_relay
        journey_node home
        journey_node laptop
        journey_meet
        journey_trust
        journey_proxy
        journey_ssh_key
        journey_ssh
}
