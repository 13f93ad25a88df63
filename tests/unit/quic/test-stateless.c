/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* What a listener answers to strangers, and who becomes a connection (wire reference 7, 22.4). */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "quic/quic-internal.h"
#include "tests/support/hex.h"
#include "tests/support/quic-pair.h"
#include "tests/unit/quic/quic-vectors.h"

#define SECOND USEC_PER_SEC

/* A listener, and a plain socket of a stranger's. */
typedef struct fixture {
        p2p_loop *loop;
        quic_end end;
        int fd;
        uint8_t answer[2048];
} fixture;

static void setup(fixture *f) {
        struct sockaddr_in any = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        struct sockaddr_storage to;
        socklen_t n;

        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        quic_end_init(&f->end, f->loop, 2);
        quic_end_listen(&f->end, "/ip4/127.0.0.1/udp/0/quic-v1");
        assert_int_equal(p2p_addr_to_socket(p2p_quic_transport.listen_addr(f->end.listener), &to, &n), 0);
        f->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(f->fd >= 0);
        assert_int_equal(bind(f->fd, (struct sockaddr *) &any, sizeof(any)), 0);
        assert_int_equal(connect(f->fd, (struct sockaddr *) &to, n), 0);
}

static void teardown(fixture *f) {
        close(f->fd);
        quic_end_done(&f->end);
        p2p_loop_free(f->loop);
}

static void say(fixture *f, const uint8_t *data, size_t n) {
        assert_int_equal(send(f->fd, data, n, 0), n);
        assert_int_equal(p2p_loop_advance(f->loop, 1000), 0);
}

/* 0: nothing. */
static size_t hear(fixture *f) {
        ssize_t n = recv(f->fd, f->answer, sizeof(f->answer), 0);

        return n > 0 ? (size_t) n : 0;
}

static unsigned hear_all(fixture *f) {
        unsigned n = 0;

        while (hear(f) > 0)
                n++;
        return n;
}

static bool is_retry(const uint8_t *p) {
        return (p[0] & 0xf0) == 0xf0 && p[4] == 1;
}

static size_t flight(unsigned i, uint8_t out[static 1280]) {
        return hex_view(quic_first_flight[i], out, 1280).n;
}

static void unknown_versions_are_told_which_one_we_speak(void **state) {
        static const struct { const char *why; uint32_t version; size_t n; bool answered; } cases[] = {
                { "a future version",  0x1a2a3a4a, 1200, true  },
                { "a draft",           0xff00001d, 1200, true  },
                { "version 2",         0x6b3343cf, 1200, true  },
                { "a short one",       0x1a2a3a4a, 1199, false },
                { "a short known one", 0xff00001d, 1199, false },
                { "an answer",         0,          1200, false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t packet[1280] = { 0xc0 };
                fixture f;
                size_t n;

                setup(&f);
                for (unsigned k = 0; k < 4; k++)
                        packet[1 + k] = (uint8_t) (cases[i].version >> (24 - 8 * k));
                packet[5] = packet[14] = 8;
                memset(packet + 6, 'd', 8);
                memset(packet + 15, 's', 8);
                say(&f, packet, cases[i].n);
                n = hear(&f);
                if ((n > 0) != cases[i].answered)
                        fail_msg("%s: %zu bytes", cases[i].why, n);
                if (n > 0) {
                        assert_int_equal(n, 1 + 4 + 1 + 8 + 1 + 8 + 4);
                        assert_memory_equal(f.answer + 1, "\0\0\0\0", 4);
                        assert_memory_equal(f.answer + 5, "\x08ssssssss\x08" "dddddddd", 18);
                        assert_memory_equal(f.answer + 23, "\0\0\0\1", 4);
                }
                teardown(&f);
        }
}

static void garbage_gets_little_or_nothing(void **state) {
        uint8_t packet[64];
        unsigned n = 0;
        fixture f;

        (void) state;
        setup(&f);
        for (unsigned i = 0; i < 1000; i++) { /* what a hole puncher sends: 64 random bytes */
                for (unsigned k = 0; k < sizeof(packet); k++)
                        packet[k] = (uint8_t) (i * 37 + k * 101 + (i >> 3));
                assert_int_equal(send(f.fd, packet, sizeof(packet), 0), sizeof(packet));
                if (i % 50 == 0)
                        assert_int_equal(p2p_loop_settle(f.loop), 0);
        }
        assert_int_equal(p2p_loop_settle(f.loop), 0);
        for (size_t size; (size = hear(&f)) > 0; n++)
                assert_true(size < sizeof(packet));
        assert_int_equal(n, 32);
        assert_int_equal(p2p_loop_advance(f.loop, SECOND / 8), 0);
        for (unsigned i = 0; i < 100; i++)
                say(&f, (const uint8_t *) "\x40" "0123456789012345678901234567890123456789", 41);
        /* in an eighth of a second, and a tenth */
        assert_in_range(hear_all(&f), 8, 64 / 8 + 100 * 64 / 1000 + 1);
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 0);
        teardown(&f);
}

