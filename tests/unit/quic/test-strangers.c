/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who knocks: how many are let in, wait, or are asked to prove their address, each limit by its number. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "quic/quic-internal.h"
#include "tests/support/hex.h"
#include "tests/support/quic-pair.h"
#include "tests/unit/quic/quic-vectors.h"

static quic_endpoint *endpoint_of(const quic_end *end) {
        return ((quic_listener *) end->listener)->endpoint;
}

/* A pair whose listener has so many handshakes under way. */
static quic_endpoint *begin(quic_pair *p, unsigned n_half_open) {
        quic_endpoint *e;

        quic_pair_init(p);
        e = endpoint_of(&p->b);
        e->transport->n_half_open = n_half_open;
        return e;
}

/* Where none of them was real. */
static void end(quic_pair *p) {
        endpoint_of(&p->b)->transport->n_half_open = 0;
        quic_pair_done(p);
}

static quic_arrival from_network(const quic_endpoint *e, unsigned network) {
        return (quic_arrival) {
                .local = e->udp.bound,
                .remote.in = { .sin_family = AF_INET,
                               .sin_port = htons(1),
                               .sin_addr.s_addr = htonl(10u << 24 | network << 8) },
        };
}

/* A hello of go-libp2p, with an id of its own each, from a network of 10.0.0.0/8. The first of them is a
 * good one. */
static void hello_from(quic_endpoint *e, unsigned i, unsigned network) {
        uint8_t packet[1280];
        size_t n = hex_view(quic_first_flight[0], packet, sizeof(packet)).n;
        quic_arrival a = from_network(e, network);

        packet[6] ^= (uint8_t) i;
        packet[7] ^= (uint8_t) (i >> 8);
        quic_answer_initial(e, &a, P2P_VIEW(packet, n));
}

static void hello(quic_endpoint *e, unsigned i) {
        hello_from(e, i, i);
}

static void four_strangers_wait_and_the_fifth_proves_its_address(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 0);
        for (unsigned i = 0; i < 6; i++)
                hello(e, i);
        assert_int_equal(e->n_waiting, 4);
        assert_int_equal(e->n_asked, 2);
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(p2p_quic_n_retries(p.b.transport), 2);
        quic_pair_done(&p);
}

static void so_does_who_comes_after_32_handshakes(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 31);
        hello(e, 0);
        assert_int_equal(e->n_waiting, 1); /* the 32nd */
        assert_int_equal(e->n_asked, 0);
        hello(e, 1);
        assert_int_equal(e->n_waiting, 1);
        assert_int_equal(e->n_asked, 1);
        end(&p);
}

static void one_of_256_handshakes_gives_way(void **state) {
        uint8_t packet[1280];
        quic_transport *t;
        quic_endpoint *e;
        quic_arrival a;
        quic_pair p;
        size_t n;

        (void) state;
        quic_pair_init(&p);
        e = endpoint_of(&p.b);
        t = p.b.transport;
        hello(e, 0); /* half of one: it stays */
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(t->n_half_open, 1);
        n = hex_view(quic_first_flight[0], packet, sizeof(packet)).n;
        packet[6]++;
        a = (quic_arrival) { .local = e->udp.bound, .remote = e->udp.bound };
        for (unsigned i = 0; i < 2; i++) { /* which itself comes to nothing */
                t->n_half_open = 255 + i;
                quic_admit(e, &a, P2P_VIEW(packet, n));
                assert_int_equal(p2p_list_is_empty(&t->half_open), i > 0);
        }
        assert_int_equal(p.b.n_failed, 0); /* to give way is no failure, as over TCP */
        t->n_half_open = 0;
        quic_pair_done(&p);
}

static void retries_are_remembered_for_a_while(void **state) {
        quic_transport *t;
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 32);
        t = p.b.transport;
        for (unsigned i = 0; i < 256; i++) {
                hello(e, 1000 + i);
                assert_int_equal(p2p_loop_settle(p.loop), 0);
        }
        assert_int_equal(t->n_retries, 256);
        t->n_half_open = 0;
        hello(e, 1000); /* the first of 256 is not forgotten: what comes without a token starts nothing */
        assert_int_equal(e->n_waiting, 0);
        t->n_half_open = 32;
        hello(e, 2000);
        t->n_half_open = 0;
        hello(e, 2000); /* nor is one that has not even been sent */
        assert_int_equal(e->n_waiting, 0);
        hello(e, 1000); /* of 257 it is */
        assert_int_equal(e->n_waiting, 1);
        quic_pair_done(&p);
}

/* ---- who waits */

/* A datagram of a stranger's, from a port of its own. */
static void stranger(quic_endpoint *e, unsigned network, unsigned i, size_t n) {
        static const uint8_t bytes[8192] = { 0xc0 };
        uint8_t dcid[8] = { (uint8_t) i, (uint8_t) (i >> 8), (uint8_t) network };
        quic_arrival a = {
                .remote.in = { .sin_family = AF_INET,
                               .sin_port = htons((uint16_t) (1024 + i)),
                               .sin_addr.s_addr = htonl(10u << 24 | network << 8 | 1) },
        };

        quic_stranger_wait(e, &a, P2P_VIEW(bytes, n), P2P_VIEW(dcid, sizeof(dcid)));
}

/* Of one network, then of 200 more. */
static void crowd(quic_endpoint *e, unsigned n, size_t size) {
        for (unsigned i = 0; i < n; i++)
                stranger(e, 1, i, size);
        assert_int_equal(e->n_waiting, 128 * 1024 / 1200);
        for (unsigned i = 0; i < n; i++)
                stranger(e, 2 + i % 200, i, size);
        assert_int_equal(e->n_waiting, 512 * 1024 / 1200);
}

