/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every line of PEERS.md that news of the library makes: connections, identify, reservations, refusals. */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/peer.h"

void peer_line(const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        (void) vprintf(format, ap);
        va_end(ap);
        (void) putchar('\n');
        (void) fflush(stdout);
}

static bool on_allow(const p2p_peer_id *id, const p2p_addr *remote _unused_, bool inbound, void *userdata) {
        const peer *p = userdata;

        if (!inbound || p->options.n_allow == 0)
                return true;
        for (unsigned i = 0; i < p->options.n_allow; i++)
                if (p2p_peer_id_equal(&p->options.allow[i], id))
                        return true;
        return false;
}

static const char *direction(const p2p_conn *conn) {
        return p2p_conn_is_inbound(conn) ? "inbound" : "outbound";
}

static void on_opened(p2p_conn *conn, void *userdata _unused_) {
        char id[P2P_PEER_ID_TEXT_MAX], remote[P2P_ADDR_TEXT_MAX];

        peer_line("CONNECTED %s %s %s %s", p2p_peer_id_format(p2p_conn_peer(conn), id), direction(conn),
                  p2p_conn_is_limited(conn) ? "limited" : "direct", p2p_addr_format(p2p_conn_remote(conn), remote));
}

static void on_closed(p2p_conn *conn, int error, uint32_t code, void *userdata _unused_) {
        char id[P2P_PEER_ID_TEXT_MAX];

        peer_line("DISCONNECTED %s", p2p_peer_id_format(p2p_conn_peer(conn), id));
        fprintf(stderr, "%s: %s, code 0x%x\n", id, strerror(-error), code);
}

static void on_failed(const p2p_peer_id *who, const p2p_addr *remote _unused_, int error, void *userdata _unused_) {
        char id[P2P_PEER_ID_TEXT_MAX];

        if (who && error == -EKEYREJECTED)
                peer_line("DENIED %s", p2p_peer_id_format(who, id));
        else
                peer_line("INBOUND-FAILED %s", strerrorname_np(-error));
}

const p2p_host_events peer_events = {
        .allow = on_allow,
        .conn_opened = on_opened,
        .conn_closed = on_closed,
        .inbound_failed = on_failed,
};

static void write_string(FILE *f, const char *text) {
        (void) fputc('"', f);
        for (; *text; text++)
                if ((unsigned char) *text < 0x20)
                        fprintf(f, "\\u%04x", (unsigned char) *text);
                else
                        fprintf(f, *text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
        (void) fputc('"', f);
}

static int compare(const void *a, const void *b) {
        return strcmp(*(char *const *) a, *(char *const *) b);
}

static void write_protocols(FILE *f, const p2p_identified *what) {
        const char **sorted = calloc(what->n_protocols + 1, sizeof(*sorted));

        if (!sorted)
                abort();
        for (size_t i = 0; i < what->n_protocols; i++)
                sorted[i] = what->protocols[i];
        qsort(sorted, what->n_protocols, sizeof(*sorted), compare);
        for (size_t i = 0; i < what->n_protocols; i++) {
                fputs(i == 0 ? ",\"protocols\":[" : ",", f);
                write_string(f, sorted[i]);
        }
        fputs(what->n_protocols == 0 ? ",\"protocols\":[]" : "]", f);
        free(sorted);
}

static void write_identified(FILE *f, p2p_conn *conn, const p2p_identified *what) {
        char id[P2P_PEER_ID_TEXT_MAX], addr[P2P_ADDR_TEXT_MAX];

        fprintf(f, "{\"peer\":\"%s\",\"agent\":", p2p_peer_id_format(p2p_conn_peer(conn), id));
        write_string(f, what->agent);
        write_protocols(f, what);
        fputs(",\"listen\":[", f);
        for (size_t i = 0; i < what->n_listen_addrs; i++)
                fprintf(f, "%s\"%s\"", i == 0 ? "" : ",", p2p_addr_format(what->listen_addrs[i], addr));
        fputc(']', f);
        if (what->observed)
                fprintf(f, ",\"observed\":\"%s\"", p2p_addr_format(what->observed, addr));
        fprintf(f, ",\"record\":%s,\"security\":\"%s\",\"muxer\":\"%s\",\"limited\":%s,\"direction\":\"%s\",\"remote\":\"%s\"}",
                what->record ? "true" : "false", p2p_conn_security(conn), p2p_conn_muxer(conn),
                p2p_conn_is_limited(conn) ? "true" : "false", direction(conn), p2p_addr_format(p2p_conn_remote(conn), addr));
}

void peer_on_identified(p2p_conn *conn, const p2p_identified *what, void *userdata) {
        peer *p = userdata;
        char *text = NULL;
        size_t n = 0;
        FILE *f;

        f = open_memstream(&text, &n);
        if (!f)
                abort();
        write_identified(f, conn, what);
        if (fclose(f) != 0)
                abort();
        peer_line("IDENTIFY %s", text);
        if (p2p_peer_id_equal(p2p_conn_peer(conn), &p->target)) {
                free(p->identified);
                p->identified = TAKE_PTR(text);
        }
        free(text);
}

static unsigned count_circuits(peer *p) {
        p2p_addr **addrs;
        unsigned n = 0;
        size_t n_addrs;

        if (p2p_host_own_addrs(p->host, &addrs, &n_addrs) < 0)
                return 0;
        for (size_t i = 0; i < n_addrs; i++) {
                n += p2p_addr_is_circuit(addrs[i]);
                p2p_addr_free(addrs[i]);
        }
        free(addrs);
        return n;
}

void peer_on_reservation(p2p_reservation *r, void *userdata) {
        char id[P2P_PEER_ID_TEXT_MAX];

        p2p_peer_id_format(p2p_reservation_relay(r), id);
        if (p2p_reservation_state_of(r) == P2P_RESERVATION_ACTIVE)
                peer_line("RESERVED %llu %s %u", (unsigned long long) p2p_reservation_expires(r), id, count_circuits(userdata));
        else if (p2p_reservation_state_of(r) == P2P_RESERVATION_WAITING)
                peer_line("RESERVE-FAILED %s %s, status %s", id, strerror(-p2p_reservation_error(r)),
                          p2p_hop_status_name(p2p_reservation_status(r)));
}

void peer_announce(peer *p) {
        char id[P2P_PEER_ID_TEXT_MAX], text[P2P_ADDR_TEXT_MAX];
        const p2p_addr *addr;

        p2p_peer_id_format(p2p_host_peer_id(p->host), id);
        for (unsigned i = 0; (addr = p2p_host_listen_addr(p->host, i)); i++)
                peer_line("ADDR %s/p2p/%s", p2p_addr_format(addr, text), id);
        peer_line("READY %s", id);
}
