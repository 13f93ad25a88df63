/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * How fast one core seals and opens: a sealed channel to itself over a socket pair, in one process and one
 * loop. Noise, and TLS with each of its ciphers; writes of several sizes, each for a second of processor
 * time; what is printed is plaintext. Usage: seal-throughput [SECONDS-EACH]
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <p2p/identity.h>

#include "secure/noise-channel.h"
#include "secure/sealed-channel.h"
#include "secure/tls-record.h"

/* The least of a channel: a non-blocking socket that is only polled. */
typedef struct socket_channel {
        p2p_channel channel;
        int fd;
} socket_channel;

static ssize_t answer(ssize_t k) {
        return k < 0 ? -errno : k;
}

static ssize_t socket_readv(p2p_channel *c, const struct iovec *iov, int n) {
        return answer(readv(container_of(c, socket_channel, channel)->fd, iov, n));
}

static ssize_t socket_writev(p2p_channel *c, const struct iovec *iov, int n, bool more) {
        (void) more;
        return answer(writev(container_of(c, socket_channel, channel)->fd, iov, n));
}

static void socket_reset(p2p_channel *c, uint32_t code) {
        (void) c;
        (void) code;
}

static p2p_channel *socket_free(p2p_channel *c) {
        socket_channel *s = container_of(c, socket_channel, channel);

        close(s->fd);
        free(s);
        return NULL;
}

static const p2p_channel_ops socket_ops = {
        .readv = socket_readv,
        .writev = socket_writev,
        .reset = socket_reset,
        .free = socket_free,
};

/* algorithm: GNUTLS_CIPHER_UNKNOWN for Noise. */
static int seal(p2p_loop *loop, p2p_channel *below, gnutls_cipher_algorithm_t algorithm,
                const uint8_t *send_key, const uint8_t *receive_key, p2p_channel **ret) {
        p2p_tls_state *state;
        int r;

        if (algorithm == GNUTLS_CIPHER_UNKNOWN)
                return p2p_noise_channel_new(loop, below, send_key, receive_key, ret);
        r = p2p_tls_state_new(algorithm, GNUTLS_DIG_SHA256, P2P_VIEW(receive_key, 32),
                              P2P_VIEW(send_key, 32), &state);
        return r < 0 ? r : p2p_sealed_channel_new(loop, below, &p2p_tls_format, state, ret);
}

static p2p_channel *sealed_new(p2p_loop *loop, int fd, gnutls_cipher_algorithm_t algorithm,
                               const uint8_t *send_key, const uint8_t *receive_key) {
        socket_channel *s = calloc(1, sizeof(*s));
        int size = 1 << 20;
        p2p_channel *sealed;

        if (!s)
                exit(EXIT_FAILURE);
        s->channel.ops = &socket_ops;
        s->fd = fd;
        (void) setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
        if (seal(loop, &s->channel, algorithm, send_key, receive_key, &sealed) < 0)
                exit(EXIT_FAILURE);
        return sealed;
}

static double now(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
        return (double) ts.tv_sec + (double) ts.tv_nsec / 1e9;
}

/* Bytes a second through both channels. */
static double measure(p2p_loop *loop, p2p_channel *a, p2p_channel *b, size_t size, double seconds) {
        static uint8_t data[P2P_SCRATCH_SIZE];
        double start = now(), end = start;
        uint64_t total = 0;

        while (end - start < seconds) {
                struct iovec iov[] = { { data, 12 }, { data, size } }; /* a muxer's header and its frame */
                ssize_t k;

                k = p2p_channel_writev(a, iov, 2, false);
                if (k < 0 && k != -EAGAIN)
                        exit(EXIT_FAILURE);
                while ((k = p2p_channel_read(b, p2p_loop_scratch(loop, 0), P2P_SCRATCH_SIZE)) > 0)
                        total += (uint64_t) k;
                if (k != -EAGAIN)
                        exit(EXIT_FAILURE);
                end = now();
        }
        return (double) total / (end - start);
}

static void run(p2p_loop *loop, const char *name, gnutls_cipher_algorithm_t algorithm, double seconds) {
        static const uint8_t key_a[32] = { 1 }, key_b[32] = { 2 };
        static const size_t sizes[] = { 1024, 16 << 10, 32 << 10, 64 << 10, 128 << 10, 256 << 10 };
        p2p_channel *a, *b;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) < 0)
                exit(EXIT_FAILURE);
        a = sealed_new(loop, fds[0], algorithm, key_a, key_b);
        b = sealed_new(loop, fds[1], algorithm, key_b, key_a);
        for (size_t i = 0; i < ELEMENTSOF(sizes); i++) {
                double rate = measure(loop, a, b, sizes[i], seconds);

                printf("%-23s %6zu bytes a write: %5.2f Gbit/s sealed and opened on one core\n", name,
                       sizes[i], rate * 8 / 1e9);
        }
        p2p_channel_free(a);
        p2p_channel_free(b);
}

int main(int argc, char **argv) {
        double seconds = argc > 1 ? atof(argv[1]) : 1;
        p2p_identity *id;
        p2p_loop *loop;

        /* As in a program: with a first identity libsodium finds out what the processor can do. */
        if (p2p_identity_generate(&id) < 0 || p2p_loop_new(&loop) < 0)
                return EXIT_FAILURE;
        run(loop, "Noise", GNUTLS_CIPHER_UNKNOWN, seconds);
        run(loop, "TLS, AES-128-GCM", GNUTLS_CIPHER_AES_128_GCM, seconds);
        run(loop, "TLS, ChaCha20-Poly1305", GNUTLS_CIPHER_CHACHA20_POLY1305, seconds);
        p2p_loop_free(loop);
        p2p_identity_free(id);
        return EXIT_SUCCESS;
}
