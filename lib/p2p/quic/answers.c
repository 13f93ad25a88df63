/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What is answered to those who have no connection: made and sent when its turn comes. An answer takes a
 * system call and some cryptography, and anybody can ask for many at once. So they are slow work, a few a
 * step, which lets friends, who share the socket, go first. Those that wait are bounded, as is the share of
 * a network in them; who finds no room is not answered, and asks again.
 */

#include <stdlib.h>
#include <sys/random.h>

#include "quic/quic-internal.h"

#define RESET_RANDOM_MAX 25u
#define PACKET_MAX (2 * 256u + 256u) /* ids of a version that we do not know are longer than ours */

struct quic_answer {
        p2p_list asked;
        quic_address local, remote;
        quic_question question; /* whose ids are in `ids` */
        uint8_t ids[];
};

/* ---- what they say */

static ngtcp2_cid cid_of(p2p_view id) {
        ngtcp2_cid cid;

        ngtcp2_cid_init(&cid, id.data, id.n);
        return cid;
}

static ngtcp2_ssize write_retry(quic_endpoint *e, const quic_answer *a, uint8_t *out) {
        const quic_question *q = &a->question;
        uint8_t token[NGTCP2_CRYPTO_MAX_RETRY_TOKENLEN], bytes[QUIC_CID_SIZE];
        ngtcp2_cid dcid = cid_of(q->dcid), scid = cid_of(q->scid), ours;
        quic_transport *t = e->transport;
        ngtcp2_ssize n;

        if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                return -1;
        ngtcp2_cid_init(&ours, bytes, sizeof(bytes));
        n = ngtcp2_crypto_generate_retry_token(token, t->retry_secret, sizeof(t->retry_secret), q->version,
                                               &a->remote.sa, quic_address_size(&a->remote), &ours, &dcid,
                                               p2p_loop_now(t->loop) * NGTCP2_MICROSECONDS);
        if (n < 0)
                return n;
        t->n_retries++;
        return ngtcp2_crypto_write_retry(out, PACKET_MAX, q->version, &scid, &ours, &dcid, token,
                                         (size_t) n);
}

static ngtcp2_ssize write_refusal(quic_endpoint *e _unused_, const quic_answer *a, uint8_t *out) {
        ngtcp2_cid dcid = cid_of(a->question.dcid), scid = cid_of(a->question.scid);

        return ngtcp2_crypto_write_connection_close(out, PACKET_MAX, a->question.version, &scid, &dcid,
                                                    NGTCP2_INVALID_TOKEN, NULL, 0);
}

static ngtcp2_ssize write_version(quic_endpoint *e _unused_, const quic_answer *a, uint8_t *out) {
        static const uint32_t versions[] = { NGTCP2_PROTO_VER_V1 };
        const quic_question *q = &a->question;
        uint8_t random;

        if (getrandom(&random, 1, 0) != 1)
                return -1;
        return ngtcp2_pkt_write_version_negotiation(out, PACKET_MAX, random, q->scid.data, q->scid.n,
                                                    q->dcid.data, q->dcid.n, versions, ELEMENTSOF(versions));
}

/* A byte less than what it answers: no endless talk of resets. */
static ngtcp2_ssize write_reset(quic_endpoint *e, const quic_answer *a, uint8_t *out) {
        uint8_t random[RESET_RANDOM_MAX], token[NGTCP2_STATELESS_RESET_TOKENLEN];
        size_t n_random = P2P_MIN(a->question.n - 1 - sizeof(token), sizeof(random));
        ngtcp2_cid cid = cid_of(a->question.dcid);

        if (quic_reset_token(e->transport, &cid, token) < 0 ||
            getrandom(random, sizeof(random), 0) != sizeof(random))
                return -1;
        return ngtcp2_pkt_write_stateless_reset(out, PACKET_MAX, token, random, n_random);
}

static ngtcp2_ssize (*const writers[])(quic_endpoint *e, const quic_answer *a, uint8_t *out) = {
        [QUIC_ANSWER_RETRY]   = write_retry,
        [QUIC_ANSWER_REFUSAL] = write_refusal,
        [QUIC_ANSWER_VERSION] = write_version,
        [QUIC_ANSWER_RESET]   = write_reset,
};

/* ---- whose turn it is */

static void forget(quic_endpoint *e, quic_answer *a) {
        p2p_list_unlink(&a->asked);
        e->n_asked--;
        free(a);
}

static void answer(quic_endpoint *e, quic_answer *a) {
        uint8_t packet[PACKET_MAX];
        ngtcp2_ssize n = writers[a->question.kind](e, a, packet);

        if (n > 0)
                quic_endpoint_send(e, &a->local, &a->remote, P2P_VIEW(packet, (size_t) n));
        forget(e, a);
}

static void on_answer(void *userdata) {
        quic_endpoint *e = userdata;
        p2p_list *node;

        for (unsigned i = 0; i < P2P_QUIC_ANSWERS_STEP && (node = p2p_list_first(&e->asked)); i++)
                answer(e, P2P_LIST_ENTRY(node, quic_answer, asked));
        if (e->n_asked > 0)
                p2p_task_post(&e->answer);
}

static bool has_room(const quic_endpoint *e, const quic_address *remote) {
        unsigned of_prefix = 0;
        quic_answer *a;

        if (e->n_asked >= P2P_QUIC_ANSWERS_WAITING)
                return false;
        P2P_LIST_FOREACH(a, (p2p_list *) &e->asked, quic_answer, asked)
                of_prefix += quic_address_same_prefix(&a->remote, remote);
        return of_prefix < P2P_QUIC_ANSWERS_PREFIX;
}

/* Takes the bytes to where they stay. */
static p2p_view copy(uint8_t *to, p2p_view id) {
        if (id.n > 0)
                memcpy(to, id.data, id.n);
        return P2P_VIEW(to, id.n);
}

bool quic_answer_later(quic_endpoint *e, const quic_arrival *from, const quic_question *q) {
        quic_answer *a;

        if (!has_room(e, &from->remote))
                return false;
        a = malloc(sizeof(*a) + q->dcid.n + q->scid.n);
        if (!a)
                return false;
        *a = (quic_answer){ .local = from->local, .remote = from->remote, .question = *q };
        a->question.dcid = copy(a->ids, q->dcid);
        a->question.scid = copy(a->ids + q->dcid.n, q->scid);
        p2p_list_init(&a->asked);
        p2p_list_append(&e->asked, &a->asked);
        e->n_asked++;
        p2p_task_post(&e->answer);
        return true;
}

void quic_answers_init(quic_endpoint *e) {
        p2p_list_init(&e->asked);
        p2p_task_init(&e->answer, e->transport->loop, on_answer, e);
        e->answer.slow = true;
}

void quic_answers_done(quic_endpoint *e) {
        p2p_list *node;

        while ((node = p2p_list_first(&e->asked)))
                forget(e, P2P_LIST_ENTRY(node, quic_answer, asked));
        p2p_task_cancel(&e->answer);
}
