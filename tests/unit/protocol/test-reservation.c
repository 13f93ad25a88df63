/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The client of a relay whose half is spoken by hand: what it believes, when it asks again, whom it lets bring somebody. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "crypto/envelope.h"
#include "host/host-internal.h"
#include "protocol/circuit-message.h"
#include "protocol/circuit.pb-c.h"
#include "tests/support/fake-net.h"
#include "tests/support/hex.h"
#include "tests/support/talk.h"
#include "wire/message.h"

typedef struct world {
        p2p_loop *loop;
        node relay, home;
        p2p_reservation *reservation;
        p2p_stream *asked; /* RESERVE came */
        unsigned n_asked, n_changes;
} world;

static void on_hop(p2p_stream *stream, void *userdata) {
        world *w = userdata;

        p2p_stream_free(w->asked);
        w->asked = stream;
        w->n_asked++;
}

static void on_changed(p2p_reservation *r _unused_, void *userdata) {
        ((world *) userdata)->n_changes++;
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->relay, w->loop, 9, NULL);
        node_start(&w->home, w->loop, 1, &(node_options){ .silent = true });
        node_introduce(&w->relay, &w->home);
        assert_int_equal(p2p_host_handle(w->relay.host, P2P_HOP_PROTOCOL, on_hop, w), 0);
        assert_int_equal(p2p_reservation_new(w->home.circuit, node_id(&w->relay), on_changed, w, &w->reservation), 0);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_stream_free(w->asked);
        p2p_reservation_free(w->reservation);
        node_stop(&w->relay);
        node_stop(&w->home);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

static bool is_asked(void *userdata) {
        return ((world *) userdata)->asked;
}

static bool is_active(void *userdata) {
        return p2p_reservation_state_of(((world *) userdata)->reservation) == P2P_RESERVATION_ACTIVE;
}

static bool is_waiting(void *userdata) {
        return p2p_reservation_state_of(((world *) userdata)->reservation) == P2P_RESERVATION_WAITING;
}

static uint64_t now(void) {
        return (uint64_t) time(NULL);
}

/* Sends m as the answer to the RESERVE that came, or comes. */
static void answer(world *w, P2p__HopMessage *m) {
        uint8_t *bytes;
        size_t n;
        talk t;

        for (unsigned i = 0; i < 200 && !w->asked; i++) {
                (void) p2p_loop_advance(w->loop, 100 * USEC_PER_MSEC);
                (void) p2p_loop_turn(w->loop, USEC_PER_MSEC);
        }
        assert_true(is_asked(w));
        talk_take(&t, w->loop, TAKE_PTR(w->asked));
        assert_true(p2p_view_equal(talk_hear_message(&t), HEX("0800")));
        assert_int_equal(p2p_message_encode(&m->base, true, &bytes, &n), 0);
        talk_say(&t, P2P_VIEW(bytes, n));
        free(bytes);
        (void) talk_hear_end(&t);
        talk_close(&t);
}

/* Second by second, at most so many: it must be asked before they are over. */
static void advance_until_asked(world *w, unsigned seconds) {
        for (unsigned i = 0; i < seconds && !w->asked; i++) {
                (void) p2p_loop_advance(w->loop, USEC_PER_SEC);
                (void) p2p_loop_turn(w->loop, USEC_PER_MSEC);
                (void) p2p_loop_settle(w->loop);
        }
        assert_true(is_asked(w));
}

/* STATUS OK until `expires`, vouched for by this identity (NULL: not at all). */
static void grant(world *w, uint64_t expires, const p2p_identity *signer) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        P2p__Reservation r = P2P__RESERVATION__INIT;
        uint8_t *voucher = NULL;

        m.has_type = m.has_status = true;
        m.type = P2P_HOP_STATUS;
        m.status = P2P_HOP_OK;
        m.reservation = &r;
        r.expire = expires;
        if (signer) {
                assert_int_equal(p2p_voucher_seal(signer, node_id(&w->home), expires, &voucher, &r.voucher.len), 0);
                r.has_voucher = true;
                r.voucher.data = voucher;
        }
        answer(w, &m);
        free(voucher);
}

static void refuse(world *w, unsigned status) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;

        m.has_type = m.has_status = true;
        m.type = P2P_HOP_STATUS;
        m.status = (int32_t) status;
        answer(w, &m);
}

