/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A name server for tests [RFC 1035]. An answer that does not fit into a datagram says so and is given over
 * TCP. Each TCP connection is served one query, which is how c-ares asks after a truncated answer.
 */

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/dns-server.h"
#include "wire/reader.h"
#include "wire/writer.h"

#define UDP_SIZE_MAX 1232u
#define HEADER_SIZE 12u

struct dns_server {
        p2p_loop *loop; /* borrowed */
        p2p_list connections;
        const dns_record *records; /* borrowed */
        size_t n_records;
        int udp, tcp;
        p2p_watch *udp_watch, *tcp_watch;
        char address[32];
        unsigned n_queries, n_tcp_queries;
        uint8_t out[65536 + 2];
};

typedef struct connection {
        dns_server *server; /* borrowed */
        int fd;
        p2p_watch *watch;
        p2p_list connections;
} connection;

/* The question's name in dots; the reader then stands behind it. */
static int read_name(p2p_reader *rd, char name[static 256]) {
        size_t n = 0;

        for (;;) {
                uint8_t size = p2p_read_u8(rd);
                p2p_view label = p2p_read_bytes(rd, size);

                if (rd->error < 0 || n + size + 1 >= 256)
                        return -EBADMSG;
                if (size == 0)
                        break;
                memcpy(name + n, label.data, size);
                n += size;
                name[n++] = '.';
        }
        name[n > 0 ? n - 1 : 0] = 0;
        return 0;
}

static void write_data(p2p_writer *out, const dns_record *record) {
        p2p_view text = P2P_VIEW_STR(record->data);
        uint8_t ip[16];
        int r;

        if (record->type != DNS_TXT) {
                size_t n = record->type == DNS_A ? 4 : 16;

                r = inet_pton(record->type == DNS_A ? AF_INET : AF_INET6, record->data, ip);
                assert(r == 1);
                p2p_write_be16(out, (uint16_t) n);
                p2p_write_bytes(out, P2P_VIEW(ip, n));
                return;
        }
        p2p_write_be16(out, (uint16_t) (text.n + (text.n + 254) / 255));
        while (text.n > 0) {
                size_t n = P2P_MIN(text.n, 255u);

                p2p_write_u8(out, (uint8_t) n);
                p2p_write_bytes(out, P2P_VIEW(text.data, n));
                text = P2P_VIEW(text.data + n, text.n - n);
        }
}

static unsigned write_answers(p2p_writer *out, const dns_server *server, const char *name, unsigned type) {
        unsigned n = 0;

        for (size_t i = 0; i < server->n_records; i++) {
                const dns_record *record = &server->records[i];

                if (strcasecmp(record->name, name) != 0 || record->type != type)
                        continue;
                p2p_write_be16(out, 0xc00c); /* the question's name */
                p2p_write_be16(out, (uint16_t) type);
                p2p_write_be16(out, 1);
                p2p_write_be32(out, 60);
                write_data(out, record);
                n++;
        }
        return n;
}

static unsigned what_about(const dns_server *server, const char *name) {
        for (size_t i = 0; i < server->n_records; i++)
                if (strcasecmp(server->records[i].name, name) == 0)
                        return server->records[i].type;
        return 0;
}

/* Bytes of the answer, in server->out from `skip` on; 0: none. */
static size_t answer(dns_server *server, p2p_view query, size_t skip, size_t size_max) {
        p2p_reader rd = P2P_READER(query);
        p2p_writer out = P2P_WRITER(server->out + skip, sizeof(server->out) - skip);
        p2p_writer head;
        unsigned id, type, about, n, flags = 0x8180;
        char name[256];
        size_t question_size;

        id = p2p_read_be16(&rd);
        (void) p2p_read_bytes(&rd, HEADER_SIZE - 2);
        if (read_name(&rd, name) < 0)
                return 0;
        type = p2p_read_be16(&rd);
        (void) p2p_read_be16(&rd);
        if (rd.error < 0)
                return 0;
        question_size = query.n - rd.n - HEADER_SIZE;

        server->n_queries++;
        about = what_about(server, name);
        if (about == DNS_SILENT)
                return 0;

        p2p_write_bytes(&out, P2P_VIEW(query.data, HEADER_SIZE + question_size));
        n = write_answers(&out, server, name, type);
        assert(out.error == 0);
        if (out.n > size_max) {
                flags |= 0x0200; /* truncated */
                out.n = HEADER_SIZE + question_size;
                n = 0;
        }
        head = P2P_WRITER(server->out + skip, HEADER_SIZE);
        p2p_write_be16(&head, (uint16_t) id);
        p2p_write_be16(&head, (uint16_t) (flags | (about == DNS_FAILS ? 2u : about == 0 ? 3u : 0u)));
        p2p_write_be16(&head, 1);
        p2p_write_be16(&head, (uint16_t) n);
        p2p_write_be32(&head, 0);
        return out.n;
}

