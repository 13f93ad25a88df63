/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* WebSocket as transports of the host, over loopback sockets. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/transport.h>

#include "tests/support/web-cert.h"

typedef struct fixture {
        p2p_loop *loop;
        const p2p_transport *ops;
        void *transport, *listener, *dial;
        web_ca ca; /* of wss */
        p2p_web_tls *web;
        p2p_channel *server, *client;
        p2p_addr *remote;
        unsigned n_done;
        int error;
} fixture;

static void on_accept(p2p_raw *raw, void *userdata) {
        fixture *f = userdata;

        assert_null(f->server);
        f->server = raw->channel;
        f->remote = raw->remote;
}

static void on_dialled(p2p_raw *raw, int error, void *userdata) {
        fixture *f = userdata;

        f->dial = NULL;
        f->n_done++;
        f->error = error;
        assert_int_equal(!!raw, error >= 0);
        f->client = raw ? raw->channel : NULL;
}

static fixture *fixture_new(const p2p_transport *ops, p2p_web_tls *web) {
        fixture *f = calloc(1, sizeof(*f));
        p2p_transport_options options = { .web = web };

        assert_non_null(f);
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        options.loop = f->loop;
        f->ops = ops;
        f->web = web;
        assert_int_equal(ops->create(&options, &f->transport), 0);
        return f;
}

static int setup(void **state) {
        *state = fixture_new(&p2p_ws_transport, NULL);
        return 0;
}

static int setup_wss(void **state) {
        p2p_web_tls_options o = {};
        p2p_web_tls *web;
        fixture *f;
        web_ca ca;

        web_ca_make(&ca);
        web_ca_issue(&ca, &(web_cert){ .name = "us", .ip = "127.0.0.1" });
        o.certificate = web_ca_path(&ca, "us", "crt");
        o.key = web_ca_path(&ca, "us", "key");
        o.trust = web_ca_path(&ca, "ca", "pem");
        assert_int_equal(p2p_web_tls_new(&o, NULL, &web), 0);
        f = fixture_new(&p2p_wss_transport, web);
        f->ca = ca;
        *state = f;
        return 0;
}

static int teardown(void **state) {
        fixture *f = *state;

        if (f->dial)
                f->ops->free_dial(f->dial);
        p2p_channel_free(f->client);
        p2p_channel_free(f->server);
        p2p_addr_free(f->remote);
        if (f->listener)
                f->ops->free_listener(f->listener);
        f->ops->destroy(f->transport);
        p2p_loop_free(f->loop);
        p2p_web_tls_free(f->web);
        if (f->ca.crt)
                web_ca_remove(&f->ca);
        free(f);
        return 0;
}

static int listen_at(fixture *f, const char *text, int fd) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;

        assert_int_equal(p2p_addr_parse(text, &addr), 0);
        return f->ops->listen(f->transport, addr, fd, on_accept, f, &f->listener);
}

static int dial_to(fixture *f, const p2p_addr *addr) {
        return f->ops->dial(f->transport, NULL, addr, on_dialled, f, &f->dial);
}

static const char *listen_text(const fixture *f, char text[static P2P_ADDR_TEXT_MAX]) {
        return p2p_addr_format(f->ops->listen_addr(f->listener), text);
}

/* Loopback takes its time: turns until one of ours has been read. */
static void pass(fixture *f, p2p_channel *from, p2p_channel *to, const char *word) {
        char got[32] = {};

        for (unsigned i = 0; i < 1000 && p2p_channel_write(from, word, strlen(word)) < 0; i++)
                (void) p2p_loop_turn(f->loop, USEC_PER_MSEC);
        for (unsigned i = 0; i < 1000 && p2p_channel_read(to, got, sizeof(got)) < 0; i++)
                (void) p2p_loop_turn(f->loop, USEC_PER_MSEC);
        assert_string_equal(got, word);
}

static void talk(fixture *f) {
        char text[P2P_ADDR_TEXT_MAX];

        assert_int_equal(dial_to(f, f->ops->listen_addr(f->listener)), 0);
        for (unsigned i = 0; i < 1000 && (!f->client || !f->server); i++)
                (void) p2p_loop_turn(f->loop, USEC_PER_MSEC);
        assert_non_null(f->client);
        assert_non_null(f->server);
        pass(f, f->client, f->server, "hello");
        pass(f, f->server, f->client, "welcome");
        assert_string_equal(strrchr(p2p_addr_format(f->remote, text), '/'), "/ws");
        assert_int_equal(strncmp(text, "/ip", 3), 0);
}

