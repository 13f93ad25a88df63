/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pump between a socket pair and a memory channel: every byte, both ends, both resets, and nothing held
 * while idle. */

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p2p/error.h>

#include "daemon/tunnel.h"
#include "tests/support/memory.h"

typedef struct Fixture {
        p2p_loop *loop;
        uint8_t *scratch;
        int fd; /* the application's end */
        p2p_channel *near, *far;
        Tunnel *tunnel;
        TunnelResult result;
        unsigned n_done;
} Fixture;

static void on_done(Tunnel *tunnel, const TunnelResult *result, void *userdata) {
        Fixture *f = userdata;

        assert_ptr_equal(tunnel, f->tunnel);
        f->result = *result;
        f->n_done++;
}

/* Two connected sockets over loopback TCP: a RST needs one. */
static void tcp_pair(int fds[2]) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(in);
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        assert_int_equal(bind(listener, (struct sockaddr *) &in, sizeof(in)), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *) &in, &n), 0);
        fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(connect(fds[0], (struct sockaddr *) &in, sizeof(in)), 0);
        fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(fds[1] >= 0);
        (void) close(listener);
}

static void setup(Fixture *f, bool tcp, const p2p_memory_options *options) {
        int fds[2];

        *f = (Fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        f->scratch = malloc(TUNNEL_SCRATCH_SIZE);
        assert_non_null(f->scratch);
        if (tcp)
                tcp_pair(fds);
        else
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        f->fd = fds[0];
        assert_int_equal(fcntl(f->fd, F_SETFL, O_NONBLOCK), 0); /* ours; the tunnel's end blocks */
        assert_int_equal(p2p_memory_pair(f->loop, options, &f->near, &f->far), 0);
        assert_int_equal(tunnel_new(f->loop, f->scratch, fds[1], on_done, f, &f->tunnel), 0);
}

static void teardown(Fixture *f) {
        tunnel_free(f->tunnel);
        p2p_channel_free(f->near);
        p2p_channel_free(f->far);
        if (f->fd >= 0)
                (void) close(f->fd);
        free(f->scratch);
        assert_null(p2p_loop_free(f->loop));
}

/* The kernel moves loopback packets at once, but not always before the next system call returns. */
static void settle(Fixture *f) {
        for (int i = 0; i < 20; i++)
                assert_true(p2p_loop_turn(f->loop, 1000) >= 0);
        assert_true(p2p_loop_settle(f->loop) >= 0);
}

static void bytes_cross_whatever_the_sizes(void **state) {
        static const p2p_memory_options options[] = {
                {},
                { .write_max = 1 },
                { .read_max = 1 },
                { .capacity = 7, .write_max = 3, .read_max = 2 },
        };
        uint8_t out[3000], in[3000], got[3000];

        (void) state;
        for (size_t i = 0; i < sizeof(out); i++) {
                out[i] = (uint8_t) (i * 7);
                in[i] = (uint8_t) (i * 13);
        }
        for (size_t k = 0; k < sizeof(options) / sizeof(*options); k++) {
                size_t n_far = 0, n_near = 0, sent = 0;
                Fixture f;

                setup(&f, false, &options[k]);
                tunnel_attach(f.tunnel, f.near);
                assert_int_equal(write(f.fd, out, sizeof(out)), sizeof(out));
                for (int turns = 0; turns < 20000 && (n_far < sizeof(out) || n_near < sizeof(in)); turns++) {
                        ssize_t n = sent < sizeof(in)
                                            ? p2p_channel_write(f.far, in + sent, sizeof(in) - sent)
                                            : 0;

                        sent += n > 0 ? (size_t) n : 0;
                        n = n_far < sizeof(out) ? p2p_channel_read(f.far, got, 100) : 0;
                        if (n > 0) {
                                assert_memory_equal(got, out + n_far, (size_t) n);
                                n_far += (size_t) n;
                        }
                        assert_true(p2p_loop_settle(f.loop) >= 0);
                        n = read(f.fd, got, sizeof(got));
                        if (n > 0) {
                                assert_memory_equal(got, in + n_near, (size_t) n);
                                n_near += (size_t) n;
                        }
                }
                assert_int_equal(n_far, sizeof(out));
                assert_int_equal(n_near, sizeof(in));
                assert_int_equal(tunnel_bytes_out(f.tunnel), sizeof(out));
                assert_int_equal(tunnel_bytes_in(f.tunnel), sizeof(in));
                assert_int_equal(f.n_done, 0);
                teardown(&f);
        }
}

static void a_blocked_channel_holds_the_socket_back(void **state) {
        static const p2p_memory_options options = { .capacity = 1000 };
        uint8_t data[65536] = {};
        size_t offered = 0, n_far = 0;
        ssize_t n;
        Fixture f;

        (void) state;
        setup(&f, false, &options);
        tunnel_attach(f.tunnel, f.near);
        while ((n = write(f.fd, data, sizeof(data))) > 0) { /* until the socket is full, and it stays so */
                offered += (size_t) n;
                settle(&f);
                assert_true(offered < (16u << 20));
        }
        assert_int_equal(errno, EAGAIN);
        while (n_far < offered) {
                n = p2p_channel_read(f.far, data, sizeof(data));
                if (n > 0)
                        n_far += (size_t) n;
                settle(&f);
                assert_true(n > 0 || n == -EAGAIN);
        }
        assert_int_equal(tunnel_bytes_out(f.tunnel), offered);
        teardown(&f);
}

static void half_close_works_both_ways(void **state) {
        uint8_t byte;
        Fixture f;

        (void) state;
        setup(&f, false, NULL);
        tunnel_attach(f.tunnel, f.near);
        assert_int_equal(write(f.fd, "ask", 3), 3);
        assert_int_equal(shutdown(f.fd, SHUT_WR), 0);
        settle(&f);
        for (int i = 0; i < 3; i++)
                assert_int_equal(p2p_channel_read(f.far, &byte, 1), 1);
        assert_int_equal(p2p_channel_read(f.far, &byte, 1), 0);
        assert_int_equal(f.n_done, 0); /* the answer is still to come */

        assert_int_equal(p2p_channel_write(f.far, "ok", 2), 2);
        assert_int_equal(p2p_channel_shutdown(f.far), 0);
        settle(&f);
        assert_int_equal(read(f.fd, &byte, 1), 1);
        assert_int_equal(read(f.fd, &byte, 1), 1);
        assert_int_equal(read(f.fd, &byte, 1), 0);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.result.end, TUNNEL_FINISHED);
        teardown(&f);
}

