/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Limits on connections, each at its edge, with guests from any address and through any relay; streams that
 * come in badly.
 */

#include <stdio.h>

#include "door.h"

#include "host/hook.h"
#include "negotiate/multistream.h"

static p2p_peer_id relay_of(uint8_t seed) {
        p2p_identity *identity = identity_of(seed);
        p2p_peer_id id = *p2p_identity_peer_id(identity);

        p2p_identity_free(identity);
        return id;
}

static unsigned n_in(const door *d) {
        unsigned n = 0;

        for (unsigned i = 0; i < d->n_guests; i++)
                n += is_in(&d->guests[i], NULL);
        return n;
}

static void a_full_host_gives_up_only_what_is_unused(void **state) {
        p2p_channel *stream;
        door *d = *state;
        uint32_t code;
        guest *g[5];

        d->limits.conns = 3;
        start(d);
        g[0] = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        p2p_conn_pin(d->last);
        g[1] = come(d, 11, "/ip4/45.79.0.2/tcp/1", NULL);
        assert_int_equal(g[1]->session->ops->open(g[1]->session, &stream), 0);
        (void) p2p_channel_write(stream, "\x13/multistream/1.0.0\n", 20);
        p2p_loop_settle(d->loop);
        g[2] = come(d, 12, "/ip4/45.79.0.3/tcp/1", NULL);
        assert_int_equal(n_in(d), 3);
        g[3] = come(d, 13, "/ip4/45.79.0.4/tcp/1", NULL);
        assert_true(is_in(g[0], NULL)); /* pinned */
        assert_true(is_in(g[1], NULL)); /* used */
        assert_false(is_in(g[2], &code));
        assert_int_equal(code, P2P_CONN_GARBAGE_COLLECTED);
        assert_true(is_in(g[3], NULL));
        p2p_conn_pin(d->last);
        g[4] = come(d, 14, "/ip4/45.79.0.5/tcp/1", NULL); /* nobody is left to go */
        assert_false(is_in(g[4], &code));
        assert_int_equal(code, P2P_CONN_RESOURCE_LIMIT_EXCEEDED);
        assert_int_equal(d->failed_error, -ENOBUFS);
        assert_int_equal(n_in(d), 3);
        p2p_channel_free(stream);
}

static void pins_are_counted(void **state) {
        door *d = *state;
        p2p_conn *conn;
        guest *g;

        d->limits.conns = 1;
        start(d);
        g = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        conn = d->last;
        p2p_conn_unpin(conn); /* one too many does no harm */
        p2p_conn_pin(conn);
        p2p_conn_pin(conn);
        p2p_conn_unpin(conn);
        (void) come(d, 11, "/ip4/45.79.0.2/tcp/1", NULL);
        assert_true(is_in(g, NULL));
        p2p_conn_unpin(conn);
        (void) come(d, 12, "/ip4/45.79.0.3/tcp/1", NULL);
        assert_false(is_in(g, NULL));
}

static void one_address_has_its_share(void **state) {
        door *d = *state;

        d->limits.conns_per_ip = 2;
        start(d);
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        (void) come(d, 11, "/ip4/45.79.0.1/tcp/2", NULL);
        assert_int_equal(n_in(d), 2);
        (void) come(d, 12, "/ip4/45.79.0.1/tcp/3", NULL);
        assert_int_equal(n_in(d), 2);
        assert_int_equal(d->failed_error, -ENOBUFS);
        (void) come(d, 13, "/ip4/45.79.0.2/tcp/3", NULL);
        (void) come(d, 14, "/ip6/2001:db8::1/tcp/3", NULL);
        assert_int_equal(n_in(d), 4);
}

