/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Channel to session, stage by stage: who is asked when, what a refused peer is told, how long it all may
 * take.
 */

#include "door.h"

#include "negotiate/multistream.h"
#include "secure/secure.h"

#define HERE "/ip4/45.79.0.1/tcp/4001"

/* A guest who proves itself but names no muxer in the handshake: it is asked for on the sealed channel. */
typedef struct plain {
        door *door;
        p2p_identity *identity;
        p2p_secure *secure;
        p2p_channel *sealed;
        bool muxer_named;
} plain;

static void on_secured(p2p_secure_result *result, int error, void *userdata) {
        plain *p = userdata;

        p->secure = NULL;
        assert_int_equal(error, 0);
        p->sealed = result->channel;
        p->muxer_named = result->muxer;
}

static void prove(plain *p, door *d, uint8_t seed) {
        static const char *const none[] = { NULL };
        p2p_secure_options options = { .muxers = none, .initiator = true };
        p2p_channel *lazy;

        *p = (plain){ .door = d, .identity = identity_of(seed) };
        options.identity = p->identity;
        assert_int_equal(p2p_lazy_new(d->loop, knock(d, HERE, NULL), "/noise", &lazy), 0);
        assert_int_equal(p2p_noise.start(d->loop, lazy, &options, on_secured, p, &p->secure), 0);
        p2p_loop_settle(d->loop);
        assert_non_null(p->sealed);
}

static void forget(plain *p) {
        p2p_channel_free(p->sealed);
        p2p_identity_free(p->identity);
}

static void a_guest_is_asked_for_once_and_let_in(void **state) {
        door *d = *state;
        guest *g;

        start(d);
        g = come(d, 5, HERE, NULL);
        assert_int_equal(g->error, 0);
        assert_true(is_in(g, NULL));
        assert_int_equal(d->n_asked, 1);
        assert_int_equal(d->n_opened, 1);
        assert_string_equal(p2p_conn_muxer(d->last), "/yamux/1.0.0");
        assert_true(p2p_peer_id_equal(p2p_conn_peer(d->last), p2p_identity_peer_id(g->identity)));
}

static void a_refused_guest_is_told_so(void **state) {
        door *d = *state;
        uint32_t code;
        guest *g;

        d->refuse = true;
        start(d);
        g = come(d, 5, HERE, NULL);
        assert_int_equal(g->error, 0); /* the muxer was agreed in the handshake: it can be told */
        assert_false(is_in(g, &code));
        assert_int_equal(code, P2P_CONN_GATED);
        assert_int_equal(d->n_asked, 1);
        assert_int_equal(d->n_opened, 0);
        assert_int_equal(d->n_failed, 1);
        assert_int_equal(d->failed_error, -EKEYREJECTED);
        assert_true(d->failed_named);
}

static unsigned n_streams_seen;

static void on_stream(p2p_stream *stream, void *userdata _unused_) {
        n_streams_seen++;
        p2p_stream_free(stream);
}

/* Speaks as soon as it can, before the host has had its say: a stream, its protocol, and more later. */
static void come_talking(door *d) {
        p2p_upgrade_options options = { .initiator = true, .timeout_usec = 60 * USEC_PER_SEC,
                                        .yamux = { .streams_max = 10 } };
        guest *g = &d->guests[d->n_guests++];
        p2p_channel *far, *stream, *lazy;

        far = knock(d, HERE, NULL);
        *g = (guest){ .identity = identity_of(5) };
        p2p_task_init(&g->wake, d->loop, on_guest_woken, NULL);
        options.identity = g->identity;
        assert_int_equal(p2p_upgrade_new(d->loop, far, &options, on_guest_upgraded, g, &g->upgrade), 0);
        for (unsigned i = 0; i < 100 && !g->session; i++)
                (void) p2p_loop_turn(d->loop, 0);
        assert_non_null(g->session);
        assert_int_equal(g->session->ops->open(g->session, &stream), 0);
        assert_int_equal(p2p_lazy_new(d->loop, stream, "/test/1", &lazy), 0);
        (void) p2p_lazy_flush(lazy);
        p2p_loop_settle(d->loop);
        (void) p2p_channel_write(lazy, "more", 4);
        p2p_loop_advance(d->loop, 3 * USEC_PER_SEC);
        p2p_channel_free(lazy);
}

static void nothing_of_a_refused_guest_is_parsed(void **state) {
        door *d = *state;

        start(d);
        assert_int_equal(p2p_host_handle(d->host, "/test/1", on_stream, NULL), 0);
        n_streams_seen = 0;
        come_talking(d);
        assert_int_equal(n_streams_seen, 1); /* the same bytes are heard of a friend */
        d->refuse = true;
        come_talking(d);
        assert_int_equal(n_streams_seen, 1);
        assert_int_equal(d->n_asked, 2);
        assert_int_equal(d->n_opened, 1);
        assert_int_equal(d->n_failed, 1);
}

