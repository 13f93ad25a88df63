/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Which of the listen addresses PID 1 holds, and what is printed of them. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "daemon/generator/ports.h"

#define ID        "/p2p/12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5"
#define ADDRS_MAX 80u

static const PortOwner relay = { .name = "peerup-relay", .manual = "peerup-relay(8)", .plain_tcp = true };
static const PortOwner node = { .name = "peerup-daemon", .manual = "peerup-daemon(8)" };

static size_t parse(const char *list, ConfigAddr addrs[static ADDRS_MAX]) {
        char *copy = strdup(list), *rest = copy, *text;
        size_t n = 0;

        assert_non_null(copy);
        while ((text = strsep(&rest, " "))) {
                addrs[n] = (ConfigAddr){ .supported = text[0] != '!' };
                if (p2p_addr_parse(text + (text[0] == '!'), &addrs[n].addr) < 0)
                        fail_msg("%s", text);
                n++;
        }
        free(copy);
        return n;
}

static void format(const PortOwner *owner, int type, const char *list, const char *held, PortUnit *ret) {
        ConfigAddr addrs[ADDRS_MAX];
        size_t n = parse(list, addrs);

        port_unit_format(owner, type, addrs, n, held, ret);
        for (size_t i = 0; i < n; i++)
                p2p_addr_free(addrs[i].addr);
}

/* Their values, each behind a space. */
static void listens_of(const PortUnit *unit, char *out) {
        *out = '\0';
        for (const char *at = unit->text; (at = strstr(at, "\nListen"));) {
                at = strchr(at, '=') + 1;
                out += sprintf(out, " %.*s", (int) strcspn(at, "\n"), at);
        }
}

static void fixed_ports_are_held(void **state) {
        static const struct {
                const char *addrs, *of_relay, *of_node, *datagrams;
        } cases[] = {
                { "/ip4/0.0.0.0/tcp/443 /ip6/::/tcp/443", " 0.0.0.0:443 [::]:443", "", "" },
                { "/ip4/0.0.0.0/tcp/0 /ip4/0.0.0.0/udp/0/quic-v1", "", "", "" },
                { "/ip4/192.0.2.1/tcp/80/ws /ip6/2001:db8:0::1/tcp/1/wss", " 192.0.2.1:80 [2001:db8::1]:1",
                  " 192.0.2.1:80 [2001:db8::1]:1", "" },
                { "/ip4/1.2.3.4/tcp/9/tls/ws /ip4/1.2.3.4/tcp/9/tls/sni/example.org/ws", " 1.2.3.4:9",
                  " 1.2.3.4:9", "" },
                { "/ip4/0.0.0.0/udp/4001/quic-v1 /ip6/::/udp/4001/quic-v1" ID, "", "",
                  " 0.0.0.0:4001 [::]:4001" },
                { "/ip4/1.2.3.4/tcp/65535" ID, " 1.2.3.4:65535", "", "" },
                /* one of each that cannot be bound beside the other */
                { "/ip4/1.2.3.4/tcp/5 /ip4/1.2.3.4/tcp/5", " 1.2.3.4:5", "", "" },
                { "/ip4/1.2.3.4/tcp/5 /ip4/1.2.3.5/tcp/5 /ip4/0.0.0.0/tcp/5 /ip4/1.2.3.4/tcp/6",
                  " 0.0.0.0:5 1.2.3.4:6", "", "" },
                { "/ip6/::/tcp/5 /ip6/::1/tcp/5 /ip4/127.0.0.1/tcp/5", " [::]:5 127.0.0.1:5", "", "" },
                /* what nobody here serves, or nobody could bind */
                { "!/ip4/1.2.3.4/tcp/5", "", "", "" },
                { "/ip4/1.2.3.4/udp/5 /ip4/1.2.3.4/udp/5/quic /ip4/1.2.3.4/udp/5/quic-v1/webtransport", "",
                  "", "" },
                { "/dns4/example.org/tcp/5 /ip4/1.2.3.4/tcp/5" ID "/p2p-circuit", "", "", "" },
                { "/ip6/fe80::1/tcp/5 /ip6/ff02::1/udp/5/quic-v1", "", "", "" },
        };
        char text[1024];
        PortUnit unit;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                format(&relay, SOCK_STREAM, cases[i].addrs, NULL, &unit);
                listens_of(&unit, text);
                assert_string_equal(text, cases[i].of_relay);
                format(&node, SOCK_STREAM, cases[i].addrs, NULL, &unit);
                listens_of(&unit, text);
                assert_string_equal(text, cases[i].of_node);
                for (unsigned k = 0; k < 2; k++) {
                        format(k ? &relay : &node, SOCK_DGRAM, cases[i].addrs, NULL, &unit);
                        listens_of(&unit, text);
                        assert_string_equal(text, cases[i].datagrams);
                        assert_int_equal(unit.text[0] == '\0', unit.n == 0);
                }
        }
}

