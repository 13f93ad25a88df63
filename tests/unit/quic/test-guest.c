/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TLS of who dials us is the worker's. These loops have a real clock, and so a thread: it is held where a
 * test wants it, by a job of the test's or inside GnuTLS.
 */

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include <p2p/error.h>

#include "io/worker.h"
#include "quic/quic-internal.h"
#include "tests/support/quic-pair.h"

#define HELLO_MAX    1200u
#define PADDING_TYPE 0x2a2a /* RFC 8701 */

typedef struct world {
        p2p_loop *loop;
        quic_end a, b; /* a dials b */
        p2p_job blocker;
        sem_t go, held;
} world;

/* ---- inside GnuTLS: ours are the first definitions that the library finds */

static sem_t *inside, *leave; /* of the next handshake of a server */
static bool long_hellos;
static unsigned n_strangers, n_before; /* whose jobs ran: so far, before the first handshake of a server */

static bool is_server(gnutls_session_t session) {
        const ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(session);

        return !((quic_conn *) ref->user_data)->is_client;
}

int gnutls_handshake(gnutls_session_t session) {
        int (*real)(gnutls_session_t) = dlsym(RTLD_NEXT, __func__);

        if (inside && is_server(session)) {
                (void) sem_post(inside);
                (void) sem_wait(leave);
        }
        if (is_server(session) && n_before == UINT32_MAX)
                n_before = n_strangers;
        return real(session);
}

static int add_padding(gnutls_session_t session _unused_, gnutls_buffer_t out) {
        static const uint8_t padding[HELLO_MAX];

        return gnutls_buffer_append_data(out, padding, sizeof(padding));
}

int gnutls_alpn_set_protocols(gnutls_session_t session, const gnutls_datum_t *protocols, unsigned n,
                              unsigned flags) {
        int (*real)(gnutls_session_t, const gnutls_datum_t *, unsigned, unsigned) =
                dlsym(RTLD_NEXT, __func__);

        if (long_hellos && !is_server(session))
                assert_int_equal(gnutls_session_ext_register(
                                         session, "padding", PADDING_TYPE, GNUTLS_EXT_TLS, NULL, add_padding,
                                         NULL, NULL, NULL,
                                         GNUTLS_EXT_FLAG_TLS | GNUTLS_EXT_FLAG_CLIENT_HELLO),
                                 0);
        return real(session, protocols, n, flags);
}

/* ---- and the kernel: no file for the worker. (pthread_create() is the thread sanitizer's.) */

static bool no_files;

int eventfd(unsigned value, int flags) {
        int (*real)(unsigned, int) = dlsym(RTLD_NEXT, __func__);

        if (!no_files)
                return real(value, flags);
        errno = EMFILE;
        return -1;
}

/* ---- the world */

static void hold(void *userdata) {
        world *w = userdata;

        (void) sem_post(&w->held);
        (void) sem_wait(&w->go);
}

static void on_released(void *userdata) {
        (void) userdata;
}

static void hold_worker(world *w) {
        assert_int_equal(p2p_job_start(&w->blocker), 0);
        assert_int_equal(sem_wait(&w->held), 0);
}

static int setup(void **state) {
        static world w;

        assert_int_equal(p2p_loop_new(&w.loop), 0);
        assert_int_equal(sem_init(&w.go, 0, 0), 0);
        assert_int_equal(sem_init(&w.held, 0, 0), 0);
        p2p_job_init(&w.blocker, w.loop, hold, on_released, &w);
        quic_end_init(&w.a, w.loop, 1);
        quic_end_init(&w.b, w.loop, 2);
        quic_end_listen(&w.b, "/ip4/127.0.0.1/udp/0/quic-v1");
        *state = &w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        quic_end_done(&w->a);
        quic_end_done(&w->b);
        p2p_job_cancel(&w->blocker);
        p2p_loop_free(w->loop);
        (void) sem_destroy(&w->go);
        (void) sem_destroy(&w->held);
        inside = leave = NULL;
        long_hellos = no_files = false;
        return 0;
}

static const p2p_addr *address_of(world *w) {
        return p2p_quic_transport.listen_addr(w->b.listener);
}

static quic_endpoint *endpoint_of(world *w) {
        return ((quic_listener *) w->b.listener)->endpoint;
}

static void dial(world *w) {
        quic_end_dial(&w->a, p2p_identity_peer_id(w->b.identity), address_of(w));
}

static void settle(world *w) {
        assert_true(p2p_loop_settle(w->loop) >= 0);
}

static void connect_both(world *w) {
        while (!w->a.done || !w->b.session)
                assert_true(p2p_loop_turn(w->loop, USEC_PER_SEC) >= 0);
        assert_int_equal(w->a.error, 0);
        assert_true(p2p_peer_id_equal(&w->b.peer, p2p_identity_peer_id(w->a.identity)));
}

/* ---- */

