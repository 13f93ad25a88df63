/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A whole manager against bare nodes of the library, on loopback: who gets at a service, however the
 * connection came to be, and the limits of what a peer can make us hold.
 */

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/incoming.h"
#include "daemon/manager-config.h"
#include "daemon/opening.h"
#include "daemon/peer.h"
#include "daemon/pingpong.h"
#include "daemon/proxy.h"
#include "daemon/service.h"
#include "tests/support/node.h"

typedef struct World {
        p2p_loop *loop;
        char dir[32];
        Manager *manager;
        node friend; /* authorized by befriend() */
        int backend;
        p2p_dial *dial;
        p2p_conn *conn;
        p2p_open *open;
        p2p_stream *stream;
        int error;
        char line[64]; /* read from the stream */
        size_t n;
        bool done;
} World;

static void write_file(const World *w, const char *name, const char *text) {
        char path[64];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/%s", w->dir, name);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(path, 0600), 0);
}

static void listen_backend(World *w, char address[32]) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(in);

        w->backend = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(w->backend, (struct sockaddr *) &in, sizeof(in)), 0);
        assert_int_equal(listen(w->backend, 64), 0);
        assert_int_equal(getsockname(w->backend, (struct sockaddr *) &in, &n), 0);
        (void) snprintf(address, 32, "127.0.0.1:%u", ntohs(in.sin_port));
}

static void world_start(World *w, bool manual) {
        char config[64], text[1024], address[32];

        *w = (World){ .dir = "/tmp/peerup-test-XXXXXX" };
        assert_non_null(mkdtemp(w->dir));
        listen_backend(w, address);
        (void) snprintf(text, sizeof(text),
                        "version: 1\nidentity: {key_file: identity.key}\nnetwork: {listen_addresses: "
                        "[/ip4/127.0.0.1/tcp/0]}\n"
                        "relay: {addresses: [], reservation_interval: 2m}\ndiscovery: {rendezvous: x}\n"
                        "security: {authorized_keys_file: authorized_keys}\n"
                        "protocols: {ping_pong: {enabled: true, id: /pingpong/1.0.0}}\n"
                        "services:\n  web: {enabled: true, local_address: \"%s\"}\n",
                        address);
        write_file(w, "config.yaml", text);
        assert_int_equal(manual ? p2p_loop_new_manual(&w->loop) : p2p_loop_new(&w->loop), 0);
        (void) snprintf(config, sizeof(config), "%s/config.yaml", w->dir);
        assert_int_equal(manager_new(w->loop, config, &w->manager), 0);
        node_start(&w->friend, w->loop, 7, NULL);
}

static void world_stop(World *w) {
        char command[64];

        p2p_stream_free(w->stream);
        p2p_open_free(w->open);
        p2p_dial_free(w->dial);
        node_stop(&w->friend);
        manager_free(w->manager);
        (void) p2p_loop_settle(w->loop);
        p2p_loop_free(w->loop);
        (void) close(w->backend);
        (void) snprintf(command, sizeof(command), "rm -rf %s", w->dir);
        assert_int_equal(system(command), 0);
}

static void befriend(World *w) {
        char *reason = NULL;

        assert_int_equal(
                manager_authorize(w->manager, node_id(&w->friend), "friend", USEC_INFINITY, NULL, &reason),
                0);
        free(reason);
}

static bool is_done(void *userdata) {
        return ((World *) userdata)->done;
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        World *w = userdata;

        w->dial = NULL;
        w->conn = conn;
        w->error = error;
        w->done = true;
}

static void friend_dials(World *w) {
        assert_int_equal(p2p_host_add_addr(w->friend.host, p2p_host_peer_id(w->manager->host),
                                           p2p_host_listen_addr(w->manager->host, 0), USEC_INFINITY), 0);
        w->done = false;
        assert_int_equal(p2p_dial_new(w->friend.host, p2p_host_peer_id(w->manager->host), 5 * USEC_PER_SEC,
                                      on_dialled, w, &w->dial),
                         0);
        assert_true(loop_until(w->loop, is_done, w));
}

static void manager_dials(World *w) {
        assert_int_equal(p2p_host_add_addr(w->manager->host, node_id(&w->friend),
                                           p2p_host_listen_addr(w->friend.host, 0), USEC_INFINITY),
                         0);
        w->done = false;
        assert_int_equal(p2p_dial_new(w->manager->host, node_id(&w->friend), 5 * USEC_PER_SEC, on_dialled, w,
                                      &w->dial),
                         0);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, 0);
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        World *w = userdata;

        w->open = NULL;
        w->stream = stream;
        w->error = error;
        w->done = true;
}

/* The friend opens a stream to the manager; a refusal would only be seen by reading. */
static int friend_opens(World *w, const char *protocol) {
        static const p2p_open_options options = { .no_dial = true };

        w->stream = p2p_stream_free(w->stream);
        w->done = false;
        assert_int_equal(p2p_open_new(w->friend.host, p2p_host_peer_id(w->manager->host), protocol, &options,
                                      on_opened, w, &w->open),
                         0);
        assert_true(loop_until(w->loop, is_done, w));
        return w->error;
}