static void without_a_muxer_a_refused_guest_is_just_cut_off(void **state) {
        door *d = *state;
        plain p;

        d->refuse = true;
        start(d);
        prove(&p, d, 5);
        assert_false(p.muxer_named);
        assert_int_equal(d->n_asked, 1);
        assert_int_equal(d->failed_error, -EKEYREJECTED);
        assert_true(hung_up(p.sealed));
        forget(&p);
}

static void a_muxer_may_be_agreed_on_the_sealed_channel(void **state) {
        p2p_yamux_options options = { .client = true, .streams_max = 10 };
        p2p_session *session;
        p2p_channel *lazy;
        door *d = *state;
        plain p;

        start(d);
        prove(&p, d, 5);
        assert_int_equal(d->n_asked, 1); /* at the proof, not at the end */
        assert_int_equal(d->n_opened, 0);
        assert_int_equal(p2p_lazy_new(d->loop, TAKE_PTR(p.sealed), P2P_YAMUX_PROTOCOL, &lazy), 0);
        assert_int_equal(p2p_yamux_new(d->loop, lazy, &options, &session), 0);
        p2p_loop_settle(d->loop);
        assert_int_equal(d->n_opened, 1);
        assert_int_equal(d->n_asked, 1);
        assert_int_equal(session->ops->error(session, NULL), 0);
        p2p_session_free(session);
        forget(&p);
}

static void another_muxer_is_refused(void **state) {
        p2p_channel *lazy;
        door *d = *state;
        plain p;

        start(d);
        prove(&p, d, 5);
        assert_int_equal(p2p_lazy_new(d->loop, TAKE_PTR(p.sealed), "/mplex/6.7.0", &lazy), 0);
        (void) p2p_lazy_flush(lazy);
        p2p_loop_settle(d->loop);
        assert_int_equal(p2p_lazy_confirm(lazy), -EPROTONOSUPPORT);
        assert_int_equal(d->n_opened, 0);
        p2p_channel_free(lazy);
        p2p_loop_settle(d->loop);
        assert_int_equal(d->n_failed, 1);
        assert_true(d->failed_named);
        forget(&p);
}

static void nobody_is_let_in_with_our_own_key(void **state) {
        door *d = *state;
        plain p;
        guest *g;

        start(d);
        prove(&p, d, 1);
        assert_true(hung_up(p.sealed));
        assert_int_equal(d->failed_error, -EKEYREJECTED);
        g = come(d, 1, HERE, NULL); /* nor does one who dials go on when he meets himself */
        assert_int_equal(g->error, -EKEYREJECTED);
        assert_int_equal(d->n_opened, 0);
        assert_int_equal(d->n_failed, 2);
        assert_int_equal(d->n_asked, 0); /* no question for the user */
        forget(&p);
}

/* 15 s from accept, however far it has come. */
static void every_stage_ends_after_fifteen_seconds(void **state) {
        static const char header[] = "\x13/multistream/1.0.0\n", noise[] = "\x07/noise\n";
        static const uint8_t first[34] = { 0, 32, 9 }; /* an ephemeral key, whatever it is */
        door *d = *state;

        start(d);
        for (unsigned stage = 0; stage < 4; stage++) {
                p2p_channel *c = knock_by_hand(d, HERE, NULL);

                p2p_loop_advance(d->loop, 5 * USEC_PER_SEC);
                if (stage > 0)
                        say(d, c, header, sizeof(header) - 1);
                p2p_loop_advance(d->loop, 5 * USEC_PER_SEC);
                if (stage > 1)
                        say(d, c, noise, sizeof(noise) - 1);
                if (stage > 2)
                        say(d, c, first, sizeof(first));
                p2p_loop_advance(d->loop, 4900 * USEC_PER_MSEC);
                assert_false(hung_up(c));
                assert_int_equal(d->n_failed, stage);
                p2p_loop_advance(d->loop, 200 * USEC_PER_MSEC);
                assert_true(hung_up(c));
                assert_int_equal(d->n_failed, stage + 1);
                assert_int_equal(d->failed_error, -ETIMEDOUT);
                assert_false(d->failed_named);
        }
}

static void the_choice_of_a_muxer_ends_too(void **state) {
        door *d = *state;
        plain p;

        start(d);
        prove(&p, d, 5);
        p2p_loop_advance(d->loop, 14900 * USEC_PER_MSEC);
        assert_false(hung_up(p.sealed));
        p2p_loop_advance(d->loop, 200 * USEC_PER_MSEC);
        assert_true(hung_up(p.sealed));
        assert_int_equal(d->failed_error, -ETIMEDOUT);
        assert_true(d->failed_named);
        forget(&p);
}

