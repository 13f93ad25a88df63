/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Channels over real sockets: what is taken arrives, wakes come, ends and resets are told apart, nothing
 * lingers for ever. */

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "transport/tcp.h"

typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *channel; /* on one end */
        int fd;               /* the other end, by hand */
        p2p_task wake;
        unsigned n_woken;
} fixture;

static void count(void *userdata) {
        ++*(unsigned *) userdata;
}

static void tcp_pair(int fds[static 2]) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        socklen_t n = sizeof(sa);
        int listener;

        listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(listener >= 0);
        assert_int_equal(bind(listener, (struct sockaddr *) &sa, n), 0);
        assert_int_equal(listen(listener, 1), 0);
        assert_int_equal(getsockname(listener, (struct sockaddr *) &sa, &n), 0);
        fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[0] >= 0);
        assert_int_equal(connect(fds[0], (struct sockaddr *) &sa, n), 0);
        fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
        assert_true(fds[1] >= 0);
        close(listener);
}

static int setup_with(void **state, void (*pair)(int fds[static 2])) {
        fixture *f = calloc(1, sizeof(*f));
        int fds[2];

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        p2p_task_init(&f->wake, f->loop, count, &f->n_woken);
        pair(fds);
        assert_int_equal(p2p_tcp_channel_new(f->loop, fds[0], &f->channel), 0);
        p2p_channel_set_wake(f->channel, &f->wake);
        f->fd = fds[1];
        *state = f;
        return 0;
}

static int setup_tcp(void **state) {
        return setup_with(state, tcp_pair);
}

static void unix_pair(int fds[static 2]) {
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static int setup_unix(void **state) {
        return setup_with(state, unix_pair);
}

static int teardown(void **state) {
        fixture *f = *state;

        p2p_channel_free(f->channel);
        if (f->fd >= 0)
                close(f->fd);
        p2p_task_cancel(&f->wake);
        p2p_loop_free(f->loop);
        free(f);
        return 0;
}

static unsigned woken(fixture *f) {
        unsigned n;

        assert_int_equal(p2p_loop_settle(f->loop), 0);
        n = f->n_woken;
        f->n_woken = 0;
        return n;
}

static int n_open(void) {
        int n = 0;

        for (int fd = 0; fd < 1024; fd++)
                n += fcntl(fd, F_GETFD) >= 0;
        return n;
}

static void bytes_go_both_ways(void **state) {
        fixture *f = *state;
        char buf[16] = {};
        struct iovec out[2] = { { "ab", 2 }, { "cde", 3 } };
        struct iovec in[2] = { { buf, 1 }, { buf + 1, 15 } };

        assert_int_equal(p2p_channel_writev(f->channel, out, 2, false), 5);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 5);
        assert_memory_equal(buf, "abcde", 5);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), -EAGAIN);
        (void) woken(f);
        assert_int_equal(send(f->fd, "xyz", 3, 0), 3);
        assert_true(woken(f) > 0);
        assert_int_equal(p2p_channel_readv(f->channel, in, 2), 3);
        assert_memory_equal(buf, "xyz", 3);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), -EAGAIN);
        assert_int_equal(woken(f), 0); /* nothing new, no wake */
}

static void what_waits_for_more_is_held_back(void **state) {
        fixture *f = *state;
        struct iovec iov = { "a", 1 };
        char buf[16];

        assert_int_equal(p2p_channel_writev(f->channel, &iov, 1, true), 1);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), MSG_DONTWAIT), -1);
        assert_int_equal(p2p_channel_writev(f->channel, &iov, 1, false), 1);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 2); /* together */
}

static void a_full_socket_pushes_back_and_wakes_again(void **state) {
        fixture *f = *state;
        size_t sent = 0, received = 0;
        uint8_t *data = calloc(1, P2P_SCRATCH_SIZE);
        ssize_t n;

        assert_non_null(data);
        (void) woken(f);
        while ((n = p2p_channel_write(f->channel, data, P2P_SCRATCH_SIZE)) > 0)
                sent += (size_t) n;
        assert_int_equal(n, -EAGAIN);
        assert_int_equal(p2p_channel_write(f->channel, data, 1), -EAGAIN);
        (void) woken(f);
        while (received < sent) {
                n = recv(f->fd, data, P2P_SCRATCH_SIZE, MSG_DONTWAIT);
                if (n > 0)
                        received += (size_t) n;
                else
                        assert_true(p2p_loop_turn(f->loop, USEC_PER_SEC) >= 0);
        }
        while (f->n_woken == 0)
                assert_true(p2p_loop_turn(f->loop, USEC_PER_SEC) >= 0);
        assert_true(p2p_channel_write(f->channel, data, 1) > 0);
        free(data);
}

