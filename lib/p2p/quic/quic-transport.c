/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QUIC as a row of the host's transports. Dials leave from the socket of a listener wherever one reaches the
 * far side, so that the far side sees the port that we listen on; else from one socket a family, kept for
 * later ones.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <unistd.h>

#include "crypto/hash.h"
#include "quic/quic-internal.h"
#include "transport/socket-error.h"

static bool matches(const p2p_addr *addr) {
        return p2p_addr_stack(addr) == P2P_STACK_QUIC;
}

static int to_address(const p2p_addr *addr, quic_address *ret) {
        struct sockaddr_storage ss;
        quic_address a = {};
        socklen_t n;
        int r;

        r = p2p_addr_to_socket(addr, &ss, &n);
        if (r < 0)
                return r;
        memcpy(&a, &ss, P2P_MIN((size_t) n, sizeof(a)));
        *ret = a;
        return 0;
}

/* A signature is a secret that only the identity can make again, and that nobody ever sees. */
static void make_reset_secret(quic_transport *t) {
        uint8_t signature[P2P_SIGNATURE_SIZE];

        p2p_identity_sign(t->identity, P2P_VIEW_STR("peer-up quic stateless reset secret"), signature);
        p2p_sha256_of(P2P_VIEW(signature, sizeof(signature)), t->reset_secret);
        explicit_bzero(signature, sizeof(signature));
}

static int create(const p2p_transport_options *options, void **ret) {
        quic_transport *t;

        t = malloc(sizeof(*t));
        if (!t)
                return -ENOMEM;
        *t = (quic_transport){ .loop = options->loop,
                               .identity = options->identity,
                               .conn_buffer = options->conn_buffer,
                               .streams = options->streams };
        p2p_list_init(&t->endpoints);
        p2p_list_init(&t->half_open);
        if (getrandom(t->retry_secret, sizeof(t->retry_secret), 0) != sizeof(t->retry_secret)) {
                free(t);
                return -ENOMEM;
        }
        make_reset_secret(t);
        *ret = t;
        return 0;
}

static void destroy(void *userdata) {
        quic_transport *t = userdata;
        p2p_list *node;

        while ((node = p2p_list_first(&t->endpoints)))
                quic_endpoint_free(P2P_LIST_ENTRY(node, quic_endpoint, endpoints));
        explicit_bzero(t, sizeof(*t));
        free(t);
}

/* ---- dialling */

static void set_port(quic_address *a, const quic_address *from) {
        if (a->sa.sa_family == AF_INET)
                a->in.sin_port = from->in.sin_port;
        else
                a->in6.sin6_port = from->in6.sin6_port;
}

/* Bound to the address that we reach the far side from, or to all. */
static bool reaches(const quic_endpoint *e, const quic_address *source) {
        quic_address a = *source;

        if (e->udp.bound.sa.sa_family != source->sa.sa_family)
                return false;
        set_port(&a, &e->udp.bound);
        return quic_address_is_wildcard(&e->udp.bound) || quic_address_equal(&e->udp.bound, &a);
}

static int find_endpoint(quic_transport *t, const quic_address *source, quic_endpoint **ret) {
        quic_address any = { .sa.sa_family = source->sa.sa_family };
        quic_endpoint *e, *found = NULL;
        int fd, r;

        P2P_LIST_FOREACH(e, &t->endpoints, quic_endpoint, endpoints)
                if (reaches(e, source) && (!found || (e->listener && !found->listener)))
                        found = e;
        if (found) {
                *ret = found;
                return 0;
        }
        r = quic_udp_open(&any, &fd);
        if (r < 0)
                return p2p_socket_error(-r);
        r = quic_endpoint_new(t, fd, ret);
        if (r < 0)
                close(fd);
        else
                (*ret)->is_kept = true;
        return r;
}

