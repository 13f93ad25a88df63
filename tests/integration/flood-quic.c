/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The attacker of tests/integration/flood on UDP: COUNT datagrams to 10.255.0.1 at RATE a second, their
 * sources all over as many /24 of 10.0.0.0/8 as it is told. One socket sends them all, and gets what is
 * answered to any of them. Kinds: initials: first Initials, each with an id of its own: a whole ClientHello,
 * or the first datagram of one that needs two, in turn. proven: the same, whole; whoever is sent a Retry
 * comes again with its token, and then says no more. garbage: what is no packet of anybody. One line of
 * output: datagrams sent, bytes, answers, bytes of these.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "crypto/cert.h"
#include "quic/quic-internal.h"

#define FLIGHTS      4000u /* beyond what the program keeps: no id comes again while it is known */
#define BATCH        32u
#define DATAGRAM_MAX 1452u
#define CLIENTS_MAX  4096u
#define PADDING      1300u  /* of a hello that needs a second datagram, as go's with its large key */
#define PADDING_TYPE 0x2a2a /* RFC 8701 */

typedef enum kind { INITIALS, PROVEN, GARBAGE, _KIND_MAX } kind;

static const char *const kinds[_KIND_MAX] = { "initials", "proven", "garbage" };

typedef struct datagram {
        size_t n;
        uint8_t bytes[DATAGRAM_MAX];
} datagram;

/* A client as far as its first flight; ngtcp2 knows it by its address. */
typedef struct client {
        quic_conn conn;
        unsigned source;
} client;

static struct {
        kind kind;
        unsigned port, count, prefixes, rate;
        unsigned long long sent, sent_bytes, answers, answer_bytes;
        int fd;
        p2p_identity *identity;
        datagram *flights;
        client clients[CLIENTS_MAX];
} attack;

static void die(const char *what) {
        fprintf(stderr, "flood-quic: %s: %s\n", what, strerror(errno));
        exit(1);
}

static uint64_t now_usec(void) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        return (uint64_t) t.tv_sec * USEC_PER_SEC + (uint64_t) t.tv_nsec / 1000;
}

/* Prefix i is 10.(i / 250).(i % 250).0/24. */
static struct in_addr source_of(unsigned i) {
        unsigned prefix = i % attack.prefixes, host = i / attack.prefixes % 250 + 1;

        return (struct in_addr){ htonl(10u << 24 | prefix / 250 << 16 | prefix % 250 << 8 | host) };
}

/* ---- what it says */

static ngtcp2_conn *lib_of(ngtcp2_crypto_conn_ref *ref) {
        return ((client *) ref->user_data)->conn.lib;
}

static int add_padding(gnutls_session_t tls _unused_, gnutls_buffer_t out) {
        static const uint8_t padding[PADDING];

        return gnutls_buffer_append_data(out, padding, sizeof(padding));
}

static void start_tls(client *c, bool whole) {
        const gnutls_datum_t name = { (unsigned char *) "libp2p", 6 };

        if (p2p_cert_session_new(attack.identity, true, GNUTLS_CLIENT | GNUTLS_NO_END_OF_EARLY_DATA,
                                 &c->conn.tls) < 0 ||
            gnutls_alpn_set_protocols(c->conn.tls, &name, 1, 0) < 0 ||
            (!whole && gnutls_session_ext_register(
                               c->conn.tls, "padding", PADDING_TYPE, GNUTLS_EXT_TLS, NULL, add_padding, NULL,
                               NULL, NULL, GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO) < 0) ||
            ngtcp2_crypto_gnutls_configure_client_session(c->conn.tls) != 0)
                die("TLS");
        c->conn.ref = (ngtcp2_crypto_conn_ref){ .get_conn = lib_of, .user_data = c };
        gnutls_session_set_ptr(c->conn.tls, &c->conn.ref);
        ngtcp2_conn_set_tls_native_handle(c->conn.lib, c->conn.tls);
}