/* Whoever passed the fd may keep a duplicate and make it blocking at any time. */
static void a_blocking_fd_never_blocks(void **state) {
        fixture *f = *state;
        uint8_t *data = calloc(1, P2P_SCRATCH_SIZE);
        ssize_t n;

        assert_non_null(data);
        assert_int_equal(p2p_channel_read(f->channel, data, 1), -EAGAIN);
        do
                n = p2p_channel_write(f->channel, data, P2P_SCRATCH_SIZE);
        while (n > 0);
        assert_int_equal(n, -EAGAIN);
        free(data);
}

static void half_close_is_told_once_and_kept(void **state) {
        fixture *f = *state;
        char buf[16];

        assert_int_equal(p2p_channel_write(f->channel, "last", 4), 4);
        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        assert_int_equal(p2p_channel_write(f->channel, "x", 1), -EPIPE);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 4);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 0);

        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), -EAGAIN);
        (void) woken(f);
        assert_int_equal(send(f->fd, "back", 4, 0), 4);
        assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
        assert_true(woken(f) > 0);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), 4);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), 0);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), 0);
}

static void reset_fd(int fd) {
        const struct linger hard = { .l_onoff = 1 };

        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)), 0);
        close(fd);
}

static void a_reset_is_no_end(void **state) {
        fixture *f = *state;
        char buf[16];

        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), -EAGAIN);
        (void) woken(f);
        reset_fd(f->fd);
        f->fd = -1;
        assert_true(woken(f) > 0);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), -ECONNRESET);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), -ECONNRESET);
        assert_int_equal(p2p_channel_write(f->channel, "x", 1), -ECONNRESET);
        assert_int_equal(p2p_channel_shutdown(f->channel), -ECONNRESET);
        assert_int_equal(p2p_channel_reset_code(f->channel), 0);
}

/* The writer notices first; what had arrived before the reset is still read, and what follows is no clean
 * end. */
static void bytes_before_a_reset_are_read_after_a_failed_write(void **state) {
        fixture *f = *state;
        char buf[16];
        ssize_t n;

        assert_int_equal(send(f->fd, "bye", 3, 0), 3);
        reset_fd(f->fd);
        f->fd = -1;
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(p2p_channel_write(f->channel, "x", 1), -ECONNRESET);
        n = p2p_channel_read(f->channel, buf, sizeof(buf));
        if (n > 0) {
                assert_int_equal(n, 3);
                n = p2p_channel_read(f->channel, buf, sizeof(buf));
        }
        assert_int_equal(n, -ECONNRESET);
}

static void a_reset_is_sent_at_once(void **state) {
        fixture *f = *state;
        char buf[16];

        assert_int_equal(p2p_channel_write(f->channel, "x", 1), 1);
        p2p_channel_reset(f->channel, 7);
        p2p_channel_reset(f->channel, 7);
        assert_int_equal(p2p_channel_read(f->channel, buf, 1), -ECONNRESET);
        assert_int_equal(p2p_channel_write(f->channel, "x", 1), -ECONNRESET);
        assert_true(recv(f->fd, buf, 1, 0) <= 1);
        assert_int_equal(recv(f->fd, buf, 1, 0), -1);
        assert_int_equal(errno, ECONNRESET);
}

static void free_without_shutdown_is_a_reset_even_with_a_duplicate(void **state) {
        fixture *f = *state;
        p2p_channel *channel;
        char buf[16];
        int fds[2], duplicate;

        tcp_pair(fds);
        duplicate = dup(fds[0]);
        assert_true(duplicate >= 0);
        assert_int_equal(p2p_tcp_channel_new(f->loop, fds[0], &channel), 0);
        p2p_channel_free(channel);
        assert_int_equal(recv(fds[1], buf, 1, 0), -1);
        assert_int_equal(errno, ECONNRESET);
        close(duplicate);
        close(fds[1]);
}