static void a_reset_of_the_channel_is_a_reset_of_the_socket(void **state) {
        uint8_t byte;
        Fixture f;

        (void) state;
        setup(&f, true, NULL);
        tunnel_attach(f.tunnel, f.near);
        settle(&f);
        p2p_channel_reset(f.far, P2P_STREAM_GATED);
        settle(&f);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.result.end, TUNNEL_REMOTE);
        assert_true(f.result.error < 0);
        assert_int_equal(read(f.fd, &byte, 1), -1);
        assert_int_equal(errno, ECONNRESET);
        teardown(&f);
}

static void a_reset_works_while_a_duplicate_lives(void **state) {
        struct sockaddr_in in;
        socklen_t n = sizeof(in);
        uint8_t byte;
        int fds[2], copy;
        Fixture f;

        (void) state;
        setup(&f, true, NULL);
        tcp_pair(fds);
        copy = dup(fds[1]);
        tunnel_free(f.tunnel);
        (void) close(f.fd);
        f.fd = fds[0];
        assert_int_equal(tunnel_new(f.loop, f.scratch, fds[1], on_done, &f, &f.tunnel), 0);
        tunnel_attach(f.tunnel, f.near);
        tunnel_abort(f.tunnel, 0);
        assert_int_equal(f.n_done, 0);
        assert_int_equal(read(f.fd, &byte, 1), -1);
        assert_int_equal(errno, ECONNRESET);
        assert_int_equal(getpeername(copy, (struct sockaddr *) &in, &n),
                         -1); /* whose sender has no connection either */
        (void) close(copy);
        teardown(&f);
}