static void two_of_ours_meet(void **state) {
        char text[P2P_ADDR_TEXT_MAX];
        fixture *f = *state;

        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0/ws", -1), 0);
        assert_int_equal(strncmp(listen_text(f, text), "/ip4/127.0.0.1/tcp/", 19), 0);
        assert_int_not_equal(text[19], '0');
        assert_string_equal(strrchr(text, '/'), "/ws");
        talk(f);
}

static void two_of_ours_meet_in_tls(void **state) {
        char text[P2P_ADDR_TEXT_MAX];
        fixture *f = *state;

        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0/tls/ws", -1), 0);
        assert_string_equal(strrchr(listen_text(f, text), '/') - 4, "/tls/ws");
        talk(f);
}

/* Another address than the certificate's: the raw channel is there, and says why nothing comes of it. */
static void a_false_certificate_breaks_the_channel(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        char text[P2P_ADDR_TEXT_MAX];
        fixture *f = *state;
        ssize_t k = -EAGAIN;

        assert_int_equal(listen_at(f, "/ip4/127.0.0.2/tcp/0/wss", -1), 0);
        assert_int_equal(p2p_addr_parse(listen_text(f, text), &addr), 0);
        assert_int_equal(dial_to(f, addr), 0);
        for (unsigned i = 0; i < 1000 && k == -EAGAIN; i++) {
                (void) p2p_loop_turn(f->loop, USEC_PER_MSEC);
                if (f->client)
                        k = p2p_channel_write(f->client, "x", 1);
        }
        assert_int_equal(k, -EREMCHG);
}

static void nobody_listens_without_a_certificate(void **state) {
        fixture *f = fixture_new(&p2p_wss_transport, NULL);

        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0/tls/ws", -1), -ENOKEY);
        *state = f;
        assert_int_equal(teardown(state), 0);
}

static void a_socket_of_pid_1_serves(void **state) {
        struct sockaddr_in sa = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
        fixture *f = *state;
        int fd;

        fd = socket(AF_INET, SOCK_STREAM, 0);
        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0/ws", fd), -EINVAL); /* does not listen: stays ours */
        assert_int_equal(bind(fd, (struct sockaddr *) &sa, sizeof(sa)), 0);
        assert_int_equal(listen(fd, 5), 0);
        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/4001/ws", fd), 0);
        assert_int_equal(fcntl(fd, F_GETFD), -1); /* taken */
        talk(f);
}

static void addresses_are_judged(void **state) {
        static const struct { const char *addr; int expect; } cases[] = {
                { "/ip4/127.0.0.1/tcp/0",        -EAFNOSUPPORT  },
                { "/dns4/localhost/tcp/0/ws",    -EAFNOSUPPORT  },
                { "/ip4/192.0.2.1/tcp/0/ws",     -EADDRNOTAVAIL },
        };
        fixture *f = *state;

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (listen_at(f, cases[i].addr, -1) != cases[i].expect)
                        fail_msg("%s", cases[i].addr);
}

static void a_refused_dial_says_so(void **state) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        fixture *f = *state;

        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0/ws", -1), 0);
        assert_int_equal(p2p_addr_dup(f->ops->listen_addr(f->listener), &addr), 0);
        f->ops->free_listener(TAKE_PTR(f->listener));
        assert_int_equal(dial_to(f, addr), 0);
        for (unsigned i = 0; i < 1000 && f->n_done == 0; i++)
                (void) p2p_loop_turn(f->loop, USEC_PER_MSEC);
        assert_int_equal(f->n_done, 1);
        assert_int_equal(f->error, -ECONNREFUSED);
}

static void a_freed_dial_is_silent(void **state) {
        fixture *f = *state;

        assert_int_equal(listen_at(f, "/ip4/127.0.0.1/tcp/0/ws", -1), 0);
        assert_int_equal(dial_to(f, f->ops->listen_addr(f->listener)), 0);
        f->ops->free_dial(TAKE_PTR(f->dial));
        assert_int_equal(p2p_loop_settle(f->loop), 0);
        assert_int_equal(f->n_done, 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(two_of_ours_meet, setup, teardown),
                cmocka_unit_test_setup_teardown(two_of_ours_meet_in_tls, setup_wss, teardown),
                cmocka_unit_test_setup_teardown(a_false_certificate_breaks_the_channel, setup_wss, teardown),
                cmocka_unit_test(nobody_listens_without_a_certificate),
                cmocka_unit_test_setup_teardown(a_socket_of_pid_1_serves, setup, teardown),
                cmocka_unit_test_setup_teardown(addresses_are_judged, setup, teardown),
                cmocka_unit_test_setup_teardown(a_refused_dial_says_so, setup, teardown),
                cmocka_unit_test_setup_teardown(a_freed_dial_is_silent, setup, teardown),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