static int dial(void *userdata, const p2p_peer_id *peer, const p2p_addr *addr, p2p_raw_fn done,
                void *done_userdata, void **ret) {
        quic_address remote, local;
        quic_endpoint *e;
        quic_dial *d;
        int r;

        r = to_address(addr, &remote);
        if (r < 0)
                return r;
        r = quic_address_source(&remote, &local);
        if (r < 0)
                return r;
        r = find_endpoint(userdata, &local, &e);
        if (r < 0)
                return r;
        set_port(&local, &e->udp.bound);

        d = malloc(sizeof(*d));
        if (!d)
                return -ENOMEM;
        *d = (quic_dial) { .done = done, .userdata = done_userdata };
        r = quic_conn_new_client(e, peer, &local, &remote, &d->conn);
        if (r < 0) {
                free(d);
                return r;
        }
        d->conn->dial = d;
        *ret = d;
        return 0;
}

static void free_dial(void *userdata) {
        quic_dial *d = userdata;

        quic_conn_free(d->conn);
        free(d);
}

/* ---- listening */

/* Still there for its connections after its listener went. */
static quic_endpoint *find_bound(quic_transport *t, const quic_address *address) {
        quic_endpoint *e;

        P2P_LIST_FOREACH(e, &t->endpoints, quic_endpoint, endpoints)
                if (!e->listener && quic_address_equal(&e->udp.bound, address))
                        return e;
        return NULL;
}

static int get_endpoint(quic_transport *t, const p2p_addr *addr, int fd, quic_endpoint **ret) {
        quic_address address;
        quic_endpoint *e;
        int own, r;

        if (fd >= 0)
                return quic_endpoint_new(t, fd, ret);
        r = to_address(addr, &address);
        if (r < 0)
                return r;
        e = find_bound(t, &address);
        if (e) {
                *ret = e;
                return 0;
        }
        r = quic_udp_open(&address, &own);
        if (r < 0)
                return r;
        r = quic_endpoint_new(t, own, ret);
        if (r < 0)
                close(own);
        return r;
}

static int listen_on(void *userdata, const p2p_addr *addr, int fd, p2p_raw_accept_fn on_accept,
                     void *accept_userdata, void **ret) {
        p2p_addr *real = NULL;
        quic_listener *l;
        quic_endpoint *e;
        int r;

        l = malloc(sizeof(*l));
        if (!l)
                return -ENOMEM;
        r = get_endpoint(userdata, addr, fd, &e);
        if (r < 0) {
                free(l);
                return r;
        }
        r = p2p_addr_with_socket(addr, &e->udp.bound.sa, &real);
        if (r < 0) {
                if (fd >= 0) { /* the caller's again, at once */
                        e->udp.fd = -1;
                        quic_endpoint_free(e);
                } else
                        p2p_task_post(&e->leave);
                free(l);
                return r;
        }
        *l = (quic_listener){
                .endpoint = e, .addr = real, .on_accept = on_accept, .userdata = accept_userdata
        };
        e->listener = l;
        *ret = l;
        return 0;
}

static const p2p_addr *listen_addr(const void *userdata) {
        return ((const quic_listener *) userdata)->addr;
}

static void free_listener(void *userdata) {
        quic_listener *l = userdata;

        l->endpoint->listener = NULL;
        p2p_task_post(&l->endpoint->leave);
        p2p_addr_free(l->addr);
        free(l);
}

const p2p_transport p2p_quic_transport = {
        .name = "quic-v1",
        .create = create,
        .destroy = destroy,
        .matches = matches,
        .dial = dial,
        .free_dial = free_dial,
        .listen = listen_on,
        .listen_addr = listen_addr,
        .free_listener = free_listener,
};

/* ---- for tests */

unsigned p2p_quic_n_half_open(const void *transport) {
        return ((const quic_transport *) transport)->n_half_open;
}

unsigned p2p_quic_n_tombs(const void *transport) {
        const quic_transport *t = transport;
        const quic_endpoint *e;
        unsigned n = 0;

        P2P_LIST_FOREACH(e, (p2p_list *) &t->endpoints, quic_endpoint, endpoints)
                n += e->n_tombs;
        return n;
}

uint64_t p2p_quic_n_retries(const void *transport) {
        return ((const quic_transport *) transport)->n_retries;
}
