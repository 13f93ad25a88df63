/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The pump runs in a child between two pairs of fds; this process plays the user and the far side. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "cli/pump.h"

#define BULK (4u * 1024u * 1024u + 17u)

typedef enum Kind {
        PIPES,
        SOCKETS,
        _KIND_MAX,
} Kind;

typedef struct Joined {
        int in, out, far; /* our ends; -1: closed */
        pid_t pump;
} Joined;

static void pair(Kind kind, int fds[2]) {
        if (kind == PIPES)
                assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
        else
                assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
}

static void close_fd(int *fd) {
        if (*fd >= 0)
                close(*fd);
        *fd = -1;
}

/* Of a pipe the first fd is read, the second written. */
static void join(Kind kind, Joined *j) {
        int in[2], out[2], sock[2];

        pair(kind, in);
        pair(kind, out);
        pair(SOCKETS, sock);
        j->pump = fork();
        if (j->pump == 0) {
                close(in[1]);
                close(out[0]);
                close(sock[1]);
                alarm(60);
                _exit(-pump_run(in[0], out[1], sock[0]));
        }
        assert_true(j->pump > 0);
        close(in[0]);
        close(out[1]);
        close(sock[0]);
        *j = (Joined){ .in = in[1], .out = out[0], .far = sock[1], .pump = j->pump };
}

/* The pump's errno, 0 after an ordinary end. */
static int finish(Joined *j) {
        int status;

        assert_int_equal(waitpid(j->pump, &status, 0), j->pump);
        close_fd(&j->in);
        close_fd(&j->out);
        close_fd(&j->far);
        assert_true(WIFEXITED(status));
        return WEXITSTATUS(status);
}

static uint8_t pattern(size_t i) {
        return (uint8_t) (i * 31 + (i >> 9));
}

static bool write_pattern(int fd, size_t n) {
        uint8_t block[7001];

        for (size_t done = 0; done < n;) {
                size_t k = P2P_MIN(sizeof(block), n - done);
                ssize_t w;

                for (size_t i = 0; i < k; i++)
                        block[i] = pattern(done + i);
                w = write(fd, block, k);
                if (w <= 0)
                        return false;
                done += (size_t) w;
        }
        return true;
}

/* Until the end: how much came, SIZE_MAX if it was not the pattern. */
static size_t read_pattern(int fd) {
        uint8_t block[9001];
        size_t done = 0;
        ssize_t k;

        while ((k = read(fd, block, sizeof(block))) > 0)
                for (ssize_t i = 0; i < k; i++)
                        if (block[i] != pattern(done++))
                                return SIZE_MAX;
        return done;
}

/* A child that does one thing and ends, and holds only the fd that it does it with. */
static pid_t fork_with(const Joined *j, int fd) {
        pid_t pid = fork();

        if (pid == 0 && j)
                for (const int *other = (const int[]){ j->in, j->out, j->far, -2 }; *other != -2; other++)
                        if (*other >= 0 && *other != fd)
                                close(*other);
        return pid;
}

static pid_t spawn_writer(const Joined *j, int fd, size_t n) {
        pid_t pid = fork_with(j, fd);

        if (pid == 0)
                _exit(!write_pattern(fd, n));
        return pid;
}

static pid_t spawn_echo(const Joined *j, int fd) {
        uint8_t block[5003];
        pid_t pid = fork_with(j, fd);
        ssize_t k, w;

        if (pid != 0)
                return pid;
        while ((k = read(fd, block, sizeof(block))) > 0)
                for (ssize_t i = 0; i < k; i += w)
                        if ((w = write(fd, block + i, (size_t) (k - i))) <= 0)
                                _exit(1);
        _exit(shutdown(fd, SHUT_WR) < 0);
}

static void assert_succeeds(pid_t pid) {
        int status;

        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
}

static void what_goes_in_comes_back(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                pid_t writer, echo;
                Joined j;

                join(kind, &j);
                echo = spawn_echo(&j, j.far);
                close_fd(&j.far);
                writer = spawn_writer(&j, j.in, BULK);
                close_fd(&j.in);
                assert_int_equal(read_pattern(j.out), BULK);
                assert_succeeds(writer);
                assert_succeeds(echo);
                assert_int_equal(finish(&j), 0);
        }
}

static void files_are_joined_too(void **state) {
        char path[] = "/tmp/test-pump-XXXXXX", back[] = "/tmp/test-pump-XXXXXX";
        int in = mkstemp(path), out = mkstemp(back), sock[2];
        pid_t echo;

        (void) state;
        assert_true(write_pattern(in, BULK));
        assert_int_equal(lseek(in, 0, SEEK_SET), 0);
        pair(SOCKETS, sock);
        echo = fork();
        if (echo == 0) {
                close(sock[0]);
                _exit(waitpid(spawn_echo(NULL, sock[1]), NULL, 0) < 0);
        }
        close(sock[1]);
        assert_int_equal(pump_run(in, out, sock[0]), 0);
        close(sock[0]);
        assert_succeeds(echo);
        close(out);
        out = open(back, O_RDONLY | O_CLOEXEC);
        assert_int_equal(read_pattern(out), BULK);
        close(in);
        close(out);
        (void) unlink(path);
        (void) unlink(back);
}

