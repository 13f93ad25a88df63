/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A bad path for everything that runs over IPv4: a TUN device that sends back what goes out of it with source and destination
 * swapped, so that the machine's own address is also that of any neighbour's. Checksums hold: they are sums.
 *
 *   lossy-path DEVICE LOSS LATE     both of 1000; prints READY; at SIGTERM what it did
 *
 * The same packets are chosen in every run: by count, not by chance. Late ones come 3 ms behind their neighbours.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define LATE_NSEC 3000000u
#define HELD_MAX 1024u /* a ring: all are late by the same time */
#define PACKET_MAX 2048u

static struct held {
        uint64_t due;
        size_t n;
        uint8_t packet[PACKET_MAX];
} held[HELD_MAX];
static unsigned first, n_held;
static unsigned long seen, lost, late;
static volatile sig_atomic_t stopped;

static void on_signal(int number) {
        (void) number;
        stopped = true;
}

static uint64_t now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

static int open_tun(const char *device) {
        struct ifreq request = { .ifr_flags = IFF_TUN | IFF_NO_PI };
        int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

        (void) snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
        if (fd < 0 || ioctl(fd, TUNSETIFF, &request) < 0) {
                fprintf(stderr, "lossy-path: %s: %s\n", device, strerror(errno));
                exit(EXIT_FAILURE);
        }
        return fd;
}

static void carry(int fd, uint8_t *packet, size_t n, unsigned loss, unsigned delay) {
        unsigned draw = (unsigned) (++seen * 7919 % 1000);
        uint8_t source[4];

        memcpy(source, packet + 12, sizeof(source));
        memcpy(packet + 12, packet + 16, sizeof(source));
        memcpy(packet + 16, source, sizeof(source));
        if (draw < loss)
                lost++;
        else if (draw >= 1000 - delay && n_held < HELD_MAX) {
                struct held *h = &held[(first + n_held++) % HELD_MAX];

                h->due = now() + LATE_NSEC;
                h->n = n;
                memcpy(h->packet, packet, n);
                late++;
        } else
                (void) !write(fd, packet, n);
}

/* Returns for how long nothing is due, in milliseconds. */
static int send_due(int fd) {
        for (; n_held > 0; first = (first + 1) % HELD_MAX, n_held--) {
                uint64_t time = now();

                if (held[first].due > time)
                        return (int) ((held[first].due - time) / 1000000 + 1);
                (void) !write(fd, held[first].packet, held[first].n);
        }
        return -1;
}

int main(int argc, char **argv) {
        struct sigaction action = { .sa_handler = on_signal };
        unsigned loss, delay;
        int fd;

        if (argc != 4)
                return EXIT_FAILURE;
        (void) sigaction(SIGTERM, &action, NULL);
        fd = open_tun(argv[1]);
        loss = (unsigned) atoi(argv[2]);
        delay = (unsigned) atoi(argv[3]);
        puts("READY");
        fflush(stdout);
        while (!stopped) {
                struct pollfd pollfd = { .fd = fd, .events = POLLIN };
                uint8_t packet[PACKET_MAX];
                ssize_t n;

                if (poll(&pollfd, 1, send_due(fd)) <= 0)
                        continue;
                while ((n = read(fd, packet, sizeof(packet))) > 0)
                        if (n >= 20 && packet[0] >> 4 == 4)
                                carry(fd, packet, (size_t) n, loss, delay);
        }
        printf("%lu seen, %lu lost, %lu late\n", seen, lost, late);
        return EXIT_SUCCESS;
}
