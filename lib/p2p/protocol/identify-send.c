/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * rust-libp2p reads exactly one message of at most 4096 bytes, go-libp2p replaces all it knows by each message sequence: so what
 * we say is complete, and in one message where it fits (wire reference 10). Otherwise the record travels in a second one.
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

#define ONE_MESSAGE_MAX 4096u /* rust-libp2p */
#define ADDRS_MAX 16u         /* of ours in one message: arbitrary, keeps it small */

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
        return p2p_peer_record_seal(p2p_host_identity(host), seq, p->addrs, P2P_MIN(p->n_addrs, (size_t) ADDRS_MAX),
                                    &p->record, &p->n_record);
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
        m->publickey = binary(p2p_public_key_encode(p2p_identity_public_key(p2p_host_identity(host)), p->key));
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

static int encode_two(P2p__Identify *m, uint8_t **ret, size_t *ret_n) {
        P2p__Identify second = P2P__IDENTIFY__INIT;
        uint8_t *a = NULL, *b = NULL, *both;
        size_t n_a, n_b;
        int r;

        m->has_signedpeerrecord = false;
        second.has_signedpeerrecord = true;
        second.signedpeerrecord = m->signedpeerrecord;
        r = p2p_message_encode(m, true, &a, &n_a);
        if (r >= 0)
                r = p2p_message_encode(&second, true, &b, &n_b);
        if (r >= 0) {
                both = realloc(a, n_a + n_b);
                if (both) {
                        memcpy(both + n_a, b, n_b);
                        *ret = both;
                        *ret_n = n_a + n_b;
                        a = NULL;
                } else
                        r = -ENOMEM;
        }
        free(a);
        free(b);
        return r;
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
                        r = encode_two(&m, ret, ret_n);
                }
        }
        parts_done(&p);
        return r;
}