static void the_loop_does_not_wait_for_it(void **state) {
        world *w = *state;

        hold_worker(w);
        dial(w);
        settle(w);
        assert_int_equal(p2p_quic_n_half_open(w->b.transport), 1);
        assert_int_equal(endpoint_of(w)->n_jobs, 1);
        assert_false(w->a.done);
        (void) sem_post(&w->go);
        connect_both(w);
        assert_int_equal(endpoint_of(w)->n_jobs, 0);
        assert_int_equal(p2p_quic_n_half_open(w->b.transport), 0);
}

/* Only the first half is at the worker; the second waits, and nothing is lost. */
static void a_connection_whose_tls_is_away_reads_nothing(void **state) {
        world *w = *state;

        long_hellos = true;
        hold_worker(w);
        dial(w);
        settle(w);
        assert_int_equal(endpoint_of(w)->n_jobs, 1);
        assert_int_equal(endpoint_of(w)->n_waiting, 1);
        (void) sem_post(&w->go);
        connect_both(w);
        settle(w);
        assert_int_equal(endpoint_of(w)->n_waiting, 0);
}

static void be_a_stranger(void *userdata) {
        (void) userdata;
        n_strangers++;
}

/* However many come after it by another way. */
static void strangers_over_tcp_do_not_bury_it(void **state) {
        p2p_job strangers[10];
        world *w = *state;

        n_strangers = 0;
        n_before = UINT32_MAX;
        hold_worker(w);
        dial(w);
        settle(w);
        assert_int_equal(endpoint_of(w)->n_jobs, 1);
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++) {
                p2p_job_init(&strangers[i], w->loop, be_a_stranger, on_released, NULL);
                strangers[i].stranger = true;
                assert_int_equal(p2p_job_start(&strangers[i]), 0);
        }
        (void) sem_post(&w->go);
        connect_both(w);
        for (size_t i = 0; i < ELEMENTSOF(strangers); i++)
                p2p_job_cancel(&strangers[i]);
        assert_int_equal(n_before, 0);
}

static void on_dialled(p2p_raw *raw, int error, void *userdata) {
        assert_int_equal(error, 0);
        p2p_session_free(raw->session);
        p2p_addr_free(raw->remote);
        ++*(unsigned *) userdata;
}

static void four_are_at_the_worker_at_a_time(void **state) {
        unsigned n_done = 0;
        world *w = *state;
        void *dials[7];

        hold_worker(w);
        for (size_t i = 0; i < ELEMENTSOF(dials); i++) {
                assert_int_equal(p2p_quic_transport.dial(w->a.transport, p2p_identity_peer_id(w->b.identity),
                                                         address_of(w), on_dialled, &n_done, &dials[i]),
                                 0);
                settle(w);
        }
        assert_int_equal(endpoint_of(w)->n_jobs, 4);
        assert_int_equal(endpoint_of(w)->n_waiting, 3);
        assert_int_equal(p2p_quic_n_half_open(w->b.transport), 4);
        (void) sem_post(&w->go);
        while (n_done < ELEMENTSOF(dials))
                assert_true(p2p_loop_turn(w->loop, USEC_PER_SEC) >= 0);
}

static void what_is_queued_there_can_go(void **state) {
        world *w = *state;

        hold_worker(w);
        dial(w);
        settle(w);
        assert_int_equal(endpoint_of(w)->n_jobs, 1);
        quic_end_done(&w->b);
        (void) sem_post(&w->go);
        settle(w);
        quic_end_init(&w->b, w->loop, 2);
}

static void *let_go(void *userdata) {
        (void) sem_post(userdata);
        return NULL;
}

static void what_runs_there_is_waited_for(void **state) {
        world *w = *state;
        sem_t entered, release;
        pthread_t thread;

        assert_int_equal(sem_init(&entered, 0, 0), 0);
        assert_int_equal(sem_init(&release, 0, 0), 0);
        inside = &entered;
        leave = &release;
        dial(w);
        settle(w);
        assert_int_equal(endpoint_of(w)->n_jobs, 1);
        assert_int_equal(sem_wait(&entered), 0);
        assert_int_equal(pthread_create(&thread, NULL, let_go, &release), 0);
        quic_end_done(&w->b);
        assert_int_equal(pthread_join(thread, NULL), 0);
        settle(w);
        quic_end_init(&w->b, w->loop, 2);
        (void) sem_destroy(&entered);
        (void) sem_destroy(&release);
}

static void without_a_thread_the_loop_does_it(void **state) {
        world *w = *state;

        no_files = true;
        dial(w);
        connect_both(w);
        assert_int_equal(endpoint_of(w)->n_jobs, 0);
}

int main(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        const struct CMUnitTest tests[] = {
                T(the_loop_does_not_wait_for_it),
                T(a_connection_whose_tls_is_away_reads_nothing),
                T(strangers_over_tcp_do_not_bury_it),
                T(four_are_at_the_worker_at_a_time),
                T(what_is_queued_there_can_go),
                T(what_runs_there_is_waited_for),
                T(without_a_thread_the_loop_does_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