static void end(client *c) {
        ngtcp2_conn_del(c->conn.lib);
        if (c->conn.tls)
                gnutls_deinit(c->conn.tls);
        *c = (client){};
}

static ngtcp2_path path_of(client *c) {
        return (ngtcp2_path){ .local = { &c->conn.local.sa, sizeof(c->conn.local.in) },
                              .remote = { &c->conn.remote.sa, sizeof(c->conn.remote.in) } };
}

/* Its source id says which one it is. */
static void begin(client *c, unsigned source, bool whole) {
        ngtcp2_transport_params params;
        ngtcp2_settings settings;
        ngtcp2_cid dcid, scid;
        uint8_t random[QUIC_CID_MAX] = {};
        ngtcp2_path path;
        uint32_t index = (uint32_t) (c - attack.clients);

        end(c);
        c->source = source;
        c->conn.local.in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr = source_of(source) };
        c->conn.remote.in = (struct sockaddr_in){ .sin_family = AF_INET,
                                                  .sin_port = htons((uint16_t) attack.port),
                                                  .sin_addr.s_addr = htonl(0x0aff0001) };
        path = path_of(c);
        (void) !getrandom(random, sizeof(random), 0);
        ngtcp2_cid_init(&dcid, random, sizeof(random));
        memcpy(random, &index, sizeof(index));
        ngtcp2_cid_init(&scid, random, QUIC_CID_SIZE);
        ngtcp2_settings_default(&settings);
        settings.initial_ts = now_usec() * NGTCP2_MICROSECONDS;
        ngtcp2_transport_params_default(&params);
        if (ngtcp2_conn_client_new(&c->conn.lib, &dcid, &scid, &path, NGTCP2_PROTO_VER_V1,
                                   &quic_client_callbacks, &settings, &params, NULL, &c->conn) != 0)
                die("client");
        start_tls(c, whole);
}

static void say(client *c, datagram *d) {
        ngtcp2_path_storage ps;
        ngtcp2_pkt_info info;
        ngtcp2_ssize n;

        ngtcp2_path_storage_zero(&ps);
        n = ngtcp2_conn_write_pkt(c->conn.lib, &ps.path, &info, d->bytes, sizeof(d->bytes),
                                  now_usec() * NGTCP2_MICROSECONDS);
        d->n = n > 0 ? (size_t) n : 0;
}

static void make_flights(void) {
        attack.flights = calloc(FLIGHTS, sizeof(*attack.flights));
        if (!attack.flights)
                die("memory");
        for (unsigned i = 0; i < FLIGHTS; i++) {
                begin(&attack.clients[0], i, i % 2 == 0);
                say(&attack.clients[0], &attack.flights[i]);
                if (attack.flights[i].n < 1200)
                        die("a first flight");
        }
}

/* Long and short headers, known and unknown versions, of any size. */
static void make_garbage(datagram *d) {
        uint16_t size;

        (void) !getrandom(&size, sizeof(size), 0);
        d->n = 1 + size % DATAGRAM_MAX;
        (void) !getrandom(d->bytes, d->n, 0);
        if (size >> 14 == 1 && d->n > 5)
                memcpy(d->bytes + 1, "\0\0\0\1", 4);
}

static datagram *next(unsigned i, datagram *own) {
        client *c = &attack.clients[i % CLIENTS_MAX];

        switch (attack.kind) {
        case INITIALS:
                return &attack.flights[i % FLIGHTS];
        case GARBAGE:
                make_garbage(own);
                return own;
        default:
                begin(c, i, true);
                say(c, own);
                return own;
        }
}

/* ---- how it says it */

