/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Datagrams in bulk over real sockets, and what the kernel may answer: the calls that send are ours here,
 * and fail on demand. */

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "quic/udp-socket.h"

static int fail_segmented, fail_single; /* errno of the next calls; 0: the real thing */
static unsigned n_segmented, n_single;

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
        ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, __func__);
        bool segmented = false;

        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR((struct msghdr *) m, c))
                segmented |= c->cmsg_level == IPPROTO_UDP;
        *(segmented ? &n_segmented : &n_single) += 1;
        errno = segmented ? fail_segmented : fail_single;
        return errno > 0 ? -1 : real(fd, m, flags);
}

int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags) {
        int (*real)(int, struct mmsghdr *, unsigned, int) = dlsym(RTLD_NEXT, __func__);

        n_single++;
        errno = fail_single;
        if (errno == EAGAIN && n > 3) /* room for three */
                return real(fd, m, 3, flags);
        return errno > 0 ? -1 : real(fd, m, n, flags);
}

typedef struct fixture {
        quic_udp a, b;
        uint8_t bytes[60000];
        quic_batch batch;
        bool no_gso;
} fixture;

static void open_one(quic_udp *u, const quic_address *at) {
        int fd;

        assert_int_equal(quic_udp_open(at, &fd), 0);
        assert_int_equal(quic_udp_init(u, fd), 0);
}

static int setup(void **state) {
        quic_address at = { .in = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } };
        fixture *f = calloc(1, sizeof(*f));

        assert_non_null(f);
        open_one(&f->a, &at);
        open_one(&f->b, &at);
        for (size_t i = 0; i < sizeof(f->bytes); i++)
                f->bytes[i] = (uint8_t) (i * 31 + (i >> 8));
        f->batch = (quic_batch){ .local = f->a.bound, .remote = f->b.bound, .ecn = 2, .segment = 1200,
                                 .bytes = P2P_VIEW(f->bytes, 10 * 1200 + 500) };
        fail_segmented = fail_single = 0;
        n_segmented = n_single = 0;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        close(f->a.fd);
        close(f->b.fd);
        free(f);
        return 0;
}

/* Datagrams that came, their bytes checked from `from` on. */
static unsigned receive(fixture *f, size_t from) {
        static uint8_t scratch[QUIC_UDP_MESSAGES * QUIC_UDP_DATAGRAM_MAX];
        quic_arrival arrivals[QUIC_UDP_MESSAGES];
        unsigned n, total = 0;

        while ((n = quic_udp_receive(&f->b, scratch, arrivals)) > 0)
                for (unsigned i = 0; i < n; i++) {
                        const quic_arrival *a = &arrivals[i];

                        assert_true(quic_address_equal(&a->remote, &f->a.bound));
                        assert_true(quic_address_equal(&a->local, &f->b.bound));
                        assert_int_equal(a->ecn, f->batch.ecn);
                        assert_memory_equal(a->bytes.data, f->bytes + from, a->bytes.n);
                        from += a->bytes.n;
                        total += (unsigned) ((a->bytes.n + a->segment - 1) / a->segment);
                }
        return total;
}

static void a_batch_is_one_call(void **state) {
        fixture *f = *state;

        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        assert_int_equal(n_segmented, 1);
        assert_int_equal(n_single, 0);
        assert_int_equal(f->batch.bytes.n, 0);
        assert_int_equal(receive(f, 0), 11);
}

static void a_path_that_cannot_segment_is_remembered(void **state) {
        static const int errors[] = { EIO, EINVAL };
        fixture *f = *state;
        quic_batch again = f->batch;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                f->no_gso = false;
                f->batch = again;
                n_segmented = n_single = 0;
                fail_segmented = errors[i];
                assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
                assert_true(f->no_gso);
                assert_int_equal(receive(f, 0), 11);
                f->batch = again;
                assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
                assert_int_equal(n_segmented, 1);
                assert_int_equal(n_single, 2);
                assert_int_equal(receive(f, 0), 11);
        }
}

static void a_datagram_too_large_is_lost_alone(void **state) {
        fixture *f = *state;

        fail_segmented = EMSGSIZE;
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        assert_false(f->no_gso);
        assert_int_equal(receive(f, 0), 11);
}

static void a_full_socket_leaves_the_rest(void **state) {
        fixture *f = *state;

        f->no_gso = true;
        fail_single = EAGAIN;
        f->batch.bytes.n = 5 * 1200;
        /* three, then sendmsg or sendmmsg of two */
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), -EAGAIN);
        assert_int_equal(f->batch.bytes.n, 2 * 1200);
        fail_single = 0;
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        assert_int_equal(receive(f, 0), 5);
}