static void a_host_may_go_at_every_stage(void **state) {
        door *d = *state;
        p2p_channel *c;
        plain p;

        start(d);
        (void) knock_by_hand(d, HERE, NULL);
        c = knock_by_hand(d, HERE, NULL);
        say(d, c, "\x13/multistream/1.0.0\n\x07/noise\n", 28);
        prove(&p, d, 5);
        d->host = p2p_host_free(d->host);
        p2p_loop_settle(d->loop);
        assert_true(hung_up(d->raw[0]));
        assert_true(hung_up(d->raw[1]));
        assert_true(hung_up(p.sealed));
        assert_int_equal(d->n_failed, 0); /* nobody is called any more */
        forget(&p);
}

#define TLS_WORDS "\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n"
#define NOISE_WORDS "\x13/multistream/1.0.0\n\x07/noise\n"

static void on_never(p2p_upgraded *up _unused_, const p2p_peer_id *peer _unused_, int error, void *userdata) {
        *(int *) userdata = error;
}

/* What is known of a peer decides how much is said before anything is heard: with the words alone its answer costs a
 * round trip, behind them the handshake begins. */
static void an_initiator_says_no_more_than_it_knows(void **state) {
        const char *ours = p2p_tls_is_fast() ? TLS_WORDS : NOISE_WORDS;
        const struct { const char *security, *only, *words; bool begins; } cases[] = {
                { NULL,         NULL,     ours,        false },
                { "/other",     NULL,     ours,        false },
                { "/tls/1.0.0", NULL,     TLS_WORDS,   true  },
                { "/noise",     NULL,     NOISE_WORDS, true  },
                { NULL,         "/noise", NOISE_WORDS, true  },
                { "/tls/1.0.0", "/noise", NOISE_WORDS, true  },
        };
        door *d = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_upgrade_options options = { .initiator = true, .timeout_usec = USEC_PER_MINUTE,
                                                .security = cases[i].security, .only = cases[i].only };
                size_t n_words = strlen(cases[i].words);
                p2p_channel *near, *far;
                p2p_upgrade *upgrade;
                char said[2048];
                int error = 0;
                ssize_t k;

                options.identity = d->identity;
                assert_int_equal(p2p_memory_pair(d->loop, NULL, &near, &far), 0);
                assert_int_equal(p2p_upgrade_new(d->loop, near, &options, on_never, &error, &upgrade), 0);
                p2p_loop_settle(d->loop);
                k = p2p_channel_read(far, said, sizeof(said));
                assert_true(k >= (ssize_t) n_words);
                assert_memory_equal(said, cases[i].words, n_words);
                assert_int_equal(k > (ssize_t) n_words, cases[i].begins);

                /* It had changed its mind: that is an error of its own, after which nothing is known. */
                if (cases[i].begins) {
                        assert_int_equal(p2p_channel_write(far, "\x13/multistream/1.0.0\n\3na\n", 24), 24);
                        p2p_loop_settle(d->loop);
                        assert_int_equal(error, -EPROTONOSUPPORT);
                } else
                        p2p_upgrade_free(upgrade);
                p2p_channel_free(far);
                p2p_loop_settle(d->loop);
        }
}

/* Where the transport shakes hands by itself, as QUIC does. */
static void what_fails_below_is_told_as_well(void **state) {
        door *d = *state;

        start(d);
        for (unsigned i = 0; i < 2; i++) {
                p2p_raw raw = { .error = -EPROTONOSUPPORT };

                if (i > 0)
                        raw.peer = *p2p_identity_peer_id(d->identity);
                assert_int_equal(p2p_addr_parse(HERE, &raw.remote), 0);
                assert_int_equal(p2p_host_accept(d->host, &door_transport, &raw), 0);
                assert_null(raw.remote);
                assert_int_equal(d->n_failed, i + 1);
                assert_int_equal(d->failed_error, -EPROTONOSUPPORT);
                assert_int_equal(d->failed_named, i > 0);
        }
        assert_int_equal(d->n_asked, 0);
        assert_int_equal(d->n_opened, 0);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(a_guest_is_asked_for_once_and_let_in),
                T(a_refused_guest_is_told_so),
                T(nothing_of_a_refused_guest_is_parsed),
                T(without_a_muxer_a_refused_guest_is_just_cut_off),
                T(a_muxer_may_be_agreed_on_the_sealed_channel),
                T(another_muxer_is_refused),
                T(nobody_is_let_in_with_our_own_key),
                T(every_stage_ends_after_fifteen_seconds),
                T(the_choice_of_a_muxer_ends_too),
                T(a_host_may_go_at_every_stage),
                T(an_initiator_says_no_more_than_it_knows),
                T(what_fails_below_is_told_as_well),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
