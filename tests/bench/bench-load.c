/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What travels in the bench: a server and its clients on plain TCP, which whatever is measured carries between them.
 *
 *   bench-load serve PORT                        on all addresses; prints READY
 *   bench-load up|down HOST PORT SECONDS WARMUP  bulk: prints Gbit/s after the warm-up, and all bytes
 *   bench-load first HOST PORT N PAUSE-MS        connect, one byte there and back, a pause before each: prints
 *                                                median and p99 in ms
 *   bench-load rate HOST PORT SECONDS N          the same, N at a time: prints connections a second, failures
 *   bench-load keys HOST PORT SECONDS            a keystroke every 10 ms: prints median and p99 in ms
 *   bench-load idle HOST PORT N BYTES            N connections, BYTES there and back on each, which then stay:
 *                                                prints how many, waits for the end of stdin
 *
 * A connection begins with one byte: 'u' the server reads and reports every 100 ms how much, 'd' it sends, 'e' it
 * echoes. A rate is always what arrived: no buffer on the way counts.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_SIZE (256u * 1024u)
#define REPORT_EVERY 0.1
#define EVENTS_MAX 256
#define AT_ONCE 64u /* connections of `idle` that move bytes at the same time */

static uint8_t buffer[BUFFER_SIZE];

static void die(const char *what) {
        fprintf(stderr, "bench-load: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static double now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

static void set_no_delay(int fd) {
        int on = 1;

        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

static int compare(const void *a, const void *b) {
        double x = *(const double *) a, y = *(const double *) b;

        return (x > y) - (x < y);
}

static void print_times(double *times, size_t n) {
        if (n == 0)
                die("nothing came back");
        qsort(times, n, sizeof(*times), compare);
        printf("%.3f %.3f\n", times[n / 2] * 1e3, times[n - 1 - n / 100] * 1e3);
}

/* ---- the server */

typedef struct served {
        int fd;
        char mode; /* 0: its first byte is due */
        uint64_t total;
        double reported;
        uint8_t *left; /* an echo that did not fit */
        size_t begin, end;
} served;

static void served_free(served *s) {
        (void) close(s->fd);
        free(s->left);
        free(s);
}

static void served_watch(int epoll, served *s, int op, uint32_t events) {
        struct epoll_event e = { .events = events, .data.ptr = s };

        if (epoll_ctl(epoll, op, s->fd, &e) < 0)
                die("epoll_ctl");
}

/* false: over. */
static bool serve_echo(int epoll, served *s, size_t n) {
        ssize_t k;

        k = send(s->fd, buffer, n, MSG_NOSIGNAL);
        if (k < 0 && errno != EAGAIN)
                return false;
        k = k < 0 ? 0 : k;
        if ((size_t) k == n)
                return true;
        s->end = n - (size_t) k;
        s->begin = 0;
        s->left = malloc(s->end);
        if (!s->left)
                die("malloc");
        memcpy(s->left, buffer + k, s->end);
        served_watch(epoll, s, EPOLL_CTL_MOD, EPOLLOUT);
        return true;
}

static bool serve_left(int epoll, served *s) {
        ssize_t k = send(s->fd, s->left + s->begin, s->end - s->begin, MSG_NOSIGNAL);

        if (k < 0)
                return errno == EAGAIN;
        s->begin += (size_t) k;
        if (s->begin < s->end)
                return true;
        free(s->left);
        s->left = NULL;
        served_watch(epoll, s, EPOLL_CTL_MOD, EPOLLIN);
        return true;
}

static bool serve_report(served *s, size_t n) {
        double time = now();

        s->total += n;
        if (time - s->reported < REPORT_EVERY)
                return true;
        s->reported = time;
        return send(s->fd, &s->total, sizeof(s->total), MSG_NOSIGNAL) == sizeof(s->total);
}

static bool serve_source(served *s) {
        for (unsigned i = 0; i < 4; i++) {
                ssize_t k = send(s->fd, buffer, sizeof(buffer), MSG_NOSIGNAL);

                if (k < 0)
                        return errno == EAGAIN;
        }
        return true;
}

static bool serve_input(int epoll, served *s) {
        ssize_t n;

        n = recv(s->fd, buffer, s->mode ? sizeof(buffer) : 1, 0);
        if (n < 0)
                return errno == EAGAIN;
        if (n == 0)
                return false;
        if (s->mode == 0) {
                s->mode = (char) buffer[0];
                if (s->mode == 'd')
                        served_watch(epoll, s, EPOLL_CTL_MOD, EPOLLOUT | EPOLLIN);
                return true;
        }
        return s->mode == 'e' ? serve_echo(epoll, s, (size_t) n) : serve_report(s, (size_t) n);
}

static void serve_accept(int epoll, int listener) {
        for (unsigned i = 0; i < EVENTS_MAX; i++) {
                int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
                served *s;

                if (fd < 0)
                        return;
                set_no_delay(fd);
                s = calloc(1, sizeof(*s));
                if (!s)
                        die("calloc");
                s->fd = fd;
                served_watch(epoll, s, EPOLL_CTL_ADD, EPOLLIN);
        }
}

static bool serve_one(int epoll, served *s, uint32_t events) {
        if (s->mode == 'd' && events & EPOLLOUT && !serve_source(s))
                return false;
        if (s->left)
                return serve_left(epoll, s);
        return !(events & ~EPOLLOUT) || serve_input(epoll, s);
}

static _Noreturn void serve(uint16_t port) {
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(port) };
        int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), on = 1;
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        struct epoll_event e = { .events = EPOLLIN }, events[EVENTS_MAX];

        (void) setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
        if (bind(listener, (struct sockaddr *) &in, sizeof(in)) < 0 || listen(listener, 4096) < 0)
                die("listen");
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e) < 0)
                die("epoll_ctl");
        puts("READY");
        fflush(stdout);
        for (;;) {
                int n = epoll_wait(epoll, events, EVENTS_MAX, -1);

                for (int i = 0; i < n; i++) {
                        served *s = events[i].data.ptr;

                        if (!s)
                                serve_accept(epoll, listener);
                        else if (!serve_one(epoll, s, events[i].events))
                                served_free(s);
                }
        }
}

