/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* QUIC connections, ours to ours (wire reference 7): who is let in, what is told, how they end and what they
 * survive. */

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <gnutls/gnutls.h>

#include <p2p/error.h>

#include "quic/quic-internal.h"
#include "tests/support/quic-pair.h"

#define SECOND USEC_PER_SEC

/* What the sessions made next offer in place of "libp2p": NULL: that; "": nothing. Ours is the first
 * definition that the library finds. */
static const char *offered;

int gnutls_alpn_set_protocols(gnutls_session_t session, const gnutls_datum_t *protocols, unsigned n,
                              unsigned flags) {
        int (*real)(gnutls_session_t, const gnutls_datum_t *, unsigned, unsigned) =
                dlsym(RTLD_NEXT, __func__);
        const char *name = offered;
        gnutls_datum_t other;

        offered = NULL;
        if (name && *name == '\0')
                return 0;
        if (name) {
                other = (gnutls_datum_t){ (unsigned char *) name, (unsigned) strlen(name) };
                protocols = &other;
        }
        return real(session, protocols, n, flags);
}

/* The address 127.0.0.1 has left this machine, as far as one socket is concerned; 127.0.0.2 has come. */
static int moved_fd = -1;

static bool leaves_from_what_is_gone(int fd, const struct msghdr *m) {
        for (struct cmsghdr *c = CMSG_FIRSTHDR(m); fd == moved_fd && c;
             c = CMSG_NXTHDR((struct msghdr *) m, c))
                if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
                        struct in_pktinfo info;

                        memcpy(&info, CMSG_DATA(c), sizeof(info));
                        return info.ipi_spec_dst.s_addr == htonl(INADDR_LOOPBACK);
                }
        return false;
}

ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
        ssize_t (*real)(int, const struct msghdr *, int) = dlsym(RTLD_NEXT, __func__);

        errno = EINVAL; /* the kernel's word for it */
        return leaves_from_what_is_gone(fd, m) ? -1 : real(fd, m, flags);
}

int sendmmsg(int fd, struct mmsghdr *m, unsigned n, int flags) {
        int (*real)(int, struct mmsghdr *, unsigned, int) = dlsym(RTLD_NEXT, __func__);

        errno = EINVAL;
        return leaves_from_what_is_gone(fd, &m->msg_hdr) ? -1 : real(fd, m, n, flags);
}

int getsockname(int fd, struct sockaddr *sa, socklen_t *n) {
        int (*real)(int, struct sockaddr *, socklen_t *) = dlsym(RTLD_NEXT, __func__);
        int r = real(fd, sa, n);

        if (moved_fd >= 0 && r == 0 && sa->sa_family == AF_INET)
                ((struct sockaddr_in *) sa)->sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1);
        return r;
}

static int error_of(const p2p_session *s, uint32_t *ret_code) {
        return s->ops->error(s, ret_code);
}

static void both_sides_prove_who_they_are(void **state) {
        quic_pair p;
        char text[P2P_ADDR_TEXT_MAX];

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        assert_int_equal(p.a.error, 0);
        assert_non_null(p.a.session);
        assert_non_null(p.b.session);
        assert_true(p2p_peer_id_equal(&p.a.peer, p2p_identity_peer_id(p.b.identity)));
        assert_true(p2p_peer_id_equal(&p.b.peer, p2p_identity_peer_id(p.a.identity)));
        assert_non_null(strstr(p2p_addr_format(p.b.remote, text), "/ip4/127.0.0.1/udp/"));
        assert_non_null(strstr(text, "/quic-v1"));
        assert_int_equal(p2p_quic_n_half_open(p.b.transport), 0);
        /* 16 KiB that nobody needs any more */
        assert_null(container_of(p.a.session, quic_conn, session)->tls);
        assert_null(container_of(p.b.session, quic_conn, session)->tls);
        quic_pair_done(&p);
}

static void somebody_else_is_refused(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_end_dial(&p.a, p2p_identity_peer_id(p.a.identity), p.addr);
        quic_pair_run(&p, SECOND);
        assert_true(p.a.done);
        assert_int_equal(p.a.error, -EKEYREJECTED);
        assert_null(p.b.session);
        assert_int_equal(p.b.n_failed, 1);
        assert_int_equal(p.b.failed_error, -EKEYREJECTED); /* it was us who were refused */
        assert_int_equal(p2p_quic_n_half_open(p.b.transport), 0);
        quic_pair_done(&p);
}