/* A circuit has no address of its own: it counts against the relay that brings it, and only there. */
static void a_circuit_counts_against_its_relay(void **state) {
        p2p_peer_id one = relay_of(90), other = relay_of(91);
        door *d = *state;

        d->limits.conns_per_ip = 2;
        start(d);
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", &one);
        (void) come(d, 11, "/ip4/45.79.0.1/tcp/1", &one);
        assert_int_equal(n_in(d), 2);
        assert_true(p2p_conn_is_circuit(d->last));
        (void) come(d, 12, "/ip4/45.79.0.9/tcp/1", &one); /* whatever the address says */
        assert_int_equal(n_in(d), 2);
        (void) come(d, 13, "/ip4/45.79.0.1/tcp/1", &other);
        assert_int_equal(n_in(d), 3);
        /* The relay's address is not used up by its circuits. */
        (void) come(d, 14, "/ip4/45.79.0.1/tcp/1", NULL);
        (void) come(d, 15, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(n_in(d), 5);
        (void) come(d, 16, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(n_in(d), 5);
}

static void one_peer_has_eight(void **state) {
        door *d = *state;

        start(d);
        for (unsigned i = 0; i < 8; i++)
                (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(n_in(d), 8);
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(n_in(d), 8);
        p2p_host_close_peer(d->host, p2p_conn_peer(d->last), P2P_CONN_SHUTDOWN);
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL); /* at once: what is closing does not count */
        assert_int_equal(n_in(d), 1);
        assert_int_equal(d->n_closed, 8);
}

/* Unlimited before limited, direct before relayed, the youngest of equals; what is closing is not found. */
static void the_best_connection_is_found(void **state) {
        p2p_peer_id relay = relay_of(90);
        p2p_conn *limited, *circuit, *direct, *youngest;
        const p2p_peer_id *peer;
        door *d = *state;

        start(d);
        d->limited = true;
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", &relay);
        limited = d->last;
        peer = p2p_conn_peer(limited);
        assert_ptr_equal(p2p_host_find_conn(d->host, peer), limited);
        d->limited = false;
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        direct = d->last;
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", &relay);
        circuit = d->last;
        assert_ptr_equal(p2p_host_find_conn(d->host, peer), direct);
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        youngest = d->last;
        assert_ptr_equal(p2p_host_find_conn(d->host, peer), youngest);
        assert_ptr_equal(p2p_host_first_conn(d->host), limited); /* in the order of their coming */
        assert_ptr_equal(p2p_conn_next(limited), direct);
        assert_null(p2p_conn_next(youngest));
        p2p_conn_close(youngest, P2P_CONN_SHUTDOWN);
        assert_ptr_equal(p2p_host_find_conn(d->host, peer), direct);
        p2p_conn_close(direct, P2P_CONN_SHUTDOWN);
        assert_ptr_equal(p2p_host_find_conn(d->host, peer), circuit);
        p2p_conn_close(circuit, P2P_CONN_SHUTDOWN);
        assert_ptr_equal(p2p_host_find_conn(d->host, peer), limited);
        assert_true(p2p_conn_is_limited(limited) &&
                    p2p_conn_is_circuit(limited) && p2p_conn_is_inbound(limited));
        p2p_conn_close(limited, P2P_CONN_SHUTDOWN);
        assert_null(p2p_host_find_conn(d->host, peer));
}

static unsigned n_waiting(const door *d) {
        unsigned n = 0;

        for (unsigned i = 0; i < d->n_raw; i++)
                n += !hung_up(d->raw[i]);
        return n;
}

/* IPv6: a /56 is one place, what lies beyond its eighth byte makes no difference. */
static void handshakes_of_one_prefix_are_limited(void **state) {
        static const struct { const char *same, *other; } cases[] = {
                { "/ip6/2001:db8:0:1200::1/tcp/1", "/ip6/2001:db8:0:1300::1/tcp/1" },
                { "/ip4/45.79.7.1/tcp/1", "/ip4/45.79.8.1/tcp/1" },
        };
        door *d = *state;
        char text[64];

        d->limits.half_open_per_prefix = 3;
        start(d);
        for (unsigned c = 0; c < ELEMENTSOF(cases); c++) {
                (void) knock_by_hand(d, cases[c].same, NULL);
                for (unsigned i = 0; i < 2; i++) { /* other addresses of it, up to its last bits */
                        if (c == 0)
                                (void) snprintf(text, sizeof(text), "/ip6/2001:db8:0:12f%u:ff::%u/tcp/1", i,
                                                i);
                        else
                                (void) snprintf(text, sizeof(text), "/ip4/45.79.7.%u/tcp/1", 200 + i);
                        (void) knock_by_hand(d, text, NULL);
                }
                assert_int_equal(n_waiting(d), c * 4 + 3);
                (void) knock_by_hand(d, cases[c].same, NULL);
                assert_int_equal(n_waiting(d), c * 4 + 3);
                (void) knock_by_hand(d, cases[c].other, NULL);
                assert_int_equal(n_waiting(d), c * 4 + 4);
        }
}

static void handshakes_through_one_relay_are_limited(void **state) {
        p2p_peer_id one = relay_of(90), other = relay_of(91);
        door *d = *state;

        d->limits.half_open_per_prefix = 2;
        start(d);
        for (unsigned i = 0; i < 3; i++)
                (void) knock_by_hand(d, NULL, &one);
        assert_int_equal(n_waiting(d), 2);
        (void) knock_by_hand(d, NULL, &other);
        assert_int_equal(n_waiting(d), 3);
}

/* A flood from many places falls on the fullest of them: the lonely one stays. */
static void the_fullest_place_makes_room(void **state) {
        p2p_channel *lonely;
        door *d = *state;

        d->limits.half_open = 8;
        d->limits.half_open_per_prefix = 0;
        start(d);
        for (unsigned i = 0; i < 7; i++)
                (void) knock_by_hand(d, "/ip4/45.79.7.1/tcp/1", NULL);
        lonely = knock_by_hand(d, "/ip4/45.79.8.1/tcp/1", NULL);
        assert_int_equal(n_waiting(d), 8);
        (void) knock_by_hand(d, "/ip4/45.79.9.1/tcp/1", NULL);
        assert_int_equal(n_waiting(d), 8);
        assert_false(hung_up(lonely));
}

/* ---- streams ---- */
static unsigned n_streams;
static p2p_stream *kept[4];
static unsigned n_kept;

static void on_stream(p2p_stream *stream, void *userdata _unused_) {
        n_streams++;
        p2p_stream_free(stream);
}

static void an_unnamed_stream_ends_after_ten_seconds(void **state) {
        p2p_channel *stream;
        door *d = *state;
        guest *g;

        start(d);
        g = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(g->session->ops->open(g->session, &stream), 0);
        (void) p2p_channel_write(stream, "\x13/multistream/1.0.0\n", 20);
        p2p_loop_settle(d->loop);
        p2p_loop_advance(d->loop, 9900 * USEC_PER_MSEC);
        assert_false(hung_up(stream));
        p2p_loop_advance(d->loop, 200 * USEC_PER_MSEC);
        assert_true(hung_up(stream));
        assert_true(is_in(g, NULL)); /* the connection is none the worse for it */
        p2p_channel_free(stream);
}

/* The program's word on this peer, not the host's default. */
static void streams_of_a_peer_are_limited(void **state) {
        p2p_channel *streams[4];
        door *d = *state;
        guest *g;

        d->stream_limit = 3;
        start(d);
        g = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        for (unsigned i = 0; i < 4; i++) {
                assert_int_equal(g->session->ops->open(g->session, &streams[i]), 0);
                (void) p2p_channel_write(streams[i], "\x13", 1);
                p2p_loop_settle(d->loop);
                assert_int_equal(hung_up(streams[i]), i == 3);
        }
        assert_int_equal(p2p_channel_reset_code(streams[3]), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        for (unsigned i = 0; i < 4; i++)
                p2p_channel_free(streams[i]);
}

static void on_kept(p2p_stream *stream, void *userdata _unused_) {
        kept[n_kept++] = stream;
}

static p2p_channel *ask_for(door *d, guest *g, const char *protocol) {
        p2p_channel *stream, *lazy;

        assert_int_equal(g->session->ops->open(g->session, &stream), 0);
        assert_int_equal(p2p_lazy_new(d->loop, stream, protocol, &lazy), 0);
        (void) p2p_lazy_flush(lazy);
        p2p_loop_settle(d->loop);
        return lazy;
}

static void more_connections_give_no_more_streams(void **state) {
        p2p_channel *c[6];
        door *d = *state;
        guest *first, *second;

        d->stream_limit = 2;
        n_kept = 0;
        start(d);
        assert_int_equal(p2p_host_handle(d->host, "/keep/1", on_kept, d), 0);
        first = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        second = come(d, 10, "/ip4/45.79.0.1/tcp/2", NULL);
        c[0] = ask_for(d, first, "/keep/1");
        assert_int_equal(first->session->ops->open(first->session, &c[1]), 0); /* says nothing */
        p2p_loop_settle(d->loop);
        c[2] = ask_for(d, second, "/keep/1");
        assert_int_equal(n_kept, 1);
        assert_true(hung_up(c[2]));
        assert_int_equal(p2p_channel_reset_code(c[2]), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        c[3] = ask_for(d, come(d, 11, "/ip4/45.79.0.1/tcp/3", NULL), "/keep/1"); /* another peer's own */
        assert_int_equal(n_kept, 2);

        p2p_stream_free(kept[0]); /* one that is done makes room */
        c[4] = ask_for(d, second, "/keep/1");
        assert_int_equal(n_kept, 3);
        guest_leave(first); /* and so do those of a connection that ends */
        p2p_loop_settle(d->loop);
        c[5] = ask_for(d, second, "/keep/1");
        assert_int_equal(n_kept, 4);
        for (unsigned i = 1; i < n_kept; i++)
                p2p_stream_free(kept[i]);
        for (unsigned i = 0; i < ELEMENTSOF(c); i++)
                p2p_channel_free(c[i]);
}

static void take_the_handler_away(p2p_stream *stream, void *userdata) {
        p2p_host_unhandle(((door *) userdata)->host, "/late/1");
        p2p_stream_free(stream);
}

/*
 * Two in one turn: the first one's handler takes the protocol of the second away, which has just been
 * agreed to.
 */
static void a_protocol_may_go_in_the_middle(void **state) {
        p2p_channel *streams[2];
        door *d = *state;
        guest *g;

        start(d);
        n_streams = 0;
        assert_int_equal(p2p_host_handle(d->host, "/first/1", take_the_handler_away, d), 0);
        assert_int_equal(p2p_host_handle(d->host, "/late/1", on_stream, d), 0);
        g = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        for (unsigned i = 0; i < 2; i++) {
                p2p_channel *stream;

                assert_int_equal(g->session->ops->open(g->session, &stream), 0);
                assert_int_equal(p2p_lazy_new(d->loop, stream, i ? "/late/1" : "/first/1", &streams[i]), 0);
                (void) p2p_lazy_flush(streams[i]);
        }
        p2p_loop_settle(d->loop);
        assert_true(hung_up(streams[1]));
        assert_int_equal(n_streams, 0);
        for (unsigned i = 0; i < 2; i++)
                p2p_channel_free(streams[i]);
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        assert_null(stream);
        *(int *) userdata = error;
}

static void consent_may_take_thirty_seconds(void **state) {
        door *d = *state;
        p2p_open *open;
        int error = 0;

        start(d);
        (void) come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL); /* answers pings, and nothing else */
        assert_int_equal(p2p_open_on_conn(d->last, "/test/1", &(p2p_open_options){ .confirm = true },
                                          on_opened, &error,
                                          &open), 0);
        for (unsigned i = 0; i < 29; i++)
                p2p_loop_advance(d->loop, USEC_PER_SEC);
        assert_int_equal(error, 0);
        p2p_loop_advance(d->loop, 1100 * USEC_PER_MSEC);
        assert_int_equal(error, -ETIMEDOUT);
}

static void on_counted(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        assert_int_equal(error, 0);
        p2p_stream_free(stream);
        ++*(unsigned *) userdata;
}

/* js-libp2p ends a connection on which more than ten come before its own upgrade has ended. */
static void eight_streams_are_opened_before_identify(void **state) {
        door *d = *state;
        p2p_open *open;

        start(d);
        for (unsigned round = 0; round < 2; round++) {
                unsigned n_open = 0;

                (void) come(d, (uint8_t) (10 + round), "/ip4/45.79.0.1/tcp/1", NULL);
                for (unsigned i = 0; i < 20; i++)
                        assert_int_equal(p2p_open_on_conn(d->last, "/test/1", NULL, on_counted, &n_open, &open), 0);
                p2p_loop_settle(d->loop);
                assert_int_equal(n_open, 8);
                if (round == 0)
                        p2p_conn_set_identified(d->last, "test/1", NULL, 0);
                else
                        p2p_loop_advance(d->loop, USEC_PER_SEC); /* it never answers */
                p2p_loop_settle(d->loop);
                assert_int_equal(n_open, 20);
        }
}

static void a_session_that_breaks_ends_its_connection_once(void **state) {
        door *d = *state;
        guest *g;

        start(d);
        g = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        p2p_conn_close(d->last, P2P_CONN_SHUTDOWN);
        p2p_conn_close(d->last, P2P_CONN_GATED); /* the first word counts */
        guest_leave(g);
        p2p_loop_settle(d->loop);
        assert_int_equal(d->n_closed, 1);
        assert_null(p2p_host_first_conn(d->host));
        g = come(d, 11, "/ip4/45.79.0.1/tcp/1", NULL);
        guest_leave(g); /* just gone */
        p2p_loop_settle(d->loop);
        assert_int_equal(d->n_closed, 2);
        assert_int_equal(d->close_error, -ECONNRESET);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(a_full_host_gives_up_only_what_is_unused),
                T(pins_are_counted),
                T(one_address_has_its_share),
                T(a_circuit_counts_against_its_relay),
                T(one_peer_has_eight),
                T(the_best_connection_is_found),
                T(handshakes_of_one_prefix_are_limited),
                T(handshakes_through_one_relay_are_limited),
                T(the_fullest_place_makes_room),
                T(an_unnamed_stream_ends_after_ten_seconds),
                T(streams_of_a_peer_are_limited),
                T(more_connections_give_no_more_streams),
                T(a_protocol_may_go_in_the_middle),
                T(consent_may_take_thirty_seconds),
                T(eight_streams_are_opened_before_identify),
                T(a_session_that_breaks_ends_its_connection_once),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