/* ---- the clients */

static struct sockaddr_in target;

static int dial(char mode) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

        if (fd < 0 || connect(fd, (struct sockaddr *) &target, sizeof(target)) < 0)
                die("connect");
        set_no_delay(fd);
        if (send(fd, &mode, 1, MSG_NOSIGNAL) != 1)
                die("send");
        return fd;
}

/* What arrived, and when: the first report after the warm-up begins, the last one ends. */
typedef struct meter {
        double begin, end;
        uint64_t at_begin, at_end;
} meter;

static void meter_note(meter *m, double warm, uint64_t total) {
        double time = now();

        if (m->begin == 0 && time >= warm) {
                m->begin = time;
                m->at_begin = total;
        }
        m->end = time;
        m->at_end = total;
}

static void meter_print(const meter *m) {
        double gbit = m->end > m->begin ? (double) (m->at_end - m->at_begin) * 8e-9 / (m->end - m->begin) : 0;

        printf("%.4f %llu\n", gbit, (unsigned long long) m->at_end);
}

static void up(int fd, meter *m, double warm, double end) {
        union { uint64_t total; uint8_t bytes[8]; } report;
        size_t have = 0;

        (void) fcntl(fd, F_SETFL, O_NONBLOCK);
        while (now() < end) {
                struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

                (void) poll(&p, 1, 1000);
                if (p.revents & POLLIN) {
                        ssize_t k = recv(fd, report.bytes + have, sizeof(report) - have, 0);

                        if (k == 0 || (k < 0 && errno != EAGAIN))
                                die("recv");
                        have += k > 0 ? (size_t) k : 0;
                        if (have == sizeof(report)) {
                                meter_note(m, warm, report.total);
                                have = 0;
                        }
                }
                if (p.revents & POLLOUT && send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0 && errno != EAGAIN)
                        die("send");
        }
}

static void down(int fd, meter *m, double warm, double end) {
        uint64_t total = 0;

        while (now() < end) {
                ssize_t k = recv(fd, buffer, sizeof(buffer), 0);

                if (k <= 0)
                        die("recv");
                total += (uint64_t) k;
                meter_note(m, warm, total);
        }
}

static int bulk(bool is_up, double seconds, double warmup) {
        int fd = dial(is_up ? 'u' : 'd');
        double start = now();
        meter m = {};

        (is_up ? up : down)(fd, &m, start + warmup, start + warmup + seconds);
        meter_print(&m);
        return EXIT_SUCCESS;
}

static bool one_byte(int fd) {
        char c = 'x';

        return send(fd, &c, 1, MSG_NOSIGNAL) == 1 && recv(fd, &c, 1, 0) == 1;
}

static int first(size_t n, unsigned pause_ms) {
        double *times = calloc(n, sizeof(*times)), start;

        for (size_t i = 0; times && i < n; i++) {
                int fd;

                (void) usleep(pause_ms * 1000);
                start = now();
                fd = dial('e');
                if (!one_byte(fd))
                        die("no first byte");
                times[i] = now() - start;
                (void) close(fd);
        }
        print_times(times, n);
        free(times);
        return EXIT_SUCCESS;
}

static int keys(double seconds) {
        size_t n = 0, max = (size_t) (seconds * 100);
        double *times = calloc(max, sizeof(*times)), end = now() + seconds;
        int fd = dial('e');

        while (times && n < max && now() < end) {
                double start = now();

                if (!one_byte(fd))
                        die("lost a keystroke");
                times[n++] = now() - start;
                (void) usleep(10000);
        }
        print_times(times, n);
        free(times);
        return EXIT_SUCCESS;
}