static void errors_of_the_network_are_losses(void **state) {
        static const int errors[] = { ECONNREFUSED, EMSGSIZE, EPERM, ENOBUFS, EACCES };
        fixture *f = *state;
        quic_batch again = f->batch;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                f->batch = again;
                fail_segmented = fail_single = errors[i];
                assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
                assert_int_equal(f->batch.bytes.n, 0);
                assert_false(f->no_gso);
        }
        assert_int_equal(receive(f, 0), 0);
}

static void a_source_that_is_gone_is_told(void **state) {
        static const int errors[] = { EADDRNOTAVAIL, ENETUNREACH, EHOSTUNREACH, EINVAL };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(errors); i++) {
                fail_segmented = fail_single = errors[i];
                assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), -EADDRNOTAVAIL);
        }
}

static void an_error_of_the_past_does_not_hide_what_came(void **state) {
        quic_address nobody;
        fixture *f = *state;

        /* b speaks to a port that nobody has: ICMP comes back to b's socket */
        nobody = f->a.bound;
        close(f->a.fd);
        f->batch.local = f->b.bound;
        f->batch.remote = nobody;
        f->batch.bytes.n = 1200;
        assert_int_equal(quic_udp_send(&f->b, &f->batch, &f->no_gso), 0);
        assert_int_equal(quic_udp_open(&nobody, &f->a.fd), 0); /* and the same port again */
        assert_int_equal(quic_udp_init(&f->a, f->a.fd), 0);
        f->batch.local = f->a.bound;
        f->batch.remote = f->b.bound;
        f->batch.bytes = P2P_VIEW(f->bytes, 1200);
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        assert_int_equal(receive(f, 0), 1);
}

/* The kernel answers the next call with it, wherever that one goes. */
static void an_error_of_the_past_does_not_lose_what_is_sent(void **state) {
        quic_refusal refusals[QUIC_UDP_REFUSALS_MAX];
        fixture *f = *state;
        quic_udp nobody;

        open_one(&nobody, &(quic_address){ .in = { .sin_family = AF_INET,
                                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) } });
        close(nobody.fd);
        f->batch.remote = nobody.bound;
        f->batch.bytes.n = 1200;
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        f->batch.remote = f->b.bound;
        f->batch.bytes = P2P_VIEW(f->bytes, 3 * 1200);
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        assert_int_equal(receive(f, 0), 3);

        assert_true(f->a.has_errors);
        assert_int_equal(quic_udp_receive_refusals(&f->a, refusals), 1);
        assert_int_equal(refusals[0].error, -ECONNREFUSED);
        assert_true(quic_address_equal(&refusals[0].remote, &nobody.bound));
        assert_int_equal(quic_udp_receive_refusals(&f->a, refusals), 0);
        assert_false(f->a.has_errors);

        f->batch.remote = nobody.bound;
        for (unsigned i = 0; i < 20; i++) {
                f->batch.bytes = P2P_VIEW(f->bytes, 1200);
                assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        }
        assert_int_equal(quic_udp_receive_refusals(&f->a, refusals), 16); /* at once */
        assert_true(f->a.has_errors);
        assert_int_equal(quic_udp_receive_refusals(&f->a, refusals), 4);
        assert_false(f->a.has_errors);
}

static void only_udp_sockets_are_taken(void **state) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        quic_udp u;

        (void) state;
        assert_int_equal(quic_udp_init(&u, fd), -EINVAL);
        close(fd);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        assert_int_equal(quic_udp_init(&u, fd), -EINVAL);
        close(fd);
}

static void ipv6_is_the_same(void **state) {
        quic_address at = { .in6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT } };
        fixture *f = *state;

        close(f->a.fd);
        close(f->b.fd);
        open_one(&f->a, &at);
        open_one(&f->b, &at);
        f->batch.local = f->a.bound;
        f->batch.remote = f->b.bound;
        assert_int_equal(quic_udp_send(&f->a, &f->batch, &f->no_gso), 0);
        assert_int_equal(receive(f, 0), 11);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_batch_is_one_call, setup, teardown),
                cmocka_unit_test_setup_teardown(a_path_that_cannot_segment_is_remembered, setup, teardown),
                cmocka_unit_test_setup_teardown(a_datagram_too_large_is_lost_alone, setup, teardown),
                cmocka_unit_test_setup_teardown(a_full_socket_leaves_the_rest, setup, teardown),
                cmocka_unit_test_setup_teardown(errors_of_the_network_are_losses, setup, teardown),
                cmocka_unit_test_setup_teardown(a_source_that_is_gone_is_told, setup, teardown),
                cmocka_unit_test_setup_teardown(an_error_of_the_past_does_not_hide_what_came, setup,
                                                teardown),
                cmocka_unit_test_setup_teardown(an_error_of_the_past_does_not_lose_what_is_sent, setup,
                                                teardown),
                cmocka_unit_test(only_udp_sockets_are_taken),
                cmocka_unit_test_setup_teardown(ipv6_is_the_same, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