/* Asked again after it said yes: the answer stays. */
static bool has_news(void *userdata) {
        World *w = userdata;
        ssize_t n;

        if (!w->done) {
                n = p2p_channel_read(p2p_stream_channel(w->stream), w->line + w->n, sizeof(w->line) - w->n);
                w->done = n != -EAGAIN;
                w->n += n > 0 ? (size_t) n : 0;
                w->error = (int) n;
        }
        return w->done;
}

static bool wait_for_news(World *w) {
        w->done = false;
        w->n = 0;
        return loop_until(w->loop, has_news, w);
}

/* What the friend's stream comes to: bytes, the end, or the code of a reset. */
static uint32_t code_of_reset(World *w) {
        (void) p2p_channel_write(p2p_stream_channel(w->stream), "x",
                                 1); /* the proposal leaves with the first bytes */
        assert_true(wait_for_news(w));
        assert_true(w->error < 0);
        return p2p_channel_reset_code(p2p_stream_channel(w->stream));
}

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
        w.manager->n_tunnels = TUNNELS_MAX; /* as if that many ran */
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        assert_int_equal(code_of_reset(&w), P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
        w.manager->n_tunnels = TUNNELS_MAX - 1;
        assert_int_equal(friend_opens(&w, "/peerup/web/1.0.0"), 0);
        for (int i = 0; i < 100 && w.manager->n_tunnels < TUNNELS_MAX; i++)
                assert_true(p2p_loop_turn(w.loop, 1000) >= 0);
        assert_int_equal(w.manager->n_tunnels, TUNNELS_MAX);
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

static void services_and_names_have_limits(void **state) {
        char name[32];
        Service *s;
        World w;

        (void) state;
        world_start(&w, false);
        for (unsigned i = w.manager->n_services; i < SERVICES_MAX; i++) {
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

static void proxies_have_a_limit(void **state) {
        Proxy *p;
        World w;

        (void) state;
        world_start(&w, false);
        for (unsigned i = 0; i < PROXIES_MAX; i++)
                if (proxy_new(w.manager, "somebody", "web", dup(w.backend), &p) < 0)
                        fail_msg("proxy %u", i);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", w.backend, &p), -ENOBUFS);
        assert_int_equal(proxy_new(w.manager, "somebody", "NOT", w.backend, &p), -EINVAL);
        assert_int_equal(proxy_new(w.manager, "some body", "web", w.backend, &p), -ENXIO);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", STDIN_FILENO, &p), -ENOTSOCK);
        world_stop(&w);
}

static void pings_have_a_limit_and_a_deadline(void **state) {
        char line[PINGPONG_LINE_MAX + 1];
        World w;

        (void) state;
        world_start(&w, false);
        befriend(&w);
        friend_dials(&w);
        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        memset(line, ' ', sizeof(line));
        memcpy(line + PINGPONG_LINE_MAX - 5, "ping\n", 5); /* the longest one that counts */
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w.stream), line, PINGPONG_LINE_MAX),
                         PINGPONG_LINE_MAX);
        assert_true(wait_for_news(&w));
        assert_int_equal(w.n, 5);
        assert_memory_equal(w.line, "pong\n", 5);

        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        memset(line, ' ', sizeof(line));
        assert_int_equal(p2p_channel_write(p2p_stream_channel(w.stream), line, sizeof(line)), sizeof(line));
        assert_int_equal(code_of_reset(&w), P2P_STREAM_PROTOCOL_VIOLATION);
        world_stop(&w);
}

static void a_silent_ping_is_dropped(void **state) {
        World w;

        (void) state;
        world_start(&w, true);
        befriend(&w);
        friend_dials(&w);
        assert_int_equal(friend_opens(&w, "/pingpong/1.0.0"), 0);
        assert_true(p2p_loop_settle(w.loop) >= 0);
        assert_int_equal(p2p_loop_advance(w.loop, PINGPONG_DEADLINE_USEC - USEC_PER_SEC), 0);
        w.done = false;
        assert_false(has_news(&w));
        assert_int_equal(p2p_loop_advance(w.loop, 2 * USEC_PER_SEC), 0);
        assert_true(wait_for_news(&w));
        world_stop(&w);
}