/* A connection of `rate`: it connects, sends two bytes, and is over when one came back. */
static void rate_dial(int epoll) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        struct epoll_event e = { .events = EPOLLOUT, .data.fd = fd };

        if (fd < 0 || (connect(fd, (struct sockaddr *) &target, sizeof(target)) < 0 && errno != EINPROGRESS))
                die("connect");
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e) < 0)
                die("epoll_ctl");
}

static int rate(double seconds, unsigned n) {
        int epoll = epoll_create1(EPOLL_CLOEXEC);
        unsigned long good = 0, bad = 0;
        double start = now(), end = start + seconds;
        struct epoll_event events[EVENTS_MAX];

        for (unsigned i = 0; i < n; i++)
                rate_dial(epoll);
        while (now() < end) {
                int k = epoll_wait(epoll, events, EVENTS_MAX, 1000);

                for (int i = 0; i < k; i++) {
                        struct epoll_event e = { .events = EPOLLIN, .data.fd = events[i].data.fd };
                        bool writes = events[i].events == EPOLLOUT;
                        char c;

                        if (writes && send(e.data.fd, "ex", 2, MSG_NOSIGNAL) == 2 &&
                            epoll_ctl(epoll, EPOLL_CTL_MOD, e.data.fd, &e) >= 0)
                                continue;
                        if (!writes && recv(e.data.fd, &c, 1, 0) == 1)
                                good++;
                        else
                                bad++;
                        (void) close(e.data.fd);
                        rate_dial(epoll);
                }
        }
        printf("%.0f %lu\n", (double) good / (now() - start), bad);
        return EXIT_SUCCESS;
}

/* `idle`: `size` bytes out and back on each of n connections, a few at a time. */
typedef struct mover {
        int fd;
        size_t out, in;
} mover;

static void move(mover *m, size_t size, short events) {
        ssize_t k;

        if (events & POLLOUT && m->out < size) {
                size_t n = size - m->out < 65536 ? size - m->out : 65536;

                k = send(m->fd, buffer, n, MSG_NOSIGNAL | MSG_DONTWAIT);
                if (k < 0 && errno != EAGAIN)
                        die("send");
                m->out += k > 0 ? (size_t) k : 0;
        }
        if (!(events & ~POLLOUT))
                return;
        k = recv(m->fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (k == 0 || (k < 0 && errno != EAGAIN))
                die("recv");
        m->in += k > 0 ? (size_t) k : 0;
}

static void move_some(unsigned n, size_t size) {
        struct pollfd fds[AT_ONCE];
        mover movers[AT_ONCE] = {};
        unsigned left = n;

        for (unsigned i = 0; i < n; i++)
                movers[i].fd = dial('e');
        while (left > 0) {
                left = 0;
                for (unsigned i = 0; i < n; i++) {
                        bool over = movers[i].in == size;

                        fds[i] = (struct pollfd) { over ? -1 : movers[i].fd, POLLIN, 0 };
                        if (movers[i].out < size)
                                fds[i].events |= POLLOUT;
                        left += !over;
                }
                if (left == 0)
                        return;
                if (poll(fds, n, 30000) <= 0)
                        die("the connections stand still");
                for (unsigned i = 0; i < n; i++)
                        if (fds[i].revents)
                                move(&movers[i], size, fds[i].revents);
        }
}

static int idle(unsigned n, size_t size) {
        char c;

        for (unsigned done = 0; done < n; done += AT_ONCE)
                move_some(n - done < AT_ONCE ? n - done : AT_ONCE, size);
        printf("%u\n", n);
        fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) > 0)
                ;
        return EXIT_SUCCESS;
}

static void raise_files(void) {
        struct rlimit limit;

        if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
                return;
        limit.rlim_cur = limit.rlim_max;
        (void) setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv) {
        const char *verb = argc > 1 ? argv[1] : "";

        raise_files();
        if (strcmp(verb, "serve") == 0 && argc == 3)
                serve((uint16_t) atoi(argv[2]));
        if (argc < 5)
                return EXIT_FAILURE;
        target = (struct sockaddr_in) { .sin_family = AF_INET, .sin_port = htons((uint16_t) atoi(argv[3])) };
        if (inet_pton(AF_INET, argv[2], &target.sin_addr) != 1)
                return EXIT_FAILURE;
        if ((strcmp(verb, "up") == 0 || strcmp(verb, "down") == 0) && argc == 6)
                return bulk(verb[0] == 'u', atof(argv[4]), atof(argv[5]));
        if (strcmp(verb, "first") == 0 && argc == 6)
                return first((size_t) atoi(argv[4]), (unsigned) atoi(argv[5]));
        if (strcmp(verb, "keys") == 0)
                return keys(atof(argv[4]));
        if (strcmp(verb, "rate") == 0 && argc == 6)
                return rate(atof(argv[4]), (unsigned) atoi(argv[5]));
        if (strcmp(verb, "idle") == 0 && argc == 6)
                return idle((unsigned) atoi(argv[4]), (size_t) atol(argv[5]));
        return EXIT_FAILURE;
}
