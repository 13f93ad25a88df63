/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where a request comes from decides: IPv4 address, IPv6 /56, or a circuit, over which nothing is to be
 * had. And circuits and requests in all.
 */

#include "tests/unit/host/door.h"

#include <stdio.h>

#include <p2p/circuit.h>

#include "negotiate/multistream.h"
#include "protocol/circuit-message.h"

/* Status of the answer that has come; 0: none yet. */
static unsigned answer(p2p_channel *stream) {
        p2p_hop_message m;
        uint8_t bytes[1024];
        unsigned status;
        size_t prefix;
        ssize_t n;

        n = p2p_channel_read(stream, bytes, sizeof(bytes));
        if (n <= 0)
                return 0;
        prefix = bytes[0] & 0x80 ? 2 : 1;
        assert_int_equal(p2p_hop_message_parse(P2P_VIEW(bytes + prefix, (size_t) n - prefix), &m), 0);
        assert_int_equal(m.type, P2P_HOP_STATUS);
        status = m.status;
        p2p_hop_message_done(&m);
        return status;
}

/* The answer to these bytes, delimited, on a stream of its own that is left open in *ret. */
static unsigned request(door *d, guest *g, const void *bytes, size_t n, p2p_channel **ret) {
        p2p_channel *stream, *lazy;

        assert_int_equal(g->session->ops->open(g->session, &stream), 0);
        assert_int_equal(p2p_lazy_new(d->loop, stream, P2P_HOP_PROTOCOL, &lazy), 0);
        assert_int_equal(p2p_channel_write(lazy, bytes, n), n);
        p2p_loop_settle(d->loop);
        *ret = lazy;
        return answer(lazy);
}

static unsigned reserve(door *d, guest *g) {
        p2p_channel *stream;
        unsigned status;

        status = request(d, g, "\x02\x08\x00", 3, &stream);
        p2p_channel_free(stream);
        return status;
}

static unsigned connect_to(door *d, guest *g, const p2p_peer_id *peer, p2p_channel **ret) {
        uint8_t bytes[64] = { (uint8_t) (6 + peer->n), 0x08, 0x01, 0x12, (uint8_t) (2 + peer->n), 0x0a,
                              peer->n };

        memcpy(bytes + 7, peer->data, peer->n);
        return request(d, g, bytes, 7u + peer->n, ret);
}

static p2p_hop_limits limits(void) {
        return (p2p_hop_limits){ .reservations = 100, .reservations_per_ip = 2, .circuits_per_peer = 8,
                                 .circuits = 2,
                                 .reservation_ttl_usec = 3600 * USEC_PER_SEC, .buffer = 2048 };
}

static void reservations_of_one_source_are_limited(void **state) {
        static const struct { const char *same[3], *other; } cases[] = {
                { { "/ip4/45.79.0.1/tcp/1", "/ip4/45.79.0.1/tcp/2", "/ip4/45.79.0.1/tcp/3" },
                  "/ip4/45.79.0.2/tcp/1" },
                { { "/ip6/2001:db8:0:1200::1/tcp/1", "/ip6/2001:db8:0:12ff::2/tcp/1",
                    "/ip6/2001:db8:0:1242:1::/tcp/1" },
                  "/ip6/2001:db8:0:1300::1/tcp/1" },
        };
        p2p_hop_limits l = limits();
        door *d = *state;
        uint8_t seed = 10;
        p2p_hop *hop;

        start(d);
        assert_int_equal(p2p_hop_new(d->host, &l, NULL, NULL, &hop), 0);
        for (unsigned c = 0; c < ELEMENTSOF(cases); c++) {
                for (unsigned i = 0; i < 3; i++)
                        assert_int_equal(reserve(d, come(d, seed++, cases[c].same[i], NULL)),
                                         i < 2 ? P2P_HOP_OK : P2P_HOP_RESERVATION_REFUSED);
                assert_int_equal(reserve(d, come(d, seed++, cases[c].other, NULL)), P2P_HOP_OK);
        }
        assert_int_equal(reserve(d, &d->guests[0]), P2P_HOP_OK); /* a refresh is no second one */
        assert_int_equal(p2p_hop_n_reservations(hop), 6);
        p2p_hop_free(hop);
}

static void nothing_is_had_over_a_circuit(void **state) {
        p2p_identity *relay = identity_of(90);
        p2p_hop_limits l = limits();
        p2p_channel *stream;
        door *d = *state;
        guest *far, *near;
        p2p_hop *hop;

        start(d);
        assert_int_equal(p2p_hop_new(d->host, &l, NULL, NULL, &hop), 0);
        near = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(reserve(d, near), P2P_HOP_OK);
        far = come(d, 11, "/ip4/45.79.0.2/tcp/1", p2p_identity_peer_id(relay));
        assert_int_equal(reserve(d, far), P2P_HOP_PERMISSION_DENIED);
        assert_int_equal(connect_to(d, far, p2p_identity_peer_id(near->identity), &stream),
                         P2P_HOP_PERMISSION_DENIED);
        p2p_channel_free(stream);
        assert_int_equal(p2p_hop_n_reservations(hop), 1);
        p2p_hop_free(hop);
        p2p_identity_free(relay);
}

