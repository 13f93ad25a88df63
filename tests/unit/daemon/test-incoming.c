/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Who gets at a service, however the connection came to be, and what the others are told. */

#include "tests/unit/daemon/world.h"

#include "daemon/incoming.h"
#include "daemon/service.h"

static int accept_backend(World *w) {
        int fd = -1;

        for (int i = 0; i < 1000 && fd < 0; i++) {
                assert_true(p2p_loop_turn(w->loop, 1000) >= 0);
                fd = accept4(w->backend, NULL, NULL, SOCK_CLOEXEC);
        }
        assert_true(fd >= 0);
        return fd;
}

static void a_friend_reaches_the_service(void **state) {
        World w;
        int fd;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        fd = accept_backend(&w);
        assert_int_equal(w.manager->n_tunnels, 1);
        assert_int_equal(service_find(w.manager, "web")->n_incoming, 1);
        assert_int_equal(write(fd, "x", 1), 1);
        assert_true(wait_for_news(&w));
        assert_int_equal(w.error, 1);

        /* Its authorization ends: so does the tunnel, in this turn. */
        assert_int_equal(manager_deauthorize(w.manager, node_id(&w.friend), true), 0);
        assert_int_equal(w.manager->n_tunnels, 0);
        assert_true(read(fd, &(char){ 0 }, 1) <= 0);
        (void) close(fd);
        world_stop(&w);
}

static void whom_we_dialled_may_not_use_it(void **state) {
        World w;

        (void) state;
        world_start(&w, false);
        manager_dials(&w); /* a relay, say: in our config, not in authorized_keys */
        for (int i = 0; i < 100 && !p2p_host_find_conn(w.friend.host, p2p_host_peer_id(w.manager->host));
             i++)
                assert_true(p2p_loop_turn(w.loop, 1000) >= 0);
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        assert_int_equal(code_of_reset(&w), P2P_STREAM_GATED);
        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        assert_int_equal(code_of_reset(&w), P2P_STREAM_GATED);
        assert_int_equal(w.manager->n_tunnels, 0);
        assert_true(accept4(w.backend, NULL, NULL, SOCK_CLOEXEC) < 0);
        world_stop(&w);
}

static void tunnels_have_a_limit(void **state) {
        World w;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        w.manager->n_tunnels = 49152; /* as if that many ran */
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        assert_int_equal(code_of_reset(&w), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        w.manager->n_tunnels = 49152 - 1;
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        for (int i = 0; i < 100 && w.manager->n_tunnels < 49152; i++)
                assert_true(p2p_loop_turn(w.loop, 1000) >= 0);
        assert_int_equal(w.manager->n_tunnels, 49152);
        world_stop(&w);
}

static void a_dead_backend_is_named_by_its_code(void **state) {
        World w;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        (void) close(w.backend);
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        assert_int_equal(code_of_reset(&w), P2P_STREAM_BACKEND_UNREACHABLE);
        assert_int_equal(w.manager->n_tunnels, 0);
        w.backend = -1;
        world_stop(&w);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_friend_reaches_the_service),
                cmocka_unit_test(whom_we_dialled_may_not_use_it),
                cmocka_unit_test(tunnels_have_a_limit),
                cmocka_unit_test(a_dead_backend_is_named_by_its_code),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
