/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * WebSocket addresses as targets. The Host header has the name of /sni, where there is one: a reverse proxy
 * chooses by it. It is the only name: that of a /dns was resolved away, into /sni where TLS needs it [wire
 * reference 1, 15].
 */

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>

#include "transport/ws-target.h"

#define PORT_HTTP 80u
#define PORT_HTTPS 443u

/* As DNS and certificates have them: nothing that could end a header. */
static bool is_name(p2p_view v) {
        if (v.n == 0 || v.n > 253)
                return false;
        for (size_t i = 0; i < v.n; i++) {
                uint8_t c = v.data[i];

                if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      c == '.' || c == '-' || c == '_'))
                        return false;
        }
        return true;
}

static void format_ip(const struct sockaddr_storage *sa, char *ret, size_t size) {
        const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *) sa;
        const struct sockaddr_in *in = (const struct sockaddr_in *) sa;

        if (sa->ss_family == AF_INET6)
                (void) inet_ntop(AF_INET6, &in6->sin6_addr, ret, (socklen_t) size);
        else
                (void) inet_ntop(AF_INET, &in->sin_addr, ret, (socklen_t) size);
}

static unsigned port_of(const struct sockaddr_storage *sa) {
        if (sa->ss_family == AF_INET6)
                return ntohs(((const struct sockaddr_in6 *) sa)->sin6_port);
        return ntohs(((const struct sockaddr_in *) sa)->sin_port);
}

static void format_host(p2p_ws_target *t, const struct sockaddr_storage *sa, bool has_name) {
        const char *brackets = sa->ss_family == AF_INET6 && !has_name ? "[]" : "";
        unsigned port = port_of(sa);
        char suffix[8] = "";

        if (port != (t->tls ? PORT_HTTPS : PORT_HTTP))
                (void) snprintf(suffix, sizeof(suffix), ":%u", port);
        (void) snprintf(t->host, sizeof(t->host), "%.1s%s%s%s", brackets, t->name,
                        brackets[0] ? brackets + 1 : "", suffix);
}

int p2p_ws_target_parse(const p2p_addr *addr, p2p_ws_target *ret) {
        p2p_stack stack = p2p_addr_stack(addr);
        p2p_ws_target t = { .tls = stack == P2P_STACK_WSS };
        struct sockaddr_storage sa;
        p2p_addr_component c;
        bool has_name = false;
        socklen_t n;
        int r;

        if (stack != P2P_STACK_WS && stack != P2P_STACK_WSS)
                return -EAFNOSUPPORT;
        r = p2p_addr_to_socket(addr, &sa, &n);
        if (r < 0)
                return r;
        format_ip(&sa, t.name, sizeof(t.name));
        for (unsigned i = 2; p2p_addr_component_at(addr, i, &c); i++) {
                if (c.code == P2P_ADDR_HTTP_PATH)
                        t.path = c.value;
                if (c.code != P2P_ADDR_SNI)
                        continue;
                if (!is_name(c.value))
                        return -EINVAL;
                has_name = true;
                (void) snprintf(t.name, sizeof(t.name), "%.*s", (int) c.value.n,
                                (const char *) c.value.data);
        }
        format_host(&t, &sa, has_name);
        r = p2p_addr_from_tcp((struct sockaddr *) &sa, &t.tcp);
        if (r < 0)
                return r;
        *ret = t;
        return 0;
}

void p2p_ws_target_done(p2p_ws_target *target) {
        target->tcp = p2p_addr_free(target->tcp);
}
