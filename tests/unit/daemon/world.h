/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A whole manager with its files in a directory of its own, and a bare node of the library, on loopback. */

#include <errno.h>
#include <fcntl.h>
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

#include "daemon/manager-config.h"
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
        uint32_t code;
        char line[64]; /* read from the stream */
        size_t n;
        bool done;
} World;

static inline void write_file(const World *w, const char *name, const char *text) {
        char path[64];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/%s", w->dir, name);
        f = fopen(path, "we");
        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(chmod(path, 0600), 0);
}

static inline void listen_backend(World *w, char address[32]) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(in);

        w->backend = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(w->backend, (struct sockaddr *) &in, sizeof(in)), 0);
        assert_int_equal(listen(w->backend, 64), 0);
        assert_int_equal(getsockname(w->backend, (struct sockaddr *) &in, &n), 0);
        (void) snprintf(address, 32, "127.0.0.1:%u", ntohs(in.sin_port));
}

static inline void world_start(World *w, bool manual) {
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

static inline void world_stop(World *w) {
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

static inline void befriend(World *w) {
        char *reason = NULL;

        assert_int_equal(
                manager_authorize(w->manager, node_id(&w->friend), "friend", USEC_INFINITY, NULL, &reason),
                0);
        free(reason);
}

static inline bool is_done(void *userdata) {
        return ((World *) userdata)->done;
}

static inline void on_dialled(p2p_conn *conn, int error, void *userdata) {
        World *w = userdata;

        w->dial = NULL;
        w->conn = conn;
        w->error = error;
        w->done = true;
}

static inline void friend_dials(World *w) {
        assert_int_equal(p2p_host_add_addr(w->friend.host, p2p_host_peer_id(w->manager->host),
                                           p2p_host_listen_addr(w->manager->host, 0), USEC_INFINITY), 0);
        w->done = false;
        assert_int_equal(p2p_dial_new(w->friend.host, p2p_host_peer_id(w->manager->host), 5 * USEC_PER_SEC,
                                      on_dialled, w, &w->dial),
                         0);
        assert_true(loop_until(w->loop, is_done, w));
}

static inline void manager_dials(World *w) {
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

static inline void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        World *w = userdata;

        w->open = NULL;
        w->stream = stream;
        w->error = error;
        w->done = true;
}

/* The friend opens a stream to the manager; a refusal would only be seen by reading. */
static inline int friend_opens(World *w, const char *protocol) {
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
static inline bool has_news(void *userdata) {
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

static inline bool wait_for_news(World *w) {
        w->done = false;
        w->n = 0;
        return loop_until(w->loop, has_news, w);
}

/* What the friend's stream comes to: bytes, the end, or the code of a reset. */
static inline uint32_t code_of_reset(World *w) {
        (void) p2p_channel_write(p2p_stream_channel(w->stream), "x",
                                 1); /* the proposal leaves with the first bytes */
        assert_true(wait_for_news(w));
        assert_true(w->error < 0);
        return p2p_channel_reset_code(p2p_stream_channel(w->stream));
}
