# SPDX-License-Identifier: LGPL-2.1-or-later
# shellcheck shell=bash
#
# The lab's network, sourced by lab.sh: a bridge that is the Internet (45.79.0.0/24, 2600:3c00:1::/64: ordinary
# public ranges, as libp2p takes the documentation ranges for private), hosts with a public address on it, and
# hosts behind a box that lets nothing in: NAT for IPv4, a stateful firewall for IPv6. There is no way out of it.
# Both ends of every cable are born in a namespace; the machine's own one never sees a device or a rule.

net_namespace() { # NAME
        ip netns add "$1"
        ip -n "$1" link set lo up
        ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0 \
                net.ipv6.conf.all.accept_ra=0 net.ipv6.conf.default.accept_ra=0
}

net_cable() { # NAMESPACE DEVICE NAMESPACE DEVICE
        ip -n "$1" link add "$2" type veth peer name "$4" netns "$3"
        ip -n "$1" link set "$2" up
        ip -n "$3" link set "$4" up
}

net_address() { # NAMESPACE DEVICE ADDRESS/N...
        local address
        for address in "${@:3}"; do
                ip -n "$1" address add "$address" dev "$2"
        done
}

net_router() { # NAMESPACE
        ip netns exec "$1" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
                net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.default.send_redirects=0
}

net_gateway() { # NAMESPACE IPV4 IPV6
        ip -n "$1" route add default via "$2"
        ip -n "$1" route add default via "$3"
}

net_internet() {
        net_namespace inet
        net_router inet
        ip -n inet link add br0 type bridge
        ip -n inet link set br0 up
        net_address inet br0 45.79.0.1/24 2600:3c00:1::1/64
}

net_attach() { # NAMESPACE DEVICE N: to the Internet, as its host number N
        net_cable "$1" "$2" inet "to-$1"
        ip -n inet link set "to-$1" master br0
        net_address "$1" "$2" "45.79.0.$3/24" "2600:3c00:1::$3/64"
        net_gateway "$1" 45.79.0.1 2600:3c00:1::1
}

net_public() { # NAME N
        net_namespace "$1"
        net_attach "$1" eth0 "$2"
}

# NAME is 10.K.0.2 and 2600:3c00:N::2, behind NAME-box with the public 45.79.0.N.
net_private() { # NAME K N
        local box=$1-box
        net_namespace "$1"
        net_namespace "$box"
        net_router "$box"
        net_attach "$box" wan "$3"
        net_cable "$box" lan "$1" eth0
        net_address "$box" lan "10.$2.0.1/24" "2600:3c00:$3::1/64"
        net_address "$1" eth0 "10.$2.0.2/24" "2600:3c00:$3::2/64"
        net_gateway "$1" "10.$2.0.1" "2600:3c00:$3::1"
        ip -n inet route add "2600:3c00:$3::/64" via "2600:3c00:1::$3"
        net_let_nothing_in "$box"
}

# The usual home router: masquerade keeps the source port where it can; what nobody inside asked for is dropped.
net_let_nothing_in() { # BOX
        ip netns exec "$1" nft -f - <<'RULES'
table inet box {
        chain forw {
                type filter hook forward priority filter; policy drop;
                ct state established,related accept
                iifname "lan" accept
        }
        chain inp {
                type filter hook input priority filter; policy drop;
                ct state established,related accept
                iifname { "lan", "lo" } accept
                icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept
        }
        chain postr {
                type nat hook postrouting priority srcnat;
                meta nfproto ipv4 oifname "wan" masquerade
        }
}
RULES
}

net_up() {
        net_internet
        net_public relay 10
        net_private home 1 21
        net_private laptop 2 22
}