/* Closing with bytes unread would send a RST, which overtakes ours: so the socket stays until the other end
 * is done. */
static void a_graceful_free_delivers_although_bytes_are_unread(void **state) {
        fixture *f = *state;
        int before = n_open();
        char buf[16];

        assert_int_equal(send(f->fd, "never read", 10, 0), 10);
        assert_int_equal(p2p_channel_write(f->channel, "last words", 10), 10);
        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        f->channel = p2p_channel_free(f->channel);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        for (unsigned i = 0; i < 3; i++) {
                assert_int_equal(send(f->fd, "more of it", 10, MSG_NOSIGNAL), 10);
                assert_int_equal(p2p_loop_settle(f->loop), 0);
        }
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 10);
        assert_memory_equal(buf, "last words", 10);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 0);
        assert_int_equal(n_open(), before);
        assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(n_open(), before - 1); /* gone with the other end */
}

static void a_graceful_free_waits_for_a_limited_time(void **state) {
        fixture *f = *state;
        int before = n_open();

        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        f->channel = p2p_channel_free(f->channel);
        assert_int_equal(p2p_loop_advance(f->loop, 5000000 - 1), 0);
        assert_int_equal(n_open(), before);
        assert_int_equal(p2p_loop_advance(f->loop, 1), 0);
        assert_int_equal(n_open(), before - 1);
}

static void a_graceful_free_discards_a_limited_amount(void **state) {
        fixture *f = *state;
        uint8_t *data = calloc(1, 65536);
        int before = n_open();
        size_t sent = 0;
        ssize_t n;

        assert_non_null(data);
        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        f->channel = p2p_channel_free(f->channel);
        while ((n = send(f->fd, data, 65536, MSG_DONTWAIT | MSG_NOSIGNAL)) > 0 || errno == EAGAIN) {
                if (n > 0)
                        sent += (size_t) n;
                assert_true(sent < (16 + 8) * 1024 * 1024); /* and what the kernel holds */
                assert_true(p2p_loop_turn(f->loop, n > 0 ? 0 : 1000) >= 0);
        }
        assert_true(sent >= P2P_TCP_DRAIN_SIZE_MAX);
        assert_int_equal(n_open(), before - 1);
        free(data);
}

static void an_end_that_was_read_needs_no_waiting(void **state) {
        fixture *f = *state;
        int before = n_open();
        char buf[16];

        assert_int_equal(shutdown(f->fd, SHUT_WR), 0);
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(p2p_channel_read(f->channel, buf, sizeof(buf)), 0);
        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        f->channel = p2p_channel_free(f->channel);
        assert_int_equal(n_open(), before - 1);
}

/* The loop frees what still drains when it ends: the leak check of the sanitizer is the assertion. */
static void a_loop_that_ends_takes_its_orphans_along(void **state) {
        fixture *f = *state;

        assert_int_equal(p2p_channel_shutdown(f->channel), 0);
        f->channel = p2p_channel_free(f->channel);
}

static int option(int fd, int level, int name) {
        socklen_t n = sizeof(int);
        int value = -1;

        assert_int_equal(getsockopt(fd, level, name, &value, &n), 0);
        return value;
}

static void options_are_set(void **state) {
        p2p_channel *channel;
        fixture *f = *state;
        int fds[2];

        tcp_pair(fds);
        assert_int_equal(p2p_tcp_channel_new(f->loop, fds[0], &channel), 0);
        assert_true(option(fds[0], IPPROTO_TCP, TCP_NODELAY));
        assert_true(option(fds[0], SOL_SOCKET, SO_KEEPALIVE));
        assert_int_equal(option(fds[0], IPPROTO_TCP, TCP_KEEPIDLE), 15);
        assert_int_equal(option(fds[0], IPPROTO_TCP, TCP_KEEPINTVL), 9);
        assert_int_equal(option(fds[0], IPPROTO_TCP, TCP_KEEPCNT), 3); /* 42 s in all */
        assert_int_equal(option(fds[0], IPPROTO_TCP, TCP_NOTSENT_LOWAT), 128 * 1024);
        assert_int_equal(option(fds[0], IPPROTO_TCP, TCP_USER_TIMEOUT), 0); /* a reader may pause for long */
        p2p_channel_free(channel);
        close(fds[1]);
}