static void the_units_say_what_they_should(void **state) {
        char expect[1024];
        PortUnit unit;

        (void) state;
        format(&relay, SOCK_STREAM, "/ip4/0.0.0.0/tcp/443 /ip6/::/tcp/443", NULL, &unit);
        assert_int_equal(strlen(unit.mark), 16);
        (void) snprintf(expect, sizeof(expect),
                        "# Generated from network: listen_addresses.\n"
                        "[Unit]\n"
                        "Description=TCP ports of peerup-relay\n"
                        "Documentation=man:peerup-relay(8)\n"
                        "StartLimitIntervalSec=0\n"
                        "StopPropagatedFrom=peerup-relay.service\n"
                        "\n"
                        "[Socket]\n"
                        "Service=peerup-relay.service\n"
                        "BindIPv6Only=ipv6-only\n"
                        "FreeBind=yes\n"
                        "Backlog=4096\n"
                        "ListenStream=0.0.0.0:443\n"
                        "ListenStream=[::]:443\n"
                        "ExecStartPost=-/bin/ln -sfn %s /run/peerup-relay.socket.ports\n"
                        "ExecStopPost=-/bin/rm -f /run/peerup-relay.socket.ports\n",
                        unit.mark);
        assert_string_equal(unit.text, expect);

        format(&node, SOCK_DGRAM, "/ip4/0.0.0.0/udp/4001/quic-v1", NULL, &unit);
        assert_non_null(
                strstr(unit.text, "\nReceiveBuffer=8M\nSendBuffer=8M\nListenDatagram=0.0.0.0:4001\n"));
        assert_non_null(strstr(unit.text, "\nService=peerup-daemon.service\n"));
        assert_non_null(strstr(unit.text, " /run/peerup-daemon-udp.socket.ports\n"));
        assert_null(strstr(unit.text, "Backlog"));
}

static void other_ports_are_opened_at_the_next_restart(void **state) {
        PortUnit before, same, other;

        (void) state;
        format(&relay, SOCK_STREAM, "/ip4/0.0.0.0/tcp/443", NULL, &before);
        format(&relay, SOCK_STREAM, "/ip4/0.0.0.0/tcp/443/ws", before.mark, &same);
        assert_string_equal(same.text, before.text);
        format(&relay, SOCK_STREAM, "/ip4/0.0.0.0/tcp/444", before.mark, &other);
        assert_string_not_equal(other.mark, before.mark);
        assert_non_null(strstr(other.text, "\nPartOf=peerup-relay.service\n"));
}

static void more_ports_than_the_limit_are_left_out(void **state) {
        static char list[8192];
        char *at = list;
        PortUnit unit;

        (void) state;
        for (unsigned i = 0; i < PORTS_MAX; i++) /* as long as they get */
                at += sprintf(at, "%s/ip6/2001:db80:1111:2222:3333:4444:5555:6666/tcp/%u", i ? " " : "",
                              65535 - i);
        format(&relay, SOCK_STREAM, list, "0123456789abcdef", &unit);
        assert_int_equal(unit.n, PORTS_MAX);
        assert_int_equal(unit.n_left_out, 0);
        assert_non_null(strstr(unit.text, "\nExecStopPost=-/bin/rm -f /run/peerup-relay.socket.ports\n"));
        (void) strcpy(at, " /ip4/1.2.3.4/tcp/1");
        format(&relay, SOCK_STREAM, list, NULL, &unit);
        assert_int_equal(unit.n, PORTS_MAX);
        assert_int_equal(unit.n_left_out, 1);
        assert_null(strstr(unit.text, "1.2.3.4"));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(fixed_ports_are_held),
                cmocka_unit_test(the_units_say_what_they_should),
                cmocka_unit_test(other_ports_are_opened_at_the_next_restart),
                cmocka_unit_test(more_ports_than_the_limit_are_left_out),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