static void an_answer_without_addresses_is_enough(void **state) {
        world *w = *state;
        p2p_addr **addrs;
        p2p_peer_id relay;
        size_t n;

        grant(w, now() + 3600, w->relay.identity);
        assert_true(loop_until(w->loop, is_active, w));
        assert_int_equal(p2p_host_own_addrs(w->home.host, &addrs, &n), 0);
        assert_int_equal(n, 1); /* where we found the relay */
        assert_true(p2p_addr_is_circuit(addrs[0]));
        assert_int_equal(p2p_addr_split_circuit(addrs[0], &addrs[1], &relay), 0);
        assert_true(p2p_peer_id_equal(&relay, node_id(&w->relay)));
        p2p_addr_free(addrs[0]);
        p2p_addr_free(addrs[1]);
        free(addrs);
}

/* With or without /p2p/RELAY at their end; circuits of another relay and what is no address are left out. */
static void the_addresses_of_the_answer_are_announced(void **state) {
        static const char *const texts[] = {
                "/ip4/45.79.0.1/tcp/4001",
                "/ip4/45.79.0.2/tcp/4001/p2p/12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb",
                "/ip4/45.79.0.3/tcp/1/p2p/12D3KooWSrKnMZUcSxK8G7wmBbXdU8nFEfWGhLu6H8xjn8LmCSJb/p2p-circuit",
        };
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        P2p__Reservation r = P2P__RESERVATION__INIT;
        ProtobufCBinaryData views[ELEMENTSOF(texts) + 1];
        p2p_addr *given[ELEMENTSOF(texts)], *want, **addrs;
        world *w = *state;
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                assert_int_equal(p2p_addr_parse(texts[i], &given[i]), 0);
                views[i].data = (uint8_t *) p2p_addr_view(given[i]).data;
                views[i].len = p2p_addr_view(given[i]).n;
        }
        views[ELEMENTSOF(texts)] = (ProtobufCBinaryData){ .data = (uint8_t *) "\xff", .len = 1 };
        m.has_type = m.has_status = true;
        m.type = P2P_HOP_STATUS;
        m.status = P2P_HOP_OK;
        m.reservation = &r;
        r.expire = now() + 3600;
        r.addrs = views;
        r.n_addrs = ELEMENTSOF(views);
        answer(w, &m);
        assert_true(loop_until(w->loop, is_active, w));
        assert_int_equal(p2p_host_own_addrs(w->home.host, &addrs, &n), 0);
        assert_int_equal(n, 2);
        assert_int_equal(p2p_addr_make_circuit(given[0], node_id(&w->relay), &want), 0);
        assert_true(p2p_addr_equal(addrs[0], want));
        for (size_t i = 0; i < n; i++)
                p2p_addr_free(addrs[i]);
        for (size_t i = 0; i < ELEMENTSOF(texts); i++)
                p2p_addr_free(given[i]);
        p2p_addr_free(want);
        free(addrs);
}

static void an_answer_without_voucher_is_enough(void **state) {
        world *w = *state;

        grant(w, now() + 3600, NULL);
        assert_true(loop_until(w->loop, is_active, w));
}

static void the_voucher_of_another_relay_is_refused(void **state) {
        p2p_identity *other;
        uint8_t seed[32] = { 77 };
        world *w = *state;

        assert_int_equal(p2p_identity_from_seed(seed, &other), 0);
        grant(w, now() + 3600, other);
        assert_true(loop_until(w->loop, is_waiting, w));
        assert_int_equal(p2p_reservation_error(w->reservation), -EKEYREJECTED);
        assert_int_equal(p2p_reservation_expires(w->reservation), 0);
        p2p_identity_free(other);
}

static void an_answer_without_reservation_is_refused(void **state) {
        world *w = *state;

        refuse(w, P2P_HOP_OK);
        assert_true(loop_until(w->loop, is_waiting, w));
        assert_int_equal(p2p_reservation_error(w->reservation), -EBADMSG);
}

static void an_answer_that_is_none_is_refused(void **state) {
        P2p__HopMessage m = P2P__HOP_MESSAGE__INIT;
        world *w = *state;

        m.has_type = true;
        m.type = P2P_HOP_CONNECT;
        answer(w, &m);
        assert_true(loop_until(w->loop, is_waiting, w));
        assert_int_equal(p2p_reservation_error(w->reservation), -EPROTO);
}