static void a_reset_of_the_socket_is_a_reset_of_the_channel(void **state) {
        static const struct linger at_once = { .l_onoff = 1 };

        (void) state;
        for (int attached = 0; attached < 2; attached++) {
                uint8_t byte;
                Fixture f;

                setup(&f, true, NULL);
                if (attached)
                        tunnel_attach(f.tunnel, f.near);
                settle(&f);
                assert_int_equal(setsockopt(f.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
                (void) close(TAKE_FD(f.fd));
                settle(&f);
                assert_int_equal(f.n_done, 1);
                assert_int_equal(f.result.end, TUNNEL_LOCAL);
                if (attached)
                        assert_true(p2p_channel_read(f.far, &byte, 1) < 0);
                teardown(&f);
        }
}

static void a_reset_is_noticed_while_the_channel_is_full(void **state) {
        static const p2p_memory_options options = { .capacity = 10 };
        static const struct linger at_once = { .l_onoff = 1 };
        Fixture f;

        (void) state;
        setup(&f, true, &options);
        tunnel_attach(f.tunnel, f.near);
        assert_int_equal(write(f.fd, "more than ten bytes", 19), 19);
        settle(&f);
        assert_int_equal(f.n_done, 0);
        assert_int_equal(setsockopt(f.fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once)), 0);
        (void) close(TAKE_FD(f.fd));
        settle(&f);
        assert_int_equal(f.n_done, 1);
        assert_int_equal(f.result.end, TUNNEL_LOCAL);
        teardown(&f);
}

static void a_turn_is_bounded(void **state) {
        static const p2p_memory_options options = { .capacity = 8u << 20 };
        uint8_t *data = calloc(1, 4u << 20);
        Fixture f;

        (void) state;
        assert_non_null(data);
        setup(&f, false, &options);
        assert_int_equal(p2p_channel_write(f.far, data, 4u << 20), 4u << 20);
        tunnel_attach(f.tunnel, f.near);
        assert_true(p2p_loop_turn(f.loop, 0) >= 0);
        assert_true(tunnel_bytes_in(f.tunnel) > 0);
        assert_true(tunnel_bytes_in(f.tunnel) <= 256u * 1024u);
        teardown(&f);
        free(data);
}

static void ends_of_the_descriptor_are_the_tunnels(void **state) {
        Fixture f;
        int fds[2];

        (void) state;
        setup(&f, false, NULL);
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
        tunnel_free(f.tunnel);
        assert_int_equal(tunnel_new(f.loop, f.scratch, fds[1], on_done, &f, &f.tunnel), 0);
        f.tunnel = tunnel_free(f.tunnel);
        assert_int_equal(fcntl(fds[1], F_GETFD), -1);
        assert_int_equal(f.n_done, 0);
        (void) close(fds[0]);
        teardown(&f);
}

static void what_is_there_need_not_wait_for_a_turn(void **state) {
        uint8_t got[8];
        Fixture f;

        (void) state;
        setup(&f, true, NULL);
        assert_int_equal(write(f.fd, "first", 5), 5);
        tunnel_attach(f.tunnel, f.near);
        assert_int_equal(p2p_channel_read(f.far, got, sizeof(got)), -EAGAIN);
        tunnel_start(f.tunnel);
        assert_int_equal(p2p_channel_read(f.far, got, sizeof(got)), 5);
        assert_memory_equal(got, "first", 5);
        teardown(&f);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(bytes_cross_whatever_the_sizes),
                cmocka_unit_test(a_blocked_channel_holds_the_socket_back),
                cmocka_unit_test(half_close_works_both_ways),
                cmocka_unit_test(a_reset_of_the_channel_is_a_reset_of_the_socket),
                cmocka_unit_test(a_reset_works_while_a_duplicate_lives),
                cmocka_unit_test(a_reset_of_the_socket_is_a_reset_of_the_channel),
                cmocka_unit_test(a_reset_is_noticed_while_the_channel_is_full),
                cmocka_unit_test(a_turn_is_bounded),
                cmocka_unit_test(what_is_there_need_not_wait_for_a_turn),
                cmocka_unit_test(ends_of_the_descriptor_are_the_tunnels),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