static void stun_is_left_alone(void **state) {
        /* a binding response [RFC 8489] */
        uint8_t packet[40] = { 0x01, 0x01, 0, 20, 0x21, 0x12, 0xa4, 0x42 };
        fixture f;

        (void) state;
        setup(&f);
        say(&f, packet, sizeof(packet));
        assert_int_equal(hear_all(&f), 0);
        packet[4]++;
        say(&f, packet, sizeof(packet));
        assert_int_equal(hear_all(&f), 1);
        teardown(&f);
}

static void an_initial_below_1200_bytes_is_ignored(void **state) {
        uint8_t packet[1280];
        fixture f;

        (void) state;
        setup(&f);
        (void) flight(0, packet);
        say(&f, packet, 1199);
        assert_int_equal(hear_all(&f), 0);
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 0);
        teardown(&f);
}

/* The hello of go-libp2p comes in two datagrams. In order they begin a handshake. */
static void half_a_hello_is_acknowledged(void **state) {
        uint8_t packet[1280];
        fixture f;
        size_t n;

        (void) state;
        setup(&f);
        n = flight(0, packet);
        say(&f, packet, n);
        assert_int_equal(p2p_loop_advance(f.loop, 100000), 0);
        /* so that the client repeats the other half, if it was lost, without waiting for its timer */
        assert_true(hear(&f) > 0);
        assert_false(is_retry(f.answer));
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 1);
        n = flight(1, packet);
        say(&f, packet, n);
        assert_true(hear(&f) >= 1200); /* our own hello */
        teardown(&f);
}

static void a_hello_that_comes_in_disorder_is_retried_once(void **state) {
        uint8_t packet[1280];
        fixture f;
        size_t n;

        (void) state;
        setup(&f);
        n = flight(1, packet);
        say(&f, packet, n);
        assert_true(hear(&f) > 0);
        assert_true(is_retry(f.answer));
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 0);
        assert_int_equal(f.end.n_failed, 0);

        n = flight(0, packet); /* the other half, still without a token: it must start nothing */
        say(&f, packet, n);
        assert_int_equal(hear_all(&f), 0);
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 0);
        assert_int_equal(p2p_quic_n_retries(f.end.transport), 1);

        /* a new try with the same id counts again */
        assert_int_equal(p2p_loop_advance(f.loop, 3 * SECOND), 0);
        say(&f, packet, n);
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 1);
        teardown(&f);
}

/* An Initial in answer to a Retry that was heard: to the new id, from the old one, with the token, of which
 * the byte `change` is false unless that is 0. What follows is noise: it does not decrypt. */