static void a_retry_waits_for_nothing(void **state) {
        world *w = *state;

        for (unsigned i = 0; i < 4; i++) { /* until the wait would be long */
                refuse(w, P2P_HOP_RESERVATION_REFUSED);
                assert_true(loop_until(w->loop, is_waiting, w));
                assert_int_equal(w->n_asked, i + 1);
                p2p_reservation_retry(w->reservation);
                p2p_reservation_retry(w->reservation); /* once is enough */
                assert_true(loop_until(w->loop, is_asked, w)); /* the clock stands still */
        }
        grant(w, now() + 3600, w->relay.identity);
        assert_true(loop_until(w->loop, is_active, w));
        p2p_reservation_retry(w->reservation); /* nothing to try */
        p2p_loop_settle(w->loop);
        assert_int_equal(w->n_asked, 5);
        assert_true(p2p_peer_id_equal(p2p_reservation_relay(w->reservation), node_id(&w->relay)));
}

static void a_refusal_is_tried_again_within_eight_seconds(void **state) {
        world *w = *state;

        for (unsigned i = 0; i < 8; i++) {
                refuse(w, P2P_HOP_RESERVATION_REFUSED);
                assert_true(loop_until(w->loop, is_waiting, w));
                assert_int_equal(p2p_reservation_status(w->reservation), P2P_HOP_RESERVATION_REFUSED);
                assert_int_equal(w->n_asked, i + 1);
                (void) p2p_loop_advance(w->loop, 8 * USEC_PER_SEC);
                assert_true(loop_until(w->loop, is_asked, w));
        }
        grant(w, now() + 3600, w->relay.identity);
        assert_true(loop_until(w->loop, is_active, w));
        assert_int_equal(p2p_reservation_status(w->reservation), 0);
}

static void it_is_refreshed_two_minutes_before_its_end(void **state) {
        world *w = *state;
        unsigned n;

        grant(w, now() + 600, w->relay.identity);
        assert_true(loop_until(w->loop, is_active, w));
        p2p_loop_settle(w->loop);
        n = w->n_changes;
        (void) p2p_loop_advance(w->loop, 350 * USEC_PER_SEC);
        assert_false(is_asked(w)); /* not before three quarters of the 480 s */
        advance_until_asked(w, 135);
        grant(w, now() + 1200, w->relay.identity);
        p2p_loop_settle(w->loop);
        assert_true(w->n_changes > n); /* a refresh is news */
        assert_in_range(p2p_reservation_expires(w->reservation), now() + 1190, now() + 1200);
}

/* The relay's clock is not ours: these would be refreshed at once, or never. Nobody promises more than a day. */
static void a_wrong_clock_is_tolerated(void **state) {
        static const int64_t off[] = { -86400 * 365, 86400 * 365, 25 * 3600 };
        world *w = *state;

        for (size_t i = 0; i < ELEMENTSOF(off); i++) {
                grant(w, now() + (uint64_t) off[i], w->relay.identity);
                assert_true(loop_until(w->loop, is_active, w));
                (void) p2p_loop_advance(w->loop, 40 * USEC_PER_SEC);
                assert_false(is_asked(w));
                advance_until_asked(w, 21);
        }
}

static void a_silent_relay_is_given_up_after_ten_seconds(void **state) {
        world *w = *state;

        assert_true(loop_until(w->loop, is_asked, w));
        assert_false(is_waiting(w));
        (void) p2p_loop_advance(w->loop, 10100 * USEC_PER_MSEC);
        assert_true(p2p_reservation_error(w->reservation) == -ETIMEDOUT || w->n_asked > 1);
        assert_false(is_active(w));
}

/* ---- stop ---- */

static p2p_view stop_connect(const p2p_peer_id *peer) {
        static uint8_t bytes[64];

        bytes[0] = (uint8_t) (6 + peer->n);
        memcpy(bytes + 1, "\x08\x00\x12", 3);
        bytes[4] = (uint8_t) (2 + peer->n);
        bytes[5] = 0x0a;
        bytes[6] = peer->n;
        memcpy(bytes + 7, peer->data, peer->n);
        return P2P_VIEW(bytes, 7u + peer->n);
}

static unsigned stop_status(world *w, p2p_view request) {
        p2p_stop_message m;
        talk t;

        talk_open(&t, &w->relay, node_id(&w->home), P2P_STOP_PROTOCOL);
        assert_int_equal(t.error, 0);
        talk_say(&t, request);
        assert_int_equal(p2p_stop_message_parse(talk_hear_message(&t), &m), 0);
        assert_int_equal(m.type, P2P_STOP_STATUS);
        talk_close(&t);
        return m.status;
}

