/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rust-libp2p reads exactly one message of at most 4096 bytes, go-libp2p replaces all it knows by each
 * message sequence: so what we say is complete, and in one message where it fits (wire reference 10).
 * Otherwise further protocols and the record travel in messages of their own.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/identify.h>

#include "crypto/envelope.h"
#include "host/hook.h"
#include "protocol/identify-send.h"
#include "protocol/identify.pb-c.h"
#include "wire/message.h"

#define ONE_MESSAGE_MAX 4096u      /* rust-libp2p */
#define FIRST_PROTOCOLS_MAX 2048u  /* bytes of them beside our addresses */
#define MORE_PROTOCOLS_MAX 6000u   /* with the longest names 9 messages suffice: go-libp2p reads no more */
#define ADDRS_MAX 16u              /* of ours in one message: arbitrary, keeps it small */

typedef struct parts {
        p2p_addr **addrs;
        size_t n_addrs;
        ProtobufCBinaryData listen[ADDRS_MAX];
        char *protocols[P2P_PROTOCOLS_MAX];
        size_t n_protocols;
        uint8_t key[P2P_PUBLIC_KEY_MAX];
        uint8_t *record;
        size_t n_record;
} parts;

static ProtobufCBinaryData binary(p2p_view v) {
        return (ProtobufCBinaryData){ .data = (uint8_t *) v.data, .len = v.n };
}

static int gather(p2p_host *host, uint64_t seq, parts *p) {
        const char *name;
        int r;

        r = p2p_host_own_addrs(host, &p->addrs, &p->n_addrs);
        if (r < 0)
                return r;
        for (size_t i = 0; i < p->n_addrs && i < ADDRS_MAX; i++)
                p->listen[i] = binary(p2p_addr_view(p->addrs[i]));
        for (unsigned i = 0; (name = p2p_host_protocol(host, i)); i++)
                p->protocols[p->n_protocols++] = (char *) name;
        return p2p_peer_record_seal(p2p_host_identity(host), seq, p->addrs,
                                    P2P_MIN(p->n_addrs, (size_t) ADDRS_MAX), &p->record, &p->n_record);
}

static void parts_done(parts *p) {
        for (size_t i = 0; i < p->n_addrs; i++)
                p2p_addr_free(p->addrs[i]);
        free(p->addrs);
        free(p->record);
}

static void fill(P2p__Identify *m, p2p_host *host, p2p_conn *conn, parts *p) {
        p2p__identify__init(m);
        m->has_publickey = true;
        m->publickey =
                binary(p2p_public_key_encode(p2p_identity_public_key(p2p_host_identity(host)), p->key));
        m->n_listenaddrs = P2P_MIN(p->n_addrs, (size_t) ADDRS_MAX);
        m->listenaddrs = p->listen;
        m->n_protocols = p->n_protocols;
        m->protocols = p->protocols;
        if (p2p_conn_remote(conn)) {
                m->has_observedaddr = true;
                m->observedaddr = binary(p2p_addr_view(p2p_conn_remote(conn)));
        }
        m->protocolversion = (char *) "";
        m->agentversion = (char *) p2p_host_agent(host);
        m->has_signedpeerrecord = true;
        m->signedpeerrecord = binary(P2P_VIEW(p->record, p->n_record));
}

/* One more delimited message behind those in *all. */
static int append(const P2p__Identify *m, uint8_t **all, size_t *n_all) {
        uint8_t *one, *grown;
        size_t n;
        int r;

        r = p2p_message_encode(m, true, &one, &n);
        if (r < 0)
                return r;
        grown = realloc(*all, *n_all + n);
        if (grown) {
                memcpy(grown + *n_all, one, n);
                *all = grown;
                *n_all += n;
        }
        free(one);
        return grown ? 0 : -ENOMEM;
}

/* How many of these fit into this many bytes. */
static size_t fitting(char *const *protocols, size_t n, size_t room) {
        size_t i, used = 0;

        for (i = 0; i < n; i++) {
                used += strlen(protocols[i]) + 3; /* tag and length */
                if (used > room)
                        break;
        }
        return i;
}

/* All but the rest of the protocols and the record in the first; lists of several messages are joined by who
 * reads them. */
static int encode_many(P2p__Identify *m, uint8_t **ret, size_t *ret_n) {
        P2p__Identify last = P2P__IDENTIFY__INIT;
        uint8_t *all = NULL;
        size_t n_all = 0, left = m->n_protocols, n;
        char **next = m->protocols;
        int r;

        last.has_signedpeerrecord = true;
        last.signedpeerrecord = m->signedpeerrecord;
        m->has_signedpeerrecord = false;
        n = m->n_protocols = fitting(next, left, FIRST_PROTOCOLS_MAX);
        r = append(m, &all, &n_all);
        for (next += n, left -= n; r >= 0 && left > 0; next += n, left -= n) {
                P2p__Identify more = P2P__IDENTIFY__INIT;

                n = more.n_protocols = fitting(next, left, MORE_PROTOCOLS_MAX);
                more.protocols = next;
                r = append(&more, &all, &n_all);
        }
        if (r >= 0)
                r = append(&last, &all, &n_all);
        if (r < 0) {
                free(all);
                return r;
        }
        *ret = all;
        *ret_n = n_all;
        return 0;
}

int p2p_identify_encode(p2p_host *host, p2p_conn *conn, uint64_t seq, uint8_t **ret, size_t *ret_n) {
        P2p__Identify m;
        parts p = {};
        int r;

        r = gather(host, seq, &p);
        if (r >= 0) {
                fill(&m, host, conn, &p);
                r = p2p_message_encode(&m, true, ret, ret_n);
                if (r >= 0 && *ret_n > ONE_MESSAGE_MAX) {
                        free(*ret);
                        r = encode_many(&m, ret, ret_n);
                }
        }
        parts_done(&p);
        return r;
}