static void on_udp(unsigned events, void *userdata) {
        dns_server *server = userdata;
        struct sockaddr_in from;
        socklen_t n_from = sizeof(from);
        uint8_t query[512];
        ssize_t k;
        size_t n;

        (void) events;
        k = recvfrom(server->udp, query, sizeof(query), MSG_DONTWAIT, (struct sockaddr *) &from, &n_from);
        if (k < 0)
                return;
        n = answer(server, P2P_VIEW(query, (size_t) k), 0, UDP_SIZE_MAX);
        if (n > 0)
                (void) sendto(server->udp, server->out, n, 0, (struct sockaddr *) &from, n_from);
}

static void connection_free(connection *c) {
        p2p_list_unlink(&c->connections);
        p2p_watch_free(c->watch);
        close(c->fd);
        free(c);
}

static void on_query(unsigned events, void *userdata) {
        connection *c = userdata;
        dns_server *server = c->server;
        uint8_t query[512];
        ssize_t k;
        size_t n;

        (void) events;
        k = recv(c->fd, query, sizeof(query), MSG_DONTWAIT);
        n = k > 2 ? answer(server, P2P_VIEW(query + 2, (size_t) k - 2), 2, 65535) : 0;
        if (n > 0) {
                server->out[0] = (uint8_t) (n >> 8);
                server->out[1] = (uint8_t) n;
                (void) send(c->fd, server->out, n + 2, MSG_NOSIGNAL);
        }
        connection_free(c);
}

static void on_tcp(unsigned events, void *userdata) {
        dns_server *server = userdata;
        connection *c;

        (void) events;
        c = calloc(1, sizeof(*c));
        assert(c);
        *c = (connection) { .server = server, .fd = accept4(server->tcp, NULL, NULL, SOCK_CLOEXEC) };
        p2p_list_init(&c->connections);
        if (c->fd < 0 || p2p_watch_new(server->loop, c->fd, P2P_READABLE, on_query, c, &c->watch) < 0)
                return connection_free(c);

        p2p_list_append(&server->connections, &c->connections);
        server->n_tcp_queries++;
}

static int open_sockets(dns_server *server) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(sa);

        server->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        server->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (server->tcp < 0 || server->udp < 0 ||
            bind(server->tcp, (struct sockaddr *) &sa, n) < 0 ||
            listen(server->tcp, 64) < 0 ||
            getsockname(server->tcp, (struct sockaddr *) &sa, &n) < 0 ||
            bind(server->udp, (struct sockaddr *) &sa, n) < 0)
                return -errno;

        (void) snprintf(server->address, sizeof(server->address), "127.0.0.1:%u", ntohs(sa.sin_port));
        return 0;
}

int dns_server_new(p2p_loop *loop, const dns_record *records, size_t n_records, dns_server **ret) {
        _cleanup_(dns_server_freep) dns_server *server = NULL;
        int r;

        server = calloc(1, sizeof(*server));
        if (!server)
                return -ENOMEM;
        server->loop = loop;
        server->records = records;
        server->n_records = n_records;
        server->udp = server->tcp = -1;
        p2p_list_init(&server->connections);

        r = open_sockets(server);
        if (r < 0)
                return r;
        r = p2p_watch_new(loop, server->udp, P2P_READABLE, on_udp, server, &server->udp_watch);
        if (r < 0)
                return r;
        r = p2p_watch_new(loop, server->tcp, P2P_READABLE, on_tcp, server, &server->tcp_watch);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(server);
        return 0;
}

const char *dns_server_address(const dns_server *server) {
        return server->address;
}

unsigned dns_server_n_queries(const dns_server *server) {
        return server->n_queries;
}

unsigned dns_server_n_tcp_queries(const dns_server *server) {
        return server->n_tcp_queries;
}

dns_server *dns_server_free(dns_server *server) {
        connection *c;

        if (!server)
                return NULL;

        P2P_LIST_FOREACH(c, &server->connections, connection, connections)
                connection_free(c);
        p2p_watch_free(server->udp_watch);
        p2p_watch_free(server->tcp_watch);
        if (server->udp >= 0)
                close(server->udp);
        if (server->tcp >= 0)
                close(server->tcp);
        free(server);
        return NULL;
}
