/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * One look-up: a name to addresses, and the names among those to addresses again, up to limits in depth, in
 * names and in addresses [wire reference 1].
 *
 * A query belongs to c-ares until its callback has run, which is always, exactly once; a look-up that ends
 * earlier leaves its queries behind without an owner, and the callback then only frees. What answers bring
 * is noted at once and followed up by a task, so that a chain of answers never grows the stack. At the
 * deadline what was found so far is the answer.
 */

#include <arpa/nameser.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>

#include "transport/resolve-private.h"

struct p2p_resolve {
        p2p_resolver *resolver; /* borrowed */
        p2p_task news;
        p2p_timer deadline;
        p2p_list queries;
        p2p_list waiting; /* found, and to be looked up themselves */
        p2p_addr **addrs;
        unsigned n_addrs, n_lookups;
        int error; /* the first that befell */
        bool has_peer;
        p2p_peer_id peer;
        p2p_resolve_fn done;
        void *userdata;
};

/* A name within a look-up: waiting for its turn, then with c-ares. */
typedef struct query {
        p2p_resolve *resolve; /* NULL: the look-up is over */
        p2p_list queries;
        p2p_addr *addr;
        unsigned depth; /* how many dnsaddr it lies within, itself included */
} query;

static void query_free(query *q) {
        p2p_list_unlink(&q->queries);
        p2p_addr_free(q->addr);
        free(q);
}

static void note_error(p2p_resolve *resolve, int error) {
        if (resolve->error == 0)
                resolve->error = error;
}

static int error_from_ares(int status) {
        switch (status) {
        case ARES_SUCCESS:
                return 0;
        case ARES_ENODATA:
        case ARES_ENOTFOUND:
                return -ENOENT;
        case ARES_ENOMEM:
                return -ENOMEM;
        case ARES_ETIMEOUT:
                return -ETIMEDOUT;
        default:
                return -EHOSTUNREACH;
        }
}

static unsigned code_of(const p2p_addr *addr) {
        p2p_addr_component c;

        return p2p_addr_component_at(addr, 0, &c) ? c.code : 0;
}

/* Takes the address. False once there is no room for another. */
static bool add_addr(p2p_resolve *resolve, p2p_addr *addr) {
        for (unsigned i = 0; i < resolve->n_addrs; i++)
                if (p2p_addr_equal(resolve->addrs[i], addr)) {
                        p2p_addr_free(addr);
                        return true;
                }
        if (resolve->n_addrs >= P2P_RESOLVE_ADDRS_MAX) {
                p2p_addr_free(addr);
                return false;
        }
        resolve->addrs[resolve->n_addrs++] = addr;
        return true;
}

/* Takes the address. */
static int add_waiting(p2p_resolve *resolve, p2p_addr *addr, unsigned depth) {
        query *q;

        if (depth > P2P_RESOLVE_DEPTH_MAX || resolve->n_lookups >= P2P_RESOLVE_LOOKUPS_MAX) {
                p2p_addr_free(addr);
                return -EMSGSIZE;
        }
        q = malloc(sizeof(*q));
        if (!q) {
                p2p_addr_free(addr);
                return -ENOMEM;
        }
        *q = (query) { .resolve = resolve, .addr = addr, .depth = depth };
        p2p_list_init(&q->queries);
        p2p_list_append(&resolve->waiting, &q->queries);
        resolve->n_lookups++;
        return 0;
}

static bool is_wanted(const p2p_resolve *resolve, const p2p_addr *addr) {
        p2p_peer_id peer;

        if (!resolve->has_peer)
                return true;
        return p2p_addr_peer(addr, &peer) >= 0 && p2p_peer_id_equal(&peer, &resolve->peer);
}

static bool on_dnsaddr(p2p_addr *addr, void *userdata) {
        query *q = userdata;
        bool is_dnsaddr = code_of(addr) == P2P_ADDR_DNSADDR;
        int r;

        if (!dnsaddr_matches(q->addr, addr) || (!is_dnsaddr && !is_wanted(q->resolve, addr))) {
                p2p_addr_free(addr);
                return true;
        }
        if (!p2p_addr_needs_dns(addr))
                return add_addr(q->resolve, addr);

        r = add_waiting(q->resolve, addr, q->depth + (is_dnsaddr ? 1 : 0));
        if (r < 0)
                note_error(q->resolve, r);
        return true;
}

/* The answer is noted; the query is over. */
static void query_end(query *q, int error) {
        p2p_resolve *resolve = q->resolve;

        query_free(q);
        if (error < 0)
                note_error(resolve, error);
        p2p_task_post(&resolve->news);
}

static void on_txt(void *userdata, int status, int timeouts, unsigned char *data, int n) {
        query *q = userdata;
        int r;

        (void) timeouts;
        if (!q->resolve) {
                query_free(q);
                return;
        }
        r = error_from_ares(status);
        if (r >= 0)
                r = dnsaddr_reply_parse(P2P_VIEW(data, (size_t) n), on_dnsaddr, q);
        query_end(q, r);
}

static void on_addrinfo(void *userdata, int status, int timeouts, struct ares_addrinfo *info) {
        query *q = userdata;

        (void) timeouts;
        if (q->resolve) {
                for (struct ares_addrinfo_node *n = info ? info->nodes : NULL; n; n = n->ai_next) {
                        p2p_addr *addr;

                        if (dns_replace(q->addr, n->ai_addr, &addr) >= 0 && !add_addr(q->resolve, addr))
                                break;
                }
                query_end(q, error_from_ares(status));
        } else
                query_free(q);
        if (info)
                ares_freeaddrinfo(info);
}