static void the_end_of_input_leaves_output_open(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                char c;
                Joined j;

                join(kind, &j);
                assert_true(write_pattern(j.in, 5));
                close_fd(&j.in);
                assert_int_equal(read_pattern(j.far), 5); /* and the end */
                assert_int_equal(write(j.far, "x", 1), 1);
                assert_int_equal(read(j.out, &c, 1), 1);
                assert_int_equal(write(j.far, "y", 1), 1);
                assert_int_equal(read(j.out, &c, 1), 1);
                assert_int_equal(c, 'y');
                close_fd(&j.far);
                assert_int_equal(read(j.out, &c, 1), 0);
                assert_int_equal(finish(&j), 0);
        }
}

static void the_end_of_the_socket_leaves_input_open(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                Joined j;

                join(kind, &j);
                assert_true(write_pattern(j.far, 100));
                assert_int_equal(shutdown(j.far, SHUT_WR), 0);
                assert_int_equal(read_pattern(j.out), 100); /* a pipe ends too, while the pump lives */
                assert_true(write_pattern(j.in, 1000));
                close_fd(&j.in);
                assert_int_equal(read_pattern(j.far), 1000);
                assert_int_equal(finish(&j), 0);
        }
}

static void a_socket_that_is_gone_ends_it(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                Joined j;

                join(kind, &j);
                assert_true(write_pattern(j.far, 300));
                close_fd(&j.far);
                assert_int_equal(read_pattern(j.out), 300);
                assert_int_equal(finish(&j), 0); /* input never ended */
        }
}

/* The far side answers and leaves, with our words unread: its answer is complete, and the loss is told. */
static void an_answer_before_a_reset_is_not_lost(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                char c;
                Joined j;

                join(kind, &j);
                assert_int_equal(write(j.in, "ab", 2), 2);
                assert_int_equal(read(j.far, &c, 1), 1); /* the b is unread */
                assert_true(write_pattern(j.far, 50000));
                close_fd(&j.far);
                assert_int_equal(read_pattern(j.out), 50000);
                assert_int_equal(finish(&j), ECONNRESET);
        }
}

static void a_reader_that_left_ends_it(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                Joined j;

                join(kind, &j);
                close_fd(&j.out);
                (void) write_pattern(j.far, 10);
                assert_int_equal(finish(&j), EPIPE);
        }
}

/* Nobody reads output: what goes up still goes. */
static void one_way_does_not_wait_for_the_other(void **state) {
        (void) state;
        for (Kind kind = 0; kind < _KIND_MAX; kind++) {
                pid_t flood, writer;
                Joined j;

                join(kind, &j);
                flood = spawn_writer(&j, j.far, BULK);
                writer = spawn_writer(&j, j.in, BULK);
                close_fd(&j.in);
                assert_int_equal(read_pattern(j.far), BULK);
                assert_succeeds(writer);
                close_fd(&j.far);
                assert_int_equal(read_pattern(j.out), BULK);
                assert_succeeds(flood);
                assert_int_equal(finish(&j), 0);
        }
}

static void flags_of_the_fds_are_left_alone(void **state) {
        int in[2], out[2], sock[2], kept, before[3], after[3];

        (void) state;
        pair(PIPES, in);
        pair(PIPES, out);
        pair(SOCKETS, sock);
        kept = dup(out[1]);
        before[0] = fcntl(in[0], F_GETFL), before[1] = fcntl(kept, F_GETFL),
        before[2] = fcntl(sock[0], F_GETFL);
        close(in[1]);
        close(sock[1]);
        assert_int_equal(pump_run(in[0], out[1], sock[0]), 0);
        after[0] = fcntl(in[0], F_GETFL), after[1] = fcntl(kept, F_GETFL),
        after[2] = fcntl(sock[0], F_GETFL);
        assert_memory_equal(before, after, sizeof(before));
        close(in[0]), close(out[0]), close(out[1]), close(sock[0]), close(kept);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_goes_in_comes_back),
                cmocka_unit_test(files_are_joined_too),
                cmocka_unit_test(the_end_of_input_leaves_output_open),
                cmocka_unit_test(the_end_of_the_socket_leaves_input_open),
                cmocka_unit_test(a_socket_that_is_gone_ends_it),
                cmocka_unit_test(an_answer_before_a_reset_is_not_lost),
                cmocka_unit_test(a_reader_that_left_ends_it),
                cmocka_unit_test(one_way_does_not_wait_for_the_other),
                cmocka_unit_test(flags_of_the_fds_are_left_alone),
        };

        (void) signal(SIGPIPE, SIG_IGN);
        return cmocka_run_group_tests(tests, NULL, NULL);
}