static void our_relay_may_bring_somebody(void **state) {
        world *w = *state;
        p2p_peer_id caller;

        assert_int_equal(p2p_peer_id_parse("12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb", &caller), 0);
        grant(w, now() + 3600, w->relay.identity);
        assert_true(loop_until(w->loop, is_active, w));
        assert_int_equal(stop_status(w, stop_connect(&caller)), P2P_HOP_OK);
}

static void anybody_else_may_not(void **state) {
        world *w = *state;
        p2p_peer_id caller;

        assert_int_equal(p2p_peer_id_parse("12D3KooWC4T1AXU2s2YBgGJ2FeaYVtsKoHZWJeubnWe9SnuSE7Zb", &caller), 0);
        assert_true(loop_until(w->loop, is_asked, w)); /* connected, that is */
        w->reservation = p2p_reservation_free(w->reservation);
        assert_int_equal(stop_status(w, stop_connect(&caller)), P2P_HOP_PERMISSION_DENIED);
}

static void bad_stop_messages_are_told_so(void **state) {
        static const struct { const char *hex; unsigned status; } cases[] = {
                { "04 08012064",           P2P_HOP_UNEXPECTED_MESSAGE }, /* STATUS */
                { "02 0800",               P2P_HOP_MALFORMED_MESSAGE  }, /* no peer */
                { "09 0800 1205 0a03010203", P2P_HOP_MALFORMED_MESSAGE },
                { "04 ffffffff",           P2P_HOP_MALFORMED_MESSAGE  },
        };
        uint8_t bytes[64];
        world *w = *state;

        assert_true(loop_until(w->loop, is_asked, w));
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (stop_status(w, hex_view(cases[i].hex, bytes, sizeof(bytes))) != cases[i].status)
                        fail_msg("%s", cases[i].hex);
}

/* UDP was blocked, say: the session does not know it yet. */
static void a_relay_that_fell_silent_is_dialled_anew(void **state) {
        fake_session *dead, *fresh;
        world *w = *state;
        fake_net net;

        fake_net_init(&net, w->loop, w->home.host);
        p2p_loop_settle(w->loop);
        dead = fake_answer(fake_find(&net, NULL));
        p2p_loop_settle(w->loop);
        assert_int_equal(dead->n_open, 2); /* identify, hop */
        p2p_loop_advance(w->loop, 11 * USEC_PER_SEC);
        assert_non_null(fake_find(&net, NULL));
        assert_true(p2p_list_is_empty(&net.sessions));
        fresh = fake_answer(fake_find(&net, NULL));
        p2p_loop_settle(w->loop);
        for (unsigned i = 0; i < 60; i++) {
                p2p_loop_advance(w->loop, USEC_PER_SEC);
                fresh->heard = p2p_loop_now(w->loop); /* this one is busy with something else */
        }
        assert_ptr_equal(p2p_list_first(&net.sessions), &fresh->sessions);
        w->reservation = p2p_reservation_free(w->reservation);
        node_stop(&w->home); /* before its network */
        node_start(&w->home, w->loop, 1, &(node_options){ .silent = true });
}

static void another_network_is_tried_at_once(void **state) {
        world *w = *state;

        for (unsigned i = 0; i < 8; i++) { /* until it waits for seconds */
                refuse(w, P2P_HOP_RESOURCE_LIMIT_EXCEEDED);
                assert_true(loop_until(w->loop, is_waiting, w));
        }
        p2p_task_post(&w->home.host->network_changed);
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 0);
        assert_true(loop_until(w->loop, is_asked, w));
        grant(w, now() + 3600, w->relay.identity);
        assert_true(loop_until(w->loop, is_active, w));
        p2p_task_post(&w->home.host->network_changed); /* is it still there? */
        p2p_loop_settle(w->loop);
        p2p_loop_advance(w->loop, 0);
        assert_true(loop_until(w->loop, is_asked, w));
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(an_answer_without_addresses_is_enough),
                T(the_addresses_of_the_answer_are_announced),
                T(an_answer_that_is_none_is_refused),
                T(a_retry_waits_for_nothing),
                T(an_answer_without_voucher_is_enough),
                T(the_voucher_of_another_relay_is_refused),
                T(an_answer_without_reservation_is_refused),
                T(a_refusal_is_tried_again_within_eight_seconds),
                T(it_is_refreshed_two_minutes_before_its_end),
                T(a_wrong_clock_is_tolerated),
                T(a_silent_relay_is_given_up_after_ten_seconds),
                T(our_relay_may_bring_somebody),
                T(anybody_else_may_not),
                T(bad_stop_messages_are_told_so),
                T(a_relay_that_fell_silent_is_dialled_anew),
                T(another_network_is_tried_at_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
