/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Calls the methods of the daemon that pass a file descriptor, which busctl cannot. For
 * tests/integration/run.
 *
 *   bus-fd proxy PEER SERVICE LISTEN   binds 127.0.0.1:PORT or a path, CreateProxy; prints the id; waits for
 * the end of stdin bus-fd stream PEER SERVICE         OpenStream; joins it to stdin and stdout; prints
 * TunnelClosed on stderr bus-fd connect PEER SERVICE        Connect with one end of a pair; likewise bus-fd
 * hostile PEER SERVICE KIND   Connect and CreateProxy with a pipe, udp, listener, idle (unconnected) or
 * pair; prints errors
 */

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <netinet/in.h>
#include <unistd.h>

#include "service/bus-names.h"
#include "service/bus.h"

static void die(const char *what, int r) {
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        exit(EXIT_FAILURE);
}

static sd_bus_message *call_fd(sd_bus *bus, const char *method, const char *peer, const char *service,
                               int fd, sd_bus_error *error) {
        sd_bus_message *reply = NULL;

        if (sd_bus_call_method(bus, BUS_DAEMON_NAME, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE, method, error,
                               &reply, "ssh", peer, service, fd) < 0)
                return NULL;
        return reply;
}

static int listen_on(const char *where) {
        struct sockaddr_un un = { .sun_family = AF_UNIX };
        struct sockaddr_in in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        int fd, r;

        if (where[0] == '/') {
                (void) snprintf(un.sun_path, sizeof(un.sun_path), "%s", where);
                fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
                r = bind(fd, (struct sockaddr *) &un, sizeof(un));
        } else {
                int on = 1;

                in.sin_port = htons((uint16_t) atoi(where));
                fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
                r = bind(fd, (struct sockaddr *) &in, sizeof(in));
        }
        if (r < 0 || listen(fd, 4096) < 0)
                die(where, -errno);
        return fd;
}

static int do_proxy(sd_bus *bus, char **argv) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply;
        const char *id;
        char c;

        reply = call_fd(bus, "CreateProxy", argv[2], argv[3], listen_on(argv[4]), &error);
        if (!reply) {
                fprintf(stderr, "%s: %s\n", error.name, error.message);
                return EXIT_FAILURE;
        }
        if (sd_bus_message_read(reply, "s", &id) < 0)
                return EXIT_FAILURE;
        puts(id);
        fflush(stdout);
        while (read(STDIN_FILENO, &c, 1) > 0)
                ;
        return EXIT_SUCCESS;
}

/* Until both directions have ended. */
static void join(int fd) {
        struct pollfd p[2] = { { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = fd, .events = POLLIN } };
        char data[65536];

        while (p[1].fd >= 0) {
                if (poll(p, 2, -1) < 0)
                        die("poll", -errno);
                for (int i = 0; i < 2; i++) {
                        ssize_t n;

                        if (p[i].fd < 0 || !p[i].revents)
                                continue;
                        n = read(p[i].fd, data, sizeof(data));
                        if (n > 0) {
                                if (write(i == 0 ? fd : STDOUT_FILENO, data, (size_t) n) != n)
                                        return;
                                continue;
                        }
                        if (n < 0)
                                fprintf(stderr, "read: %s\n", strerror(errno));
                        if (i == 0)
                                (void) shutdown(fd, SHUT_WR);
                        p[i].fd = -1;
                }
        }
}

static int on_closed(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *peer, *service, *failure;
        uint64_t id, in, out;

        (void) error;
        if (sd_bus_message_read(m, "tssstt", &id, &peer, &service, &failure, &in, &out) >= 0)
                fprintf(stderr, "closed %s in=%llu out=%llu error=%s\n", service, (unsigned long long) in,
                        (unsigned long long) out, failure);
        *(int *) userdata = 1;
        return 0;
}

static int do_join(sd_bus *bus, char **argv, const char *method) {
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus_message *reply = NULL;
        int fds[2], fd, closed = 0;

        if (sd_bus_match_signal(bus, NULL, BUS_DAEMON_NAME, NULL, BUS_MANAGER_INTERFACE, "TunnelClosed",
                                on_closed, &closed) < 0)
                return EXIT_FAILURE;
        if (strcmp(method, "OpenStream") == 0) {
                if (sd_bus_call_method(bus, BUS_DAEMON_NAME, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE, method,
                                       &error, &reply, "ss", argv[2], argv[3]) >= 0 &&
                    sd_bus_message_read(reply, "h", &fd) >= 0)
                        fd = dup(fd);
        } else {
                if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
                        die("socketpair", -errno);
                reply = call_fd(bus, method, argv[2], argv[3], fds[1], &error);
                (void) close(fds[1]);
                fd = fds[0];
        }
        if (!reply) {
                fprintf(stderr, "%s: %s\n", error.name, error.message);
                return EXIT_FAILURE;
        }
        sd_bus_message_unref(reply);
        join(fd);
        (void) close(fd);
        for (int i = 0; i < 100 && !closed; i++)
                if (sd_bus_process(bus, NULL) == 0)
                        (void) sd_bus_wait(bus, 100000);
        return closed ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int hostile_fd(const char *kind) {
        int fds[2] = { -1, -1 };

        if (strcmp(kind, "pipe") == 0 && pipe(fds) < 0)
                die(kind, -errno);
        if (strcmp(kind, "pair") == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
                die(kind, -errno);
        if (strcmp(kind, "seqpacket") == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, fds) < 0)
                die(kind, -errno);
        if (strcmp(kind, "udp") == 0)
                fds[0] = socket(AF_INET, SOCK_DGRAM, 0);
        if (strcmp(kind, "idle") == 0)
                fds[0] = socket(AF_INET, SOCK_STREAM, 0);
        if (strcmp(kind, "listener") == 0)
                fds[0] = listen_on("0");
        return fds[0];
}

static int do_hostile(sd_bus *bus, char **argv) {
        static const char *const methods[] = { "Connect", "CreateProxy" };

        for (size_t i = 0; i < ELEMENTSOF(methods); i++) {
                sd_bus_error error = SD_BUS_ERROR_NULL;
                sd_bus_message *reply =
                        call_fd(bus, methods[i], argv[2], argv[3], hostile_fd(argv[4]), &error);

                printf("%s %s\n", methods[i], reply ? "taken" : error.name);
                sd_bus_message_unref(reply);
                sd_bus_error_free(&error);
        }
        return EXIT_SUCCESS;
}

int main(int argc, char **argv) {
        sd_bus *bus = NULL;
        int r = EXIT_FAILURE;

        if (argc < 4)
                return EXIT_FAILURE;
        if (bus_open(&bus) < 0)
                die("bus", -errno);
        (void) sd_bus_set_method_call_timeout(bus, 40 * USEC_PER_SEC);
        if (strcmp(argv[1], "proxy") == 0 && argc == 5)
                r = do_proxy(bus, argv);
        else if (strcmp(argv[1], "stream") == 0)
                r = do_join(bus, argv, "OpenStream");
        else if (strcmp(argv[1], "connect") == 0)
                r = do_join(bus, argv, "Connect");
        else if (strcmp(argv[1], "hostile") == 0 && argc == 5)
                r = do_hostile(bus, argv);
        sd_bus_flush_close_unref(bus);
        return r;
}
