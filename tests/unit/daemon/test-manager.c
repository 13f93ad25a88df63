/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A whole manager against bare nodes: the limits of what a peer can make it hold, and whom it knows. */

#include "tests/unit/daemon/world.h"

#include "daemon/peer.h"
#include "daemon/service.h"

static void services_and_names_have_limits(void **state) {
        char name[32];
        Service *s;
        World w;

        (void) state;
        world_start(&w, false);
        for (unsigned i = w.manager->n_services; i < 96; i++) {
                (void) snprintf(name, sizeof(name), "s%u", i);
                assert_int_equal(service_new(w.manager, name, "localhost:1", NULL, 0, true, &s), 0);
        }
        assert_int_equal(service_new(w.manager, "more", "localhost:1", NULL, 0, true, &s), -ENOBUFS);
        service_free(service_find(w.manager, "s50"));
        assert_int_equal(service_new(w.manager, "web", "localhost:1", NULL, 0, true, &s), -EEXIST);
        assert_int_equal(service_new(w.manager, "kad", "localhost:1", NULL, 0, true, &s), -EPERM);
        assert_int_equal(service_new(w.manager, "Web", "localhost:1", NULL, 0, true, &s), -EINVAL);
        assert_int_equal(service_new(w.manager, "x", "localhost:0", NULL, 0, true, &s), -EDESTADDRREQ);
        assert_int_equal(service_new(w.manager, "x", "nonsense", NULL, 0, true, &s), -EDESTADDRREQ);
        assert_int_equal(service_new(w.manager, "x", "localhost:1", NULL, 0, true, &s), 0);
        world_stop(&w);
}

/* ---- how many streams a peer may open ---- */
#define STREAMS_OF_A_FRIEND 16384 /* architecture.md 4 */

typedef struct Flood {
        p2p_stream *ours[STREAMS_OF_A_FRIEND + 64], *theirs[STREAMS_OF_A_FRIEND + 64];
        unsigned n_ours, n_theirs, n_opened, n_want;
} Flood;

static void on_flooded(p2p_stream *stream, void *userdata) {
        Flood *f = userdata;

        f->ours[f->n_ours++] = stream;
}

static void on_flood_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        Flood *f = userdata;

        if (error >= 0)
                f->theirs[f->n_theirs++] = stream;
        f->n_opened++;
}

static bool is_flooded(void *userdata) {
        Flood *f = userdata;

        return f->n_opened == f->n_want;
}

/* Confirmed, so that a refusal is heard; 200 at a time, as many as a muxer leaves unacknowledged. */
static unsigned flood(World *w, Flood *f, unsigned n) {
        static const p2p_open_options options = { .no_dial = true, .confirm = true };
        p2p_open *open;

        for (unsigned i = 0; i < n; i++) {
                f->n_want++;
                assert_int_equal(p2p_open_new(w->friend.host, p2p_host_peer_id(w->manager->host), "/mute/1",
                                              &options, on_flood_opened, f, &open),
                                 0);
                if (i % 200 == 199)
                        assert_true(loop_until(w->loop, is_flooded, f));
        }
        assert_true(loop_until(w->loop, is_flooded, f));
        return f->n_theirs;
}

static void flood_free(World *w, Flood *f) {
        while (f->n_theirs > 0)
                p2p_stream_free(f->theirs[--f->n_theirs]);
        while (f->n_ours > 0)
                p2p_stream_free(f->ours[--f->n_ours]);
        p2p_host_unhandle(w->manager->host, "/mute/1");
        free(f);
        world_stop(w);
}

static bool is_identified(void *userdata) {
        World *w = userdata;
        p2p_conn *conn = p2p_host_find_conn(w->manager->host, node_id(&w->friend));

        return conn && p2p_conn_is_identified(conn) && p2p_conn_is_identified(w->conn);
}

static Flood *flood_start(World *w, bool authorized) {
        Flood *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        world_start(w, false);
        assert_int_equal(p2p_host_handle(w->manager->host, "/mute/1", on_flooded, f), 0);
        if (authorized) {
                befriend(w);
                friend_dials(w);
                assert_true(loop_until(w->loop, is_identified, w));
        } else {
                manager_dials(w);
                assert_true(loop_until(w->loop, is_identified, w));
        }
        return f;
}

static void a_friend_may_open_16384_streams(void **state) {
        Flood *f;
        World w;

        (void) state;
        f = flood_start(&w, true);
        assert_int_equal(flood(&w, f, STREAMS_OF_A_FRIEND - 8), STREAMS_OF_A_FRIEND - 8);
        /* identify may hold some */
        assert_in_range(flood(&w, f, 40), STREAMS_OF_A_FRIEND - 8, STREAMS_OF_A_FRIEND);
        assert_int_equal(w.manager->n_peers, 1); /* the rest is refused, the connection lives */
        assert_false(p2p_list_is_empty(&w.manager->peers));
        flood_free(&w, f);
}

static void whom_we_dialled_may_open_16_streams(void **state) {
        Flood *f;
        World w;

        (void) state;
        f = flood_start(&w, false); /* a relay, say */
        assert_in_range(flood(&w, f, 40), 14, 16);
        flood_free(&w, f);
}

static void peers_follow_connections(void **state) {
        World w;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        for (int i = 0; i < 100 && w.manager->n_peers == 0; i++)
                assert_true(p2p_loop_turn(w.loop, 1000) >= 0);
        assert_int_equal(w.manager->n_peers, 1);
        assert_string_equal(peer_path_type(peer_conn(peer_find(w.manager, node_id(&w.friend)))), "DIRECT");
        p2p_conn_close(w.conn, P2P_CONN_SHUTDOWN);
        for (int i = 0; i < 100 && w.manager->n_peers > 0; i++)
                assert_true(p2p_loop_turn(w.loop, 1000) >= 0);
        assert_int_equal(w.manager->n_peers, 0);
        world_stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(services_and_names_have_limits),
                cmocka_unit_test(peers_follow_connections),
                cmocka_unit_test(a_friend_may_open_16384_streams),
                cmocka_unit_test(whom_we_dialled_may_open_16_streams),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
