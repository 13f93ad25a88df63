/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A long cable between two network namespaces: two TAP devices, every packet held back for the same time.
 *
 *   bench-delay NETNS DEVICE NETNS DEVICE MICROSECONDS LOSS   prints READY; runs until it is killed
 *
 * GSO frames cross whole, with their virtio header (IFF_VNET_HDR, TUNSETOFFLOAD), of UDP too where the kernel can:
 * otherwise this program is what is measured. A packet waits in a ring of its direction, behind its due time and its
 * length; a record is never split, so one that does not fit before the end of the ring leaves a gap there. A full ring
 * drops, as a router would. LOSS of 10,000 packets are dropped, by chance, each way; every packet then comes alone.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#define RING_SIZE ((size_t) 64 << 20)
#define PACKET_MAX (sizeof(struct virtio_net_hdr) + 14 + 65536)
#define BATCH 64 /* packets from one side before the other has its turn */
#define BUSY ((size_t) 1 << 20) /* bytes on their way: from here on we look up twice a millisecond only */
#define TICK_USEC 500

typedef struct record {
        uint64_t due;  /* nanoseconds */
        uint32_t size; /* 0: the rest of the ring is a gap */
        uint32_t padding;
} record;

typedef struct direction {
        int from, to;
        uint8_t *ring;
        size_t head, tail, used; /* the gap counts as used */
} direction;

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

static uint64_t delay_nsec, chance = 88172645463325252u;
static unsigned loss;

static void die(const char *what) {
        fprintf(stderr, "bench-delay: %s: %s\n", what, strerror(errno));
        exit(EXIT_FAILURE);
}

static uint64_t now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * 1000000000u + (uint64_t) ts.tv_nsec;
}

/* Leaves the process in that namespace: only its descriptors matter from here on. */
static int open_tap(const char *netns, const char *device) {
        struct ifreq request = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
        int header = sizeof(struct virtio_net_hdr), ns, fd;
        unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
        char path[256];

        (void) snprintf(path, sizeof(path), "/run/netns/%s", netns);
        ns = open(path, O_RDONLY | O_CLOEXEC);
        if (ns < 0 || setns(ns, CLONE_NEWNET) < 0)
                die(netns);
        (void) close(ns);
        fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0)
                die("/dev/net/tun");
        (void) snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", device);
        if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &header) < 0)
                die(device);
        if (loss > 0)
                offloads = TUN_F_CSUM;
        if (ioctl(fd, TUNSETOFFLOAD, offloads | (loss > 0 ? 0 : TUN_F_USO4 | TUN_F_USO6)) < 0 &&
            ioctl(fd, TUNSETOFFLOAD, offloads) < 0)
                die("TUNSETOFFLOAD");
        return fd;
}

/* xorshift: every run loses the same ones of as many. */
static bool is_lost(void) {
        chance ^= chance << 13;
        chance ^= chance >> 7;
        chance ^= chance << 17;
        return chance % 10000 < loss;
}

static record *at(direction *d, size_t offset) {
        return (record *) (d->ring + offset);
}

/* Room for a record in one piece; NULL: full. */
static record *room(direction *d) {
        const size_t need = sizeof(record) + PACKET_MAX;
        size_t to_end = RING_SIZE - d->tail;

        if (RING_SIZE - d->used < need + (to_end < need ? to_end : 0))
                return NULL;
        if (to_end >= need)
                return at(d, d->tail);
        if (to_end >= sizeof(record))
                at(d, d->tail)->size = 0;
        d->used += to_end;
        d->tail = 0;
        return at(d, 0);
}

static void take_in(direction *d) {
        static uint8_t dropped[PACKET_MAX];

        for (unsigned i = 0; i < BATCH; i++) {
                record *r = room(d);
                ssize_t n;

                n = read(d->from, r ? (uint8_t *) (r + 1) : dropped, PACKET_MAX);
                if (n <= 0)
                        return;
                if (!r || is_lost())
                        continue;
                r->due = now() + delay_nsec;
                r->size = (uint32_t) n;
                n = (ssize_t) (sizeof(record) + (((size_t) n + 15) & ~(size_t) 15));
                d->tail += (size_t) n;
                d->used += (size_t) n;
        }
}

/* The first record that waits; NULL: none. */
static record *first(direction *d) {
        if (d->used == 0)
                return NULL;
        if (RING_SIZE - d->head < sizeof(record) || at(d, d->head)->size == 0) {
                d->used -= RING_SIZE - d->head;
                d->head = 0;
        }
        return d->used > 0 ? at(d, d->head) : NULL;
}

/* Returns when the next one is due; UINT64_MAX: there is none. */
static uint64_t send_due(direction *d) {
        uint64_t time = now();
        record *r;

        while ((r = first(d)) && r->due <= time) {
                size_t n = sizeof(record) + (((size_t) r->size + 15) & ~(size_t) 15);

                (void) !write(d->to, r + 1, r->size); /* a device that is down drops */
                d->head += n;
                d->used -= n;
        }
        return r ? r->due : UINT64_MAX;
}

static void set_alarm(int timer, uint64_t due) {
        struct itimerspec its = { .it_value = { .tv_sec = (time_t) (due / 1000000000u), .tv_nsec = (long) (due % 1000000000u) } };

        if (due == UINT64_MAX)
                its = (struct itimerspec) {};
        if (timerfd_settime(timer, TFD_TIMER_ABSTIME, &its, NULL) < 0)
                die("timerfd_settime");
}

static uint8_t *ring_new(void) {
        void *p = mmap(NULL, RING_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

        if (p == MAP_FAILED)
                die("mmap");
        (void) madvise(p, RING_SIZE, MADV_HUGEPAGE);
        return p;
}

int main(int argc, char **argv) {
        direction there = {}, back = {};
        uint64_t set = UINT64_MAX;
        int a, b, timer;

        if (argc != 7)
                return EXIT_FAILURE;
        delay_nsec = strtoull(argv[5], NULL, 10) * 1000;
        loss = (unsigned) atoi(argv[6]);
        a = open_tap(argv[1], argv[2]);
        b = open_tap(argv[3], argv[4]);
        timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
        if (timer < 0)
                die("timerfd");
        there = (direction) { .from = a, .to = b, .ring = ring_new() };
        back = (direction) { .from = b, .to = a, .ring = ring_new() };
        puts("READY");
        fflush(stdout);
        for (;;) {
                struct pollfd fds[] = { { a, POLLIN, 0 }, { b, POLLIN, 0 }, { timer, POLLIN, 0 } };
                uint64_t due, other;

                if (there.used + back.used > BUSY) {
                        (void) usleep(TICK_USEC);
                        take_in(&there);
                        take_in(&back);
                } else {
                        if (poll(fds, 3, -1) < 0 && errno != EINTR)
                                die("poll");
                        if (fds[0].revents)
                                take_in(&there);
                        if (fds[1].revents)
                                take_in(&back);
                }
                due = send_due(&there);
                other = send_due(&back);
                due = due < other ? due : other;
                if (due != set || fds[2].revents)
                        set_alarm(timer, due);
                set = due;
        }
}
