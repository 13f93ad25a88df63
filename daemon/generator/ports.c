/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Ports that PID 1 holds for a program: fixed ones only. Each is printed from its bytes. UDP is a unit of
 * its own, because ReceiveBuffer= would also end the kernel's tuning of TCP windows. What cannot be bound
 * beside another (twice the same, an address beside its wildcard) is printed once: one that fails takes the
 * whole unit with it.
 *
 * `systemctl restart` of the service keeps its sockets, and so what waits in them; a stop closes them. A
 * socket unit that is active does not notice new ports, so it marks what it has opened (a link in /run), and
 * where the config now says something else it is made part of the service until the next restart
 * [systemd.unit(5): PartOf=, StopPropagatedFrom=].
 */

#include "daemon/generator/ports.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "service/listen-socket.h"

typedef struct Text {
        char *at;
        size_t left;
} Text;

_printf_(2, 3) static void print(Text *t, const char *format, ...) {
        va_list ap;
        int n;

        va_start(ap, format);
        n = vsnprintf(t->at, t->left, format, ap);
        va_end(ap);
        if (n < 0 || (size_t) n >= t->left)
                n = 0; /* PORT_UNIT_MAX has room for all */
        t->at += n;
        t->left -= (size_t) n;
        *t->at = '\0';
}

/* Link-local addresses need a zone, a v4-mapped one cannot be v6only, a group is nobody's address. */
static bool can_be_held(const ListenSocket *s) {
        return s->port != 0 && !IN6_IS_ADDR_LINKLOCAL(&s->ip) && !IN6_IS_ADDR_MULTICAST(&s->ip);
}

static bool to_hold(const PortOwner *owner, int type, const ConfigAddr *addr, ListenSocket *ret) {
        return addr->supported && (owner->plain_tcp || p2p_addr_stack(addr->addr) != P2P_STACK_TCP) &&
               listen_socket_of_addr(addr->addr, ret) >= 0 && ret->type == type && can_be_held(ret);
}

/* Adds it, in the place of what it covers. */
static void collect(ListenSocket *sockets, PortUnit *unit, const ListenSocket *s) {
        unsigned kept = 0;

        for (unsigned i = 0; i < unit->n; i++)
                if (listen_socket_covers(&sockets[i], s))
                        return;
        for (unsigned i = 0; i < unit->n; i++)
                if (!listen_socket_covers(s, &sockets[i]))
                        sockets[kept++] = sockets[i];
        unit->n = kept;
        if (unit->n < PORTS_MAX)
                sockets[unit->n++] = *s;
        else
                unit->n_left_out++;
}

static void format_mark(const ListenSocket *sockets, unsigned n, char mark[static PORT_MARK_SIZE]) {
        uint64_t hash = 0xcbf29ce484222325; /* FNV-1a */

        for (unsigned i = 0; i < n; i++) {
                char text[LISTEN_SOCKET_TEXT_MAX];

                for (const char *c = listen_socket_format(&sockets[i], text); *c; c++)
                        hash = (hash ^ (uint8_t) *c) * 0x100000001b3;
                hash = (hash ^ '\n') * 0x100000001b3;
        }
        (void) snprintf(mark, PORT_MARK_SIZE, "%016" PRIx64, hash);
}

static void format_head(Text *t, const PortOwner *owner, int type, bool changed) {
        print(t,
              "# Generated from network: listen_addresses.\n"
              "[Unit]\n"
              "Description=%s ports of %s\n"
              "Documentation=man:%s\n"
              "StartLimitIntervalSec=0\n"
              "StopPropagatedFrom=%s.service\n",
              type == SOCK_STREAM ? "TCP" : "UDP", owner->name, owner->manual, owner->name);
        if (changed)
                print(t, "PartOf=%s.service\n", owner->name);
        print(t,
              "\n[Socket]\n"
              "Service=%s.service\n"
              "BindIPv6Only=ipv6-only\n"
              "FreeBind=yes\n",
              owner->name);
        print(t, type == SOCK_STREAM ? "Backlog=4096\n" : "ReceiveBuffer=8M\nSendBuffer=8M\n");
}

void port_unit_format(const PortOwner *owner, int type, const ConfigAddr *addrs, size_t n, const char *held,
                      PortUnit *ret) {
        Text t = { ret->text, sizeof(ret->text) };
        ListenSocket sockets[PORTS_MAX], s;
        char text[LISTEN_SOCKET_TEXT_MAX], mark[PORT_UNIT_NAME_MAX];

        *ret = (PortUnit){};
        for (size_t i = 0; i < n; i++)
                if (to_hold(owner, type, &addrs[i], &s))
                        collect(sockets, ret, &s);
        if (ret->n == 0)
                return;
        format_mark(sockets, ret->n, ret->mark);
        format_head(&t, owner, type, held && strcmp(held, ret->mark) != 0);
        for (unsigned i = 0; i < ret->n; i++)
                print(&t, "Listen%s=%s\n", type == SOCK_STREAM ? "Stream" : "Datagram",
                      listen_socket_format(&sockets[i], text));
        print(&t,
              "ExecStartPost=-/bin/ln -sfn %s /run/%s\n"
              "ExecStopPost=-/bin/rm -f /run/%s\n",
              ret->mark, port_mark_name(owner, type, mark), mark);
}

const char *port_unit_name(const PortOwner *owner, int type, char name[static PORT_UNIT_NAME_MAX]) {
        (void) snprintf(name, PORT_UNIT_NAME_MAX, "%s%s.socket", owner->name,
                        type == SOCK_STREAM ? "" : "-udp");
        return name;
}

const char *port_mark_name(const PortOwner *owner, int type, char name[static PORT_UNIT_NAME_MAX]) {
        (void) snprintf(name, PORT_UNIT_NAME_MAX, "%s%s.socket.ports", owner->name,
                        type == SOCK_STREAM ? "" : "-udp");
        return name;
}