static uint64_t last_heard(int fd) {
        struct tcp_info info;
        socklen_t n = sizeof(info);

        assert_int_equal(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n), 0);
        return (uint64_t) P2P_MIN(info.tcpi_last_ack_recv, info.tcpi_last_data_recv) * 1000;
}

static void the_kernel_tells_how_quiet_it_is(void **state) {
        uint64_t before, quiet;
        p2p_channel *channel;
        fixture *f = *state;
        int fds[2];

        tcp_pair(fds);
        assert_int_equal(p2p_tcp_channel_new(f->loop, fds[0], &channel), 0);
        before = last_heard(fds[0]);
        quiet = p2p_channel_quiet(channel);
        assert_in_range(quiet, before, last_heard(fds[0]));
        p2p_channel_free(channel);
        close(fds[1]);

        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
        assert_int_equal(p2p_tcp_channel_new(f->loop, fds[0], &channel), 0);
        assert_int_equal(p2p_channel_quiet(channel), 0);
        p2p_channel_free(channel);
        close(fds[1]);
}

static void what_is_no_stream_socket_is_refused(void **state) {
        static const struct { const char *why; int domain, type; } cases[] = {
                { "datagrams",        AF_UNIX, SOCK_DGRAM     },
                { "packets in order", AF_UNIX, SOCK_SEQPACKET },
                { "UDP",              AF_INET, SOCK_DGRAM     },
        };
        p2p_channel *channel = NULL;
        fixture *f = *state;
        int fd;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                fd = socket(cases[i].domain, cases[i].type | SOCK_CLOEXEC, 0);
                assert_true(fd >= 0);
                if (p2p_tcp_channel_new(f->loop, fd, &channel) != -EINVAL)
                        fail_msg("%s", cases[i].why);
                assert_int_equal(close(fd), 0); /* still ours */
        }
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
        assert_int_equal(p2p_tcp_channel_new(f->loop, fd, &channel), -EINVAL);
        close(fd);
}

static void a_unix_socket_that_is_reset_just_ends(void **state) {
        fixture *f = *state;
        char buf[16];

        assert_int_equal(p2p_channel_write(f->channel, "x", 1), 1);
        p2p_channel_reset(f->channel, 1);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 1);
        assert_int_equal(recv(f->fd, buf, sizeof(buf), 0), 0);
}

#define test_tcp(f) cmocka_unit_test_setup_teardown(f, setup_tcp, teardown)
#define test_unix(f) { #f " (unix)", f, setup_unix, teardown, NULL }

int main(void) {
        const struct CMUnitTest tests[] = {
                test_tcp(bytes_go_both_ways),
                test_unix(bytes_go_both_ways),
                test_tcp(what_waits_for_more_is_held_back),
                test_tcp(a_full_socket_pushes_back_and_wakes_again),
                test_unix(a_full_socket_pushes_back_and_wakes_again),
                test_tcp(a_blocking_fd_never_blocks),
                test_unix(a_blocking_fd_never_blocks),
                test_tcp(half_close_is_told_once_and_kept),
                test_unix(half_close_is_told_once_and_kept),
                test_tcp(a_reset_is_no_end),
                test_tcp(bytes_before_a_reset_are_read_after_a_failed_write),
                test_tcp(a_reset_is_sent_at_once),
                test_tcp(free_without_shutdown_is_a_reset_even_with_a_duplicate),
                test_tcp(a_graceful_free_delivers_although_bytes_are_unread),
                test_unix(a_graceful_free_delivers_although_bytes_are_unread),
                test_tcp(a_graceful_free_waits_for_a_limited_time),
                test_tcp(a_graceful_free_discards_a_limited_amount),
                test_tcp(an_end_that_was_read_needs_no_waiting),
                test_tcp(a_loop_that_ends_takes_its_orphans_along),
                test_tcp(options_are_set),
                test_tcp(the_kernel_tells_how_quiet_it_is),
                test_tcp(what_is_no_stream_socket_is_refused),
                test_unix(a_unix_socket_that_is_reset_just_ends),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