static void send_from(unsigned source, const datagram *d) {
        struct sockaddr_in to = { .sin_family = AF_INET,
                                  .sin_port = htons((uint16_t) attack.port),
                                  .sin_addr.s_addr = htonl(0x0aff0001) };
        struct in_pktinfo info = { .ipi_spec_dst = source_of(source) };
        _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(info))] = {};
        struct iovec iov = { (void *) d->bytes, d->n };
        struct msghdr m = { .msg_name = &to,
                            .msg_namelen = sizeof(to),
                            .msg_iov = &iov,
                            .msg_iovlen = 1,
                            .msg_control = control,
                            .msg_controllen = sizeof(control) };
        struct cmsghdr *c = CMSG_FIRSTHDR(&m);

        c->cmsg_level = IPPROTO_IP;
        c->cmsg_type = IP_PKTINFO;
        c->cmsg_len = CMSG_LEN(sizeof(info));
        memcpy(CMSG_DATA(c), &info, sizeof(info));
        if (sendmsg(attack.fd, &m, 0) != (ssize_t) d->n)
                return; /* its buffer is full, or so are the queues */
        attack.sent++;
        attack.sent_bytes += d->n;
}

/* A Retry is answered, once. */
static void hear(uint8_t *bytes, size_t n) {
        ngtcp2_version_cid vc;
        uint32_t index;
        ngtcp2_path path;
        datagram d;
        client *c;

        attack.answers++;
        attack.answer_bytes += n;
        if (attack.kind != PROVEN || ngtcp2_pkt_decode_version_cid(&vc, bytes, n, QUIC_CID_SIZE) != 0 ||
            vc.dcidlen != QUIC_CID_SIZE)
                return;
        memcpy(&index, vc.dcid, sizeof(index));
        c = index < CLIENTS_MAX ? &attack.clients[index] : NULL;
        if (!c || !c->conn.lib || (bytes[0] & 0xf0) != 0xf0)
                return;
        path = path_of(c);
        if (ngtcp2_conn_read_pkt(c->conn.lib, &path, &(ngtcp2_pkt_info){}, bytes, n,
                                 now_usec() * NGTCP2_MICROSECONDS) == 0) {
                say(c, &d);
                if (d.n > 0)
                        send_from(c->source, &d);
        }
        end(c);
}

static void hear_all(void) {
        uint8_t bytes[2048];
        ssize_t n;

        while ((n = recv(attack.fd, bytes, sizeof(bytes), MSG_DONTWAIT)) > 0)
                hear(bytes, (size_t) n);
}

static void run(void) {
        uint64_t began = now_usec();
        datagram own;

        for (unsigned i = 0; i < attack.count; i++) {
                uint64_t due = began + i * USEC_PER_SEC / attack.rate, now = now_usec();

                if (i % BATCH == 0) {
                        hear_all();
                        if (due > now)
                                usleep((useconds_t) (due - now));
                }
                send_from(i, next(i, &own));
        }
        usleep(200000);
        hear_all();
}

int main(int argc, char **argv) {
        struct sockaddr_in any = { .sin_family = AF_INET };
        const int size = 4 << 20;

        if (argc != 6) {
                fprintf(stderr, "flood-quic: KIND PORT COUNT PREFIXES RATE\n");
                return 2;
        }
        while (attack.kind < _KIND_MAX && strcmp(kinds[attack.kind], argv[1]) != 0)
                attack.kind++;
        attack.port = (unsigned) atoi(argv[2]);
        attack.count = (unsigned) atoi(argv[3]);
        attack.prefixes = (unsigned) atoi(argv[4]);
        attack.rate = (unsigned) atoi(argv[5]);
        attack.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (attack.kind == _KIND_MAX || attack.prefixes == 0 || attack.rate == 0 || attack.fd < 0 ||
            bind(attack.fd, (struct sockaddr *) &any, sizeof(any)) < 0 ||
            p2p_identity_generate(&attack.identity) < 0)
                die("start");
        (void) setsockopt(attack.fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
        if (attack.kind == INITIALS)
                make_flights();
        printf("ready\n");
        fflush(stdout);
        run();
        printf("%llu %llu %llu %llu\n", attack.sent, attack.sent_bytes, attack.answers, attack.answer_bytes);
        return 0;
}