/* Those being made count: the reached one never answers its stop. */
static void circuits_in_all_are_limited(void **state) {
        p2p_channel *streams[3];
        p2p_hop_limits l = limits();
        door *d = *state;
        guest *home;
        p2p_hop *hop;

        l.reservations_per_ip = 8;
        start(d);
        assert_int_equal(p2p_hop_new(d->host, &l, NULL, NULL, &hop), 0);
        home = come(d, 10, "/ip4/45.79.0.1/tcp/1", NULL);
        assert_int_equal(reserve(d, home), P2P_HOP_OK);
        for (unsigned i = 0; i < 3; i++) {
                guest *g = come(d, (uint8_t) (20 + i), "/ip4/45.79.0.2/tcp/1", NULL);

                assert_int_equal(connect_to(d, g, p2p_identity_peer_id(home->identity), &streams[i]),
                                 i < 2 ? 0 : P2P_HOP_RESOURCE_LIMIT_EXCEEDED);
        }
        for (unsigned i = 0; i < 3; i++)
                p2p_channel_free(streams[i]);
        p2p_hop_free(hop);
}

/* 16 peers with the 64 that each may have, and one more. */
static void requests_in_all_are_limited(void **state) {
        static p2p_channel *streams[1025];
        p2p_hop_limits l = limits();
        door *d = *state;
        char from[64];
        guest *g = NULL;
        p2p_hop *hop;

        d->stream_limit = 100;
        start(d);
        assert_int_equal(p2p_hop_new(d->host, &l, NULL, NULL, &hop), 0);
        for (unsigned i = 0; i < ELEMENTSOF(streams); i++) {
                if (i % 64 == 0) {
                        (void) snprintf(from, sizeof(from), "/ip4/45.79.0.%u/tcp/1", 1 + i / 64);
                        g = come(d, (uint8_t) (10 + i / 64), from, NULL);
                }
                assert_int_equal(request(d, g, "\x02", 1, &streams[i]), 0); /* the rest never comes */
        }
        assert_int_equal(p2p_channel_read(streams[1023], &(char){ 0 }, 1), -EAGAIN);
        assert_int_equal(p2p_channel_read(streams[1024], &(char){ 0 }, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(streams[1024]), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        for (unsigned i = 0; i < ELEMENTSOF(streams); i++)
                p2p_channel_free(streams[i]);
        p2p_hop_free(hop);
}

static void on_unanswered(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        assert_int_equal(error, 0);
        *(p2p_stream **) userdata = stream;
}

static void settle_both(door *d, p2p_loop *other) {
        for (unsigned i = 0; i < 20; i++) {
                p2p_loop_settle(d->loop);
                p2p_loop_settle(other);
        }
}

/* A guest with a loop of its own: while that stands still it reads nothing. */
static guest *come_apart(door *d, p2p_loop *loop, uint8_t seed, const char *remote) {
        p2p_upgrade_options options = { .initiator = true, .timeout_usec = 60 * USEC_PER_SEC,
                                        .yamux = { .streams_max = 1000 } };
        guest *g = &d->guests[d->n_guests++];

        *g = (guest){ .identity = identity_of(seed) };
        p2p_task_init(&g->wake, loop, on_guest_woken, NULL);
        options.identity = g->identity;
        assert_int_equal(p2p_upgrade_new(loop, knock(d, remote, NULL), &options, on_guest_upgraded, g,
                                         &g->upgrade), 0);
        settle_both(d, loop);
        return g;
}

/* Who is to be reached reads nothing, and so acknowledges no stream: after 200 the next one waits for its turn.
 * go-libp2p: 30 s, then 203. */
static void a_stop_stream_is_waited_for_thirty_seconds(void **state) {
        p2p_stream *streams[200] = {};
        p2p_hop_limits l = limits();
        p2p_channel *request_stream;
        p2p_loop *apart;
        door *d = *state;
        guest *home;
        p2p_open *open;
        p2p_hop *hop;

        start(d);
        assert_int_equal(p2p_loop_new_manual(&apart), 0);
        assert_int_equal(p2p_hop_new(d->host, &l, NULL, NULL, &hop), 0);
        home = come_apart(d, apart, 10, "/ip4/45.79.0.1/tcp/1");
        assert_int_equal(request(d, home, "\x02\x08\x00", 3, &request_stream), 0);
        settle_both(d, apart);
        assert_int_equal(answer(request_stream), P2P_HOP_OK);
        p2p_channel_free(request_stream);
        p2p_loop_advance(d->loop, USEC_PER_SEC); /* before that, eight are the most */
        for (unsigned i = 0; i < ELEMENTSOF(streams); i++)
                assert_int_equal(p2p_open_on_conn(d->last, "/test/1", NULL, on_unanswered, &streams[i], &open), 0);
        p2p_loop_settle(d->loop);
        assert_non_null(streams[199]);

        assert_int_equal(connect_to(d, come(d, 11, "/ip4/45.79.0.2/tcp/1", NULL), p2p_identity_peer_id(home->identity),
                                    &request_stream), 0);
        for (unsigned i = 0; i < 29; i++)
                p2p_loop_advance(d->loop, USEC_PER_SEC);
        assert_int_equal(answer(request_stream), 0);
        p2p_loop_advance(d->loop, 1100 * USEC_PER_MSEC);
        assert_int_equal(answer(request_stream), P2P_HOP_CONNECTION_FAILED);

        for (unsigned i = 0; i < ELEMENTSOF(streams); i++)
                p2p_stream_free(streams[i]);
        p2p_channel_free(request_stream);
        p2p_hop_free(hop);
        guest_leave(home);
        p2p_loop_free(apart);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(reservations_of_one_source_are_limited),
                T(nothing_is_had_over_a_circuit),
                T(circuits_in_all_are_limited),
                T(requests_in_all_are_limited),
                T(a_stop_stream_is_waited_for_thirty_seconds),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