static void opening_gives_up_in_time(void **state) {
        Refusals refusals = {};
        p2p_peer_id nobody;
        Opening *opening;
        World w;

        (void) state;
        world_start(&w, true);
        assert_int_equal(p2p_peer_id_parse("12D3KooWRndVhVZPCiQwHBBBdg769GyrPUW13zxwqQyf9r3ANaba", &nobody),
                         0);
        assert_int_equal(opening_new(w.manager->host, &refusals, &nobody, "/peerup/web/1.0.0", false,
                                     on_opened, &w, &opening),
                         0);
        assert_int_equal(p2p_loop_advance(w.loop, OPENING_TIMEOUT_USEC - 1), 0);
        assert_false(w.done);
        assert_int_equal(p2p_loop_advance(w.loop, USEC_PER_SEC), 0);
        assert_true(w.done);
        assert_int_equal(w.error, -EHOSTUNREACH);

        /* A refusal that is known is final at the next look. */
        w.done = false;
        assert_int_equal(opening_new(w.manager->host, &refusals, &nobody, "/peerup/web/1.0.0", false,
                                     on_opened, &w, &opening),
                         0);
        refusals_note(&refusals, &nobody, p2p_loop_now(w.loop));
        assert_int_equal(p2p_loop_advance(w.loop, USEC_PER_SEC), 0);
        assert_true(w.done);
        assert_int_equal(w.error, -EKEYREJECTED);
        world_stop(&w);
}

static void on_changed(unsigned properties, void *userdata) {
        (void) properties, (void) userdata;
}

static void on_idle(Proxy *proxy, void *userdata) {
        (void) proxy;
        ++*(unsigned *) userdata;
}

static void a_proxy_is_idle_after_thirty_seconds(void **state) {
        static const ManagerObserver observer = { .changed = on_changed, .proxy_idle = on_idle };
        unsigned n_idle = 0;
        World w;
        Proxy *p;

        (void) state;
        world_start(&w, true);
        manager_observe(w.manager, &observer, &n_idle);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", dup(w.backend), &p), 0);
        assert_int_equal(p2p_loop_advance(w.loop, PROXY_IDLE_USEC - 1), 0);
        assert_int_equal(n_idle, 0);
        assert_int_equal(p2p_loop_advance(w.loop, 1), 0);
        assert_int_equal(n_idle, 1);
        assert_int_equal(p2p_loop_advance(w.loop, 2 * PROXY_IDLE_USEC), 0);
        assert_int_equal(n_idle, 1); /* told once */
        world_stop(&w);
}

/* ---- a listener is shared with whoever passed it ---- */
static void *keep_blocking(void *userdata) {
        const int *fd = userdata;

        for (;;) {
                (void) fcntl(*fd, F_SETFL, O_RDWR);
                pthread_testcancel();
        }
        return NULL;
}

static void a_listener_made_blocking_blocks_nobody(void **state) {
        struct sockaddr_in in;
        socklen_t n = sizeof(in);
        pthread_t thread;
        World w;
        Proxy *p;

        (void) state;
        world_start(&w, false);
        assert_int_equal(proxy_new(w.manager, "somebody", "web", dup(w.backend), &p), 0);
        assert_int_equal(getsockname(w.backend, (struct sockaddr *) &in, &n), 0);
        assert_int_equal(pthread_create(&thread, NULL, keep_blocking, &w.backend), 0);
        (void) alarm(20); /* a loop that stands still ends the test */
        for (unsigned i = 0; i < 50; i++) {
                int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

                assert_int_equal(connect(fd, (struct sockaddr *) &in, sizeof(in)), 0);
                for (unsigned turn = 0; turn < 5; turn++)
                        assert_true(p2p_loop_turn(w.loop, 0) >= 0);
                (void) close(fd);
        }
        (void) alarm(0);
        (void) pthread_cancel(thread);
        (void) pthread_join(thread, NULL);
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
                assert_int_equal(p2p_open_new(w->friend.host, p2p_host_peer_id(w->manager->host), "/mute/1", &options, on_flood_opened,
                                              f, &open), 0);
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
        assert_in_range(flood(&w, f, 40), STREAMS_OF_A_FRIEND - 8, STREAMS_OF_A_FRIEND); /* identify may hold some */
        assert_int_equal(w.manager->n_peers, 1); /* the rest is refused, the connection lives */
        assert_false(p2p_list_is_empty(&w.manager->peers));
        assert_int_equal(friend_opens(&w, "/mute/1"), 0);
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
                cmocka_unit_test(a_friend_reaches_the_service),
                cmocka_unit_test(whom_we_dialled_may_not_use_it),
                cmocka_unit_test(tunnels_have_a_limit),
                cmocka_unit_test(a_dead_backend_is_named_by_its_code),
                cmocka_unit_test(services_and_names_have_limits),
                cmocka_unit_test(proxies_have_a_limit),
                cmocka_unit_test(pings_have_a_limit_and_a_deadline),
                cmocka_unit_test(a_silent_ping_is_dropped),
                cmocka_unit_test(opening_gives_up_in_time),
                cmocka_unit_test(a_proxy_is_idle_after_thirty_seconds),
                cmocka_unit_test(peers_follow_connections),
                cmocka_unit_test(a_listener_made_blocking_blocks_nobody),
                cmocka_unit_test(a_friend_may_open_16384_streams),
                cmocka_unit_test(whom_we_dialled_may_open_16_streams),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