static void strangers_wait_in_a_bounded_queue(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 0);
        crowd(e, 2000, 1200);
        assert_int_equal(e->waiting_bytes, e->n_waiting * 1200);
        assert_true(quic_stranger_waits(e, P2P_VIEW("\0\0\1\0\0\0\0", 8)));
        assert_false(quic_stranger_waits(e, P2P_VIEW("\0\0\0\0\0\0\0", 8)));
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(e->n_waiting, 0);
        assert_int_equal(e->waiting_bytes, 0);
        assert_int_equal(p2p_quic_n_half_open(p.b.transport), 0);
        stranger(e, 1, 0, 8192); /* one goes away with its endpoint */
        assert_int_equal(e->n_waiting, 1);
        quic_pair_done(&p);
}

/* To look whether there is room is to look at all that wait: many small ones must not make it long. */
static void small_datagrams_take_the_room_of_a_hello(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 0);
        crowd(e, 8000, 25);
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(e->waiting_bytes, 0);
        quic_pair_done(&p);
}

/* One a turn, so that somebody who is in already waits for one. */
static void strangers_are_served_one_a_turn(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 0);
        for (unsigned i = 0; i < 10; i++)
                stranger(e, 1, i, 1200);
        for (unsigned left = 10; left > 0; left--) {
                assert_int_equal(e->n_waiting, left);
                assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        }
        assert_int_equal(e->n_waiting, 0);
        quic_pair_done(&p);
}

/* ---- answers */

static void unknown_version(quic_endpoint *e, unsigned network) {
        uint8_t ids[510] = {};
        quic_arrival a = from_network(e, network);

        quic_answer_version(e, &a,
                            &(ngtcp2_version_cid){ .version = 2,
                                                   .dcid = ids,
                                                   .dcidlen = 255,
                                                   .scid = ids + 255,
                                                   .scidlen = 255 });
}

static void unknown_id(quic_endpoint *e, unsigned network) {
        static const uint8_t packet[100] = { 0x40 };
        quic_arrival a = from_network(e, network);

        quic_answer_unknown(e, &a, P2P_VIEW(packet, sizeof(packet)), P2P_VIEW(packet + 1, QUIC_CID_SIZE));
}

static void answers_wait_in_a_bounded_queue(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 32);
        unknown_version(e, 1);
        unknown_id(e, 2);
        assert_int_equal(e->n_asked, 2);
        for (unsigned i = 0; i < 300; i++)
                hello(e, i);
        assert_int_equal(e->n_asked, 128);
        unknown_version(e, 1);
        unknown_id(e, 2);
        assert_int_equal(e->n_asked, 128);
        assert_int_equal(e->n_waiting, 0);
        assert_int_equal(p2p_loop_settle(p.loop), 0);
        assert_int_equal(e->n_asked, 0);
        assert_int_equal(p2p_quic_n_retries(p.b.transport), 126);
        hello(e, 1000); /* one goes away with its endpoint */
        assert_int_equal(e->n_asked, 1);
        end(&p);
}

static void one_network_gets_half_of_them(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 32);
        for (unsigned i = 0; i < 200; i++)
                hello_from(e, i, 1);
        assert_int_equal(e->n_asked, 64);
        hello_from(e, 1000, 2);
        assert_int_equal(e->n_asked, 65);
        end(&p);
}

/* So that somebody who is in already waits for four at most. */
static void four_are_made_a_turn(void **state) {
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 32);
        for (unsigned i = 0; i < 10; i++)
                hello(e, i);
        for (unsigned left = 10; left > 0; left -= P2P_MIN(left, 4u)) {
                assert_int_equal(e->n_asked, left);
                assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        }
        assert_int_equal(e->n_asked, 0);
        assert_int_equal(p2p_quic_n_retries(p.b.transport), 10);
        end(&p);
}

/* News on its way up: through so many turns. */
typedef struct news {
        p2p_task task;
        unsigned n;
} news;

static void on_news(void *userdata) {
        news *n = userdata;

        if (--n->n > 0)
                p2p_task_post(&n->task);
}

static void who_is_in_goes_first(void **state) {
        news n = { .n = 5 };
        quic_endpoint *e;
        quic_pair p;

        (void) state;
        e = begin(&p, 32);
        p2p_task_init(&n.task, p.loop, on_news, &n);
        p2p_task_post(&n.task);
        hello(e, 0);
        unknown_version(e, 1);
        unknown_id(e, 2);
        while (n.n > 0) {
                assert_int_equal(e->n_asked, 3);
                assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        }
        assert_int_equal(e->n_asked, 0);
        end(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(four_strangers_wait_and_the_fifth_proves_its_address),
                cmocka_unit_test(so_does_who_comes_after_32_handshakes),
                cmocka_unit_test(one_of_256_handshakes_gives_way),
                cmocka_unit_test(retries_are_remembered_for_a_while),
                cmocka_unit_test(strangers_wait_in_a_bounded_queue),
                cmocka_unit_test(small_datagrams_take_the_room_of_a_hello),
                cmocka_unit_test(strangers_are_served_one_a_turn),
                cmocka_unit_test(answers_wait_in_a_bounded_queue),
                cmocka_unit_test(one_network_gets_half_of_them),
                cmocka_unit_test(four_are_made_a_turn),
                cmocka_unit_test(who_is_in_goes_first),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