static int family_of(unsigned code) {
        return code == P2P_ADDR_DNS4 ? AF_INET : code == P2P_ADDR_DNS6 ? AF_INET6 : AF_UNSPEC;
}

/* Hands a name to c-ares, which may call back at once. */
static void start_query(query *q) {
        struct ares_addrinfo_hints hints = { .ai_flags = ARES_AI_NOSORT, .ai_socktype = SOCK_STREAM };
        p2p_resolver *resolver = q->resolve->resolver;
        char name[DNS_NAME_SIZE_MAX];
        p2p_addr_component c = {};
        int r;

        (void) p2p_addr_component_at(q->addr, 0, &c);
        r = dns_name(c.code == P2P_ADDR_DNSADDR ? "_dnsaddr." : "", c.value, name);
        if (r < 0) {
                query_end(q, -ENOENT); /* nobody has such a name */
                return;
        }
        p2p_list_unlink(&q->queries);
        p2p_list_append(&q->resolve->queries, &q->queries);

        if (c.code == P2P_ADDR_DNSADDR)
                ares_query(resolver->channel, name, ns_c_in, ns_t_txt, on_txt, q);
        else {
                hints.ai_family = family_of(c.code);
                ares_getaddrinfo(resolver->channel, name, NULL, &hints, on_addrinfo, q);
        }
        resolver_update(resolver);
}

static void finish(p2p_resolve *resolve, int error) {
        p2p_resolve_fn done = resolve->done;
        void *userdata = resolve->userdata;
        size_t n = resolve->n_addrs;
        p2p_addr **addrs = NULL;

        if (n > 0) {
                addrs = TAKE_PTR(resolve->addrs);
                resolve->n_addrs = 0;
        }
        p2p_resolve_free(resolve);
        done(addrs, n, n > 0 ? 0 : error, userdata);
}

static void on_news(void *userdata) {
        p2p_resolve *resolve = userdata;
        p2p_list *node;

        if (resolve->n_addrs < P2P_RESOLVE_ADDRS_MAX)
                while ((node = p2p_list_first(&resolve->waiting)))
                        start_query(P2P_LIST_ENTRY(node, query, queries));

        if (p2p_list_is_empty(&resolve->queries) || resolve->n_addrs >= P2P_RESOLVE_ADDRS_MAX)
                finish(resolve, resolve->error < 0 ? resolve->error : -ENOENT);
}

static void on_deadline(void *userdata) {
        finish(userdata, -ETIMEDOUT);
}

static int start(p2p_resolve *resolve, const p2p_addr *addr) {
        p2p_addr *copy;
        int r;

        resolve->addrs = calloc(P2P_RESOLVE_ADDRS_MAX, sizeof(*resolve->addrs));
        if (!resolve->addrs)
                return -ENOMEM;
        r = p2p_timer_set(&resolve->deadline, P2P_RESOLVE_TIMEOUT_USEC);
        if (r < 0)
                return r;
        r = p2p_addr_dup(addr, &copy);
        if (r < 0)
                return r;

        if (!p2p_addr_needs_dns(addr)) {
                (void) add_addr(resolve, copy);
                r = 0;
        } else
                r = add_waiting(resolve, copy, code_of(addr) == P2P_ADDR_DNSADDR ? 1 : 0);
        p2p_task_post(&resolve->news);
        return r;
}

int p2p_resolve_new(p2p_resolver *resolver, const p2p_addr *addr, const p2p_peer_id *peer,
                    p2p_resolve_fn done, void *userdata, p2p_resolve **ret) {
        _cleanup_(p2p_resolve_freep) p2p_resolve *resolve = NULL;
        int r;

        resolve = malloc(sizeof(*resolve));
        if (!resolve)
                return -ENOMEM;
        *resolve = (p2p_resolve) { .done = done, .userdata = userdata, .has_peer = peer };
        if (peer)
                resolve->peer = *peer;
        p2p_list_init(&resolve->queries);
        p2p_list_init(&resolve->waiting);
        p2p_task_init(&resolve->news, resolver->loop, on_news, resolve);
        p2p_timer_init(&resolve->deadline, resolver->loop, on_deadline, resolve);

        r = resolver_acquire(resolver);
        if (r < 0)
                return r;
        resolve->resolver = resolver;

        r = start(resolve, addr);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(resolve);
        return 0;
}

p2p_resolve *p2p_resolve_free(p2p_resolve *resolve) {
        p2p_list *node;

        if (!resolve)
                return NULL;

        p2p_task_cancel(&resolve->news);
        p2p_timer_stop(&resolve->deadline);
        while ((node = p2p_list_first(&resolve->waiting)))
                query_free(P2P_LIST_ENTRY(node, query, queries));
        while ((node = p2p_list_first(&resolve->queries))) {
                query *q = P2P_LIST_ENTRY(node, query, queries);

                p2p_list_unlink(node);
                q->resolve = NULL; /* its callback will free it */
        }
        for (unsigned i = 0; i < resolve->n_addrs; i++)
                p2p_addr_free(resolve->addrs[i]);
        free(resolve->addrs);
        if (resolve->resolver)
                resolver_release(resolve->resolver);
        free(resolve);
        return NULL;
}