static void ciphers_must_have_something_in_common(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_dial(&p);
        assert_int_equal(gnutls_priority_set_direct(((quic_dial *) p.a.dial)->conn->tls,
                                                    "NORMAL:-VERS-ALL:+VERS-TLS1.3:-GROUP-ALL:+GROUP-X448:"
                                                    "%DISABLE_TLS13_COMPAT_MODE",
                                                    NULL),
                         0);
        quic_pair_run(&p, SECOND);
        assert_int_equal(p.a.error, -EPROTONOSUPPORT);
        assert_int_equal(p.b.n_failed, 1);
        assert_int_equal(p.b.failed_error, -EPROTONOSUPPORT);
        quic_pair_done(&p);
}

static void the_application_protocol_must_be_libp2p(void **state) {
        static const struct { const char *why, *name; bool of_client; } cases[] = {
                { "a client with none",      "",   true  },
                { "a client with another",   "h3", true  },
                { "a server with none",      "",   false },
                { "a server with another",   "h3", false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                quic_pair p;

                quic_pair_init(&p);
                if (cases[i].of_client)
                        offered = cases[i].name;
                quic_pair_dial(&p);
                if (!cases[i].of_client)
                        offered = cases[i].name; /* the server's session is made when the hello comes */
                quic_pair_run(&p, SECOND);
                if (!p.a.done || p.a.error != -EPROTONOSUPPORT || p.a.session)
                        fail_msg("%s: %d", cases[i].why, p.a.error);
                if (p.b.n_failed != 1 || p.b.failed_error != -EPROTONOSUPPORT)
                        fail_msg("%s: told of %u, %d", cases[i].why, p.b.n_failed, p.b.failed_error);
                assert_int_equal(p2p_quic_n_half_open(p.b.transport), 0);
                quic_pair_done(&p);
        }
}

static void a_close_carries_its_code(void **state) {
        uint32_t code = 0;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        p.b.session->ops->close(p.b.session, P2P_CONN_GATED);
        assert_int_equal(error_of(p.b.session, &code), -ECONNRESET);
        assert_int_equal(code, 0);
        quic_pair_run(&p, SECOND);
        assert_int_equal(error_of(p.a.session, &code), -ECONNRESET);
        assert_int_equal(code, P2P_CONN_GATED);
        assert_true(p.a.n_woken > 0);
        quic_pair_done(&p);
}

static void gate(p2p_raw *raw, void *userdata) {
        (void) userdata;
        raw->session->ops->close(raw->session, P2P_CONN_GATED);
        p2p_session_free(raw->session);
        p2p_addr_free(raw->remote);
}

static void a_gate_shows_in_the_dial_or_at_once_after(void **state) {
        uint32_t code = 0;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        ((quic_listener *) p.b.listener)->on_accept = gate;
        quic_pair_dial(&p);
        quic_pair_run(&p, SECOND);
        assert_true(p.a.done);
        if (p.a.error == 0) {
                assert_int_equal(error_of(p.a.session, &code), -ECONNRESET);
                assert_int_equal(code, P2P_CONN_GATED);
        } else
                assert_int_equal(p.a.error, -EKEYREJECTED);
        quic_pair_done(&p);
}

static void a_silent_connection_is_kept(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        quic_pair_run(&p, 10 * USEC_PER_MINUTE);
        assert_int_equal(error_of(p.a.session, NULL), 0);
        assert_int_equal(error_of(p.b.session, NULL), 0);
        assert_true(p2p_loop_now(p.loop) - p.a.session->ops->heard(p.a.session) <=
                    P2P_QUIC_KEEPALIVE_USEC + SECOND);
        quic_pair_done(&p);
}

static void a_dead_path_is_given_up(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        p.wire.cut = true;
        quic_pair_run(&p, P2P_QUIC_IDLE_USEC - SECOND);
        assert_int_equal(error_of(p.a.session, NULL), 0);
        quic_pair_run(&p, P2P_QUIC_KEEPALIVE_USEC + 2 * SECOND);
        assert_int_equal(error_of(p.a.session, NULL), -ETIMEDOUT);
        assert_int_equal(error_of(p.b.session, NULL), -ETIMEDOUT);
        quic_pair_done(&p);
}

static void nobody_there_ends_after_ten_seconds(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        p.wire.cut = true;
        quic_pair_dial(&p);
        quic_pair_run(&p, P2P_QUIC_HANDSHAKE_USEC - SECOND);
        assert_false(p.a.done);
        quic_pair_run(&p, 2 * SECOND);
        assert_true(p.a.done);
        assert_int_equal(p.a.error, -ETIMEDOUT);
        quic_pair_done(&p);
}

static void half_a_handshake_is_forgotten_after_ten_seconds(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_dial(&p);
        while (p2p_quic_n_half_open(p.b.transport) == 0)
                assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        p.wire.cut = true;
        quic_pair_run(&p, P2P_QUIC_HANDSHAKE_USEC - SECOND);
        assert_int_equal(p2p_quic_n_half_open(p.b.transport), 1);
        assert_int_equal(p.b.n_failed, 0);
        quic_pair_run(&p, 2 * SECOND);
        assert_int_equal(p2p_quic_n_half_open(p.b.transport), 0);
        assert_int_equal(p.b.n_failed, 1);
        assert_int_equal(p.b.failed_error, -ETIMEDOUT);
        quic_pair_done(&p);
}

static void a_dial_can_be_given_up(void **state) {
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_dial(&p);
        assert_true(p2p_loop_turn(p.loop, 0) >= 0);
        p2p_quic_transport.free_dial(p.a.dial);
        p.a.dial = NULL;
        quic_pair_run(&p, SECOND);
        assert_false(p.a.done);
        quic_pair_done(&p);
}

static void a_change_of_address_is_survived(void **state) {
        p2p_channel *near, *far = NULL;
        uint8_t byte = 0;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        for (unsigned i = 0; i < 3; i++) {
                quic_wire_rebind(&p.wire);
                assert_int_equal(p2p_channel_write(near, "n", 1), 1);
                quic_pair_run(&p, SECOND);
                assert_int_equal(p2p_channel_read(far, &byte, 1), 1);
                assert_int_equal(p2p_channel_write(far, "f", 1), 1);
                quic_pair_run(&p, SECOND);
                assert_int_equal(p2p_channel_read(near, &byte, 1), 1);
        }
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

static void our_own_change_of_address_is_survived(void **state) {
        p2p_channel *near, *far = NULL;
        uint8_t byte = 0;
        quic_conn *c;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        quic_pair_run(&p, SECOND);
        c = container_of(p.a.session, quic_conn, session);
        assert_int_equal(c->local.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));

        moved_fd = c->endpoint->udp.fd;
        assert_int_equal(p2p_channel_write(near, "n", 1), 1);
        quic_pair_run(&p, SECOND);
        assert_int_equal(p2p_channel_read(far, &byte, 1), 1);
        assert_int_equal(c->local.in.sin_addr.s_addr, htonl(INADDR_LOOPBACK + 1));
        assert_int_equal(p2p_channel_write(far, "f", 1), 1);
        quic_pair_run(&p, SECOND);
        assert_int_equal(p2p_channel_read(near, &byte, 1), 1);
        moved_fd = -1;
        p2p_channel_free(near);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

/* The listener's process starts anew with its identity and its port: the dialler need not wait for 30 s of
 * silence. */
static void a_restart_is_noticed_at_once(void **state) {
        char addr[P2P_ADDR_TEXT_MAX];
        p2p_channel *near;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        p2p_addr_format(p2p_quic_transport.listen_addr(p.b.listener), addr);
        p.wire.cut = true;
        quic_end_done(&p.b);
        quic_end_init(&p.b, p.loop, 2);
        quic_end_listen(&p.b, addr);
        quic_pair_run(&p, SECOND);
        p.wire.cut = false;
        assert_int_equal(error_of(p.a.session, NULL), 0);
        assert_int_equal(p.a.session->ops->open(p.a.session, &near), 0);
        assert_int_equal(p2p_channel_write(near, "hello", 5), 5);
        quic_pair_run(&p, SECOND);
        assert_int_equal(error_of(p.a.session, NULL), -ECONNRESET);
        p2p_channel_free(near);
        quic_pair_done(&p);
}

/* The dialler's, this time, and the listener knows it at another address than at first. */
static void so_is_one_after_a_change_of_address(void **state) {
        p2p_channel *near, *far = NULL;
        char addr[P2P_ADDR_TEXT_MAX];
        uint8_t byte;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        quic_pair_stream(&p.a, &p.b, p.loop, &near, &far);
        quic_pair_run(&p, SECOND);
        moved_fd = container_of(p.a.session, quic_conn, session)->endpoint->udp.fd;
        quic_wire_rebind(&p.wire);
        assert_int_equal(p2p_channel_write(near, "n", 1), 1);
        quic_pair_run(&p, SECOND);
        assert_int_equal(p2p_channel_read(far, &byte, 1), 1);
        moved_fd = -1;

        p.wire.cut = true;
        p2p_channel_free(near);
        quic_end_done(&p.a);
        quic_end_init(&p.a, p.loop, 1);
        (void) snprintf(addr, sizeof(addr), "/ip4/127.0.0.2/udp/%u/quic-v1", ntohs(p.wire.dialler.sin_port));
        quic_end_listen(&p.a, addr);
        quic_pair_run(&p, SECOND);
        p.wire.cut = false;
        assert_int_equal(error_of(p.b.session, NULL), 0);
        assert_int_equal(p2p_channel_write(far, "f", 1), 1);
        quic_pair_run(&p, SECOND);
        assert_int_equal(error_of(p.b.session, NULL), -ECONNRESET);
        p2p_channel_free(far);
        quic_pair_done(&p);
}

static void the_end_is_said_again_to_who_missed_it(void **state) {
        uint32_t code = 0;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        quic_pair_run(&p, SECOND);
        p.wire.cut = true;
        p.b.session->ops->close(p.b.session, P2P_CONN_SHUTDOWN);
        quic_pair_run(&p, SECOND);
        assert_int_equal(p2p_quic_n_tombs(p.b.transport), 1);
        p.wire.cut = false;

        p2p_channel *near;

        assert_int_equal(p.a.session->ops->open(p.a.session, &near), 0);
        assert_int_equal(p2p_channel_write(near, "hello", 5), 5);
        quic_pair_run(&p, SECOND);
        assert_int_equal(error_of(p.a.session, &code), -ECONNRESET);
        assert_int_equal(code, P2P_CONN_SHUTDOWN);
        quic_pair_run(&p, P2P_QUIC_TOMB_USEC);
        assert_int_equal(p2p_quic_n_tombs(p.b.transport), 0);
        p2p_channel_free(near);
        quic_pair_done(&p);
}

static void unidirectional_streams_are_told_to_stop(void **state) {
        uint8_t packet[1500];
        ngtcp2_path_storage ps;
        ngtcp2_ssize n, taken;
        ngtcp2_pkt_info pi;
        quic_conn *c;
        int64_t id;
        quic_pair p;

        (void) state;
        quic_pair_init(&p);
        quic_pair_connect(&p);
        c = container_of(p.a.session, quic_conn, session);
        ngtcp2_path_storage_zero(&ps);
        for (unsigned i = 0; i < P2P_QUIC_UNI_STREAMS; i++) {
                assert_int_equal(ngtcp2_conn_open_uni_stream(c->lib, &id, NULL), 0);
                n = ngtcp2_conn_write_stream(c->lib, &ps.path, &pi, packet, sizeof(packet), &taken, 0, id,
                                             (uint8_t *) "u", 1, quic_conn_now(c));
                assert_true(n > 0);
                quic_endpoint_send(c->endpoint, &c->local, &c->remote, P2P_VIEW(packet, (size_t) n));
                quic_pair_run(&p, SECOND);
                n = ngtcp2_conn_write_stream(c->lib, &ps.path, &pi, packet, sizeof(packet), &taken, 0, id,
                                             (uint8_t *) "u", 1, quic_conn_now(c));
                assert_true(n == NGTCP2_ERR_STREAM_SHUT_WR || n == NGTCP2_ERR_STREAM_NOT_FOUND);
        }
        assert_true(ngtcp2_conn_open_uni_stream(c->lib, &id, NULL) != 0); /* no further ones */
        assert_int_equal(error_of(p.b.session, NULL), 0);
        quic_pair_done(&p);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(both_sides_prove_who_they_are),
                cmocka_unit_test(somebody_else_is_refused),
                cmocka_unit_test(ciphers_must_have_something_in_common),
                cmocka_unit_test(the_application_protocol_must_be_libp2p),
                cmocka_unit_test(a_close_carries_its_code),
                cmocka_unit_test(a_gate_shows_in_the_dial_or_at_once_after),
                cmocka_unit_test(a_silent_connection_is_kept),
                cmocka_unit_test(a_dead_path_is_given_up),
                cmocka_unit_test(nobody_there_ends_after_ten_seconds),
                cmocka_unit_test(half_a_handshake_is_forgotten_after_ten_seconds),
                cmocka_unit_test(a_dial_can_be_given_up),
                cmocka_unit_test(a_change_of_address_is_survived),
                cmocka_unit_test(our_own_change_of_address_is_survived),
                cmocka_unit_test(a_restart_is_noticed_at_once),
                cmocka_unit_test(so_is_one_after_a_change_of_address),
                cmocka_unit_test(the_end_is_said_again_to_who_missed_it),
                cmocka_unit_test(unidirectional_streams_are_told_to_stop),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