static void return_token(const fixture *f, size_t n_retry, unsigned change, uint8_t again[static 1280]) {
        /* header, version, our client's id of no or some bytes, the new id of 8, the token, 16 of the tag */
        size_t at = 6 + f->answer[5], n_token = n_retry - at - 9 - 16, n;

        assert_int_equal(f->answer[at], 8);
        memset(again, 0, 1280);
        again[0] = 0xc0;
        again[4] = 1;
        memcpy(again + 5, f->answer + at, 9);
        memcpy(again + 14, f->answer + 5, at - 5);
        n = 14 + at - 5;
        again[n++] = 0x40 | (uint8_t) (n_token >> 8);
        again[n++] = (uint8_t) n_token;
        memcpy(again + n, f->answer + at + 9, n_token);
        again[n + change] ^= change > 0;
        n += n_token;
        again[n] = 0x44; /* 1024 bytes */
}

/* A token of ours: good for the address and the id that it was made for, and for a while. */
static void tokens_are_checked(void **state) {
        static const struct { const char *why; unsigned change; uint64_t wait; bool good; } cases[] = {
                { "as it was given",   0,  0,                   true  },
                { "another byte of it", 40, 0,                  false },
                { "in time",           0,  9 * SECOND,          true  },
                { "too late",          0,  11 * SECOND,         false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                uint8_t packet[1280];
                fixture f;
                size_t n;

                setup(&f);
                n = flight(1, packet);
                say(&f, packet, n);
                n = hear(&f);
                assert_true(n > 0 && is_retry(f.answer));
                return_token(&f, n, cases[i].change, packet);
                assert_int_equal(p2p_loop_advance(f.loop, cases[i].wait), 0);
                say(&f, packet, sizeof(packet));
                n = hear(&f);
                if (cases[i].good && n > 0)
                        fail_msg("%s: %zu bytes", cases[i].why, n);
                if (!cases[i].good && n == 0)
                        fail_msg("%s: no answer", cases[i].why);
                teardown(&f);
        }
}

static bool only_retries_pass(const uint8_t *data, size_t n, bool to_far) {
        (void) n;
        return to_far || is_retry(data);
}

static void dial_many(quic_pair *p, quic_end *ends, unsigned n) {
        for (unsigned i = 0; i < n; i++) {
                quic_end_init(&ends[i], p->loop, (uint8_t) (10 + i));
                quic_end_dial(&ends[i], p2p_identity_peer_id(p->b.identity),
                              /* directly: each from a socket of its own */
                              p2p_quic_transport.listen_addr(p->b.listener));
        }
}

static p2p_session *let_in[64];
static unsigned n_let_in;

static void keep(p2p_raw *raw, void *userdata) {
        (void) userdata;
        assert_true(n_let_in < ELEMENTSOF(let_in));
        let_in[n_let_in++] = raw->session;
        p2p_addr_free(raw->remote);
}

static void a_burst_proves_its_addresses_and_gets_in(void **state) {
        enum { N = 60 };
        quic_end ends[N];
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        ((quic_listener *) p.b.listener)->on_accept = keep;
        dial_many(&p, ends, N);
        quic_pair_run(&p, 5 * SECOND);
        assert_true(p2p_quic_n_retries(p.b.transport) > 0);
        for (unsigned i = 0; i < N; i++) {
                assert_true(ends[i].done);
                assert_int_equal(ends[i].error, 0);
                quic_end_done(&ends[i]);
        }
        assert_int_equal(n_let_in, N);
        while (n_let_in > 0)
                p2p_session_free(let_in[--n_let_in]);
        quic_pair_done(&p);
}

/* From the wire's address, one by one, so that it sends its answers to the right one. */
static void begin(quic_pair *p, quic_end *end, uint8_t seed) {
        quic_end_init(end, p->loop, seed);
        quic_end_dial(end, p2p_identity_peer_id(p->b.identity), p->addr);
        quic_pair_run(p, 1000);
}

/* The youngest handshake is one of this moment. */
static bool is_in_flight(quic_pair *p) {
        quic_transport *t = p->b.transport;
        quic_conn *c = P2P_LIST_ENTRY(t->half_open.prev, quic_conn, half_open);

        return p2p_loop_now(p->loop) - c->heard <= 1000;
}

static void handshakes_in_flight_are_bounded(void **state) {
        enum { N = P2P_QUIC_HALF_OPEN_PREFIX + 20 };
        static quic_end ends[N];
        unsigned most = 0;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        p.wire.passes = only_retries_pass;
        for (unsigned i = 0; i < N; i++) {
                begin(&p, &ends[i], (uint8_t) (10 + i));
                assert_true(is_in_flight(&p)); /* a neighbour's flood does not shut the door */
                most = P2P_MAX(most, p2p_quic_n_half_open(p.b.transport));
        }
        assert_int_equal(most, 64); /* all come from one address */
        assert_true(p2p_quic_n_retries(p.b.transport) >=
                    P2P_QUIC_HALF_OPEN_PREFIX - P2P_QUIC_HALF_OPEN_RETRY);
        for (unsigned i = 0; i < N; i++)
                quic_end_done(&ends[i]);
        quic_pair_done(&p);
}

/* Not the one who has been at it for longest: he may be far away. */
static void the_fullest_network_gives_way(void **state) {
        enum { N = 20 };
        static quic_end ends[N + 1];
        quic_transport *t;
        quic_conn *first;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        t = p.b.transport;
        p.wire.passes = only_retries_pass;
        for (unsigned i = 0; i < N; i++)
                begin(&p, &ends[i], (uint8_t) (10 + i));
        assert_int_equal(t->n_half_open, N);
        first = P2P_LIST_ENTRY(t->half_open.next, quic_conn, half_open);
        first->remote.in.sin_addr.s_addr = htonl(10u << 24 | 1);
        t->n_half_open += 256 - N; /* it is full, as far as it knows */
        begin(&p, &ends[N], 10 + N);
        t->n_half_open -= 256 - N;
        assert_int_equal(t->n_half_open, N);
        assert_true(is_in_flight(&p));
        assert_true(P2P_LIST_ENTRY(t->half_open.next, quic_conn, half_open) == first);
        for (unsigned i = 0; i <= N; i++)
                quic_end_done(&ends[i]);
        quic_pair_done(&p);
}

/* Initials that are not even decrypted: nothing of them stays. */
static void noise_with_the_header_of_an_initial_leaves_nothing(void **state) {
        uint8_t packet[1280];
        fixture f;

        (void) state;
        setup(&f);
        (void) flight(0, packet);
        for (unsigned i = 0; i < 500; i++) {
                packet[6] = (uint8_t) i; /* its id, from which its keys follow */
                packet[7] = (uint8_t) (i >> 8);
                assert_int_equal(send(f.fd, packet, sizeof(packet), 0), sizeof(packet));
                if (i % 20 == 0)
                        assert_int_equal(p2p_loop_advance(f.loop, 1000), 0);
        }
        assert_int_equal(p2p_loop_advance(f.loop, SECOND), 0);
        assert_int_equal(p2p_quic_n_half_open(f.end.transport), 0);
        assert_true(p2p_list_is_empty(&((quic_listener *) f.end.listener)->endpoint->conns));
        assert_int_equal(f.end.n_failed, 0);
        teardown(&f);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(unknown_versions_are_told_which_one_we_speak),
                cmocka_unit_test(garbage_gets_little_or_nothing),
                cmocka_unit_test(stun_is_left_alone),
                cmocka_unit_test(an_initial_below_1200_bytes_is_ignored),
                cmocka_unit_test(half_a_hello_is_acknowledged),
                cmocka_unit_test(a_hello_that_comes_in_disorder_is_retried_once),
                cmocka_unit_test(tokens_are_checked),
                cmocka_unit_test(a_burst_proves_its_addresses_and_gets_in),
                cmocka_unit_test(handshakes_in_flight_are_bounded),
                cmocka_unit_test(the_fullest_network_gives_way),
                cmocka_unit_test(noise_with_the_header_of_an_initial_leaves_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
