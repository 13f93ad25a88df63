/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Who gets an answer from a socket without a connection (answers.c makes it), and who becomes a connection.
 *
 * A first Initial is let in while few handshakes are in flight and few wait (strangers.c); else its sender
 * proves its address first (Retry), which costs us no state. Retry is also the only answer to the second
 * half of a hello that comes first (22.4): the first half then follows without a token, and must start
 * nothing. So Retries are remembered for a while by address and id. All other answers are rate limited, and
 * smaller than what they answer. A packet with no id of ours may also be a reset from a far side that lost
 * its memory; the connections to its address are asked.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "quic/quic-internal.h"

#define SAMPLES 8u /* arbitrary, as over TCP (host/inbound.c) */

static uint64_t now_of(const quic_endpoint *e) {
        return p2p_loop_now(e->transport->loop);
}

static bool may_answer(quic_endpoint *e) {
        return p2p_rate_take(&e->answers, now_of(e), P2P_QUIC_ANSWERS_MAX, P2P_QUIC_ANSWERS_RATE);
}

int quic_reset_token(const quic_transport *t, const ngtcp2_cid *cid,
                     uint8_t token[static NGTCP2_STATELESS_RESET_TOKENLEN]) {
        return ngtcp2_crypto_generate_stateless_reset_token(token, t->reset_secret, sizeof(t->reset_secret),
                                                            cid) == 0
                       ? 0
                       : -ENOMEM;
}

/* ---- version negotiation and reset */

void quic_answer_version(quic_endpoint *e, const quic_arrival *a, const ngtcp2_version_cid *vc) {
        if (e->listener && may_answer(e))
                (void) quic_answer_later(e, a,
                                         &(quic_question){ .kind = QUIC_ANSWER_VERSION,
                                                           .dcid = P2P_VIEW(vc->dcid, vc->dcidlen),
                                                           .scid = P2P_VIEW(vc->scid, vc->scidlen) });
}

/* Shares the socket with us one day. The fixed bit of QUIC would tell, if ngtcp2 did not grease it [RFC
 * 9287]. */
static bool is_stun(p2p_view datagram) {
        return !(datagram.data[0] & 0xc0) && datagram.n >= 8 &&
               memcmp(datagram.data + 4, "\x21\x12\xa4\x42", 4) == 0;
}

void quic_answer_unknown(quic_endpoint *e, const quic_arrival *a, p2p_view datagram, p2p_view dcid) {
        bool is_theirs = false;
        quic_conn *c;

        if (datagram.n < QUIC_RESET_MIN - 1 || is_stun(datagram) || !may_answer(e))
                return;
        P2P_LIST_FOREACH(c, &e->conns, quic_conn, conns)
                if (!quic_conn_is_guest(c) && quic_conn_is_at(c, &a->remote)) {
                        /* a reset for us: only the library knows its token */
                        (void) quic_conn_receive(c, a, datagram);
                        is_theirs = true;
                }
        if (!is_theirs && datagram.n >= QUIC_RESET_MIN)
                (void) quic_answer_later(
                        e, a, &(quic_question){ .kind = QUIC_ANSWER_RESET, .dcid = dcid, .n = datagram.n });
}

/* ---- Retry */

static void remember_twin(quic_endpoint *e, const quic_arrival *a, const ngtcp2_cid *dcid) {
        quic_twin *t;

        if (!e->twins)
                e->twins = calloc(P2P_QUIC_TWINS_MAX, sizeof(*e->twins));
        if (!e->twins)
                return;
        t = &e->twins[e->next_twin++ % P2P_QUIC_TWINS_MAX];
        *t = (quic_twin){ .until = now_of(e) + P2P_QUIC_TWIN_USEC,
                          .remote = a->remote,
                          .n = (uint8_t) dcid->datalen };
        memcpy(t->dcid, dcid->data, dcid->datalen);
}

static bool is_twin(const quic_endpoint *e, const quic_arrival *a, const ngtcp2_cid *dcid) {
        uint64_t now = now_of(e);

        for (unsigned i = 0; e->twins && i < P2P_QUIC_TWINS_MAX; i++) {
                const quic_twin *t = &e->twins[i];

                if (t->until > now &&
                    p2p_view_equal(P2P_VIEW(t->dcid, t->n), P2P_VIEW(dcid->data, dcid->datalen)) &&
                    quic_address_equal(&t->remote, &a->remote))
                        return true;
        }
        return false;
}

static bool answer_hello(quic_endpoint *e, const quic_arrival *a, const ngtcp2_pkt_hd *hd,
                         quic_answer_kind kind) {
        return quic_answer_later(e, a,
                                 &(quic_question){ .kind = kind,
                                                   .version = hd->version,
                                                   .dcid = P2P_VIEW(hd->dcid.data, hd->dcid.datalen),
                                                   .scid = P2P_VIEW(hd->scid.data, hd->scid.datalen) });
}

/* Its other half may come before the answer is made. */
static void retry(quic_endpoint *e, const quic_arrival *a, const ngtcp2_pkt_hd *hd) {
        if (answer_hello(e, a, hd, QUIC_ANSWER_RETRY))
                remember_twin(e, a, &hd->dcid);
}

/* 1: the address is proven, *ret is the id that the client chose first; 0: there is no token of ours; < 0: a
 * false or old one. */
static int check_token(quic_endpoint *e, const quic_arrival *a, const ngtcp2_pkt_hd *hd, ngtcp2_cid *ret) {
        p2p_view token = quic_shim_token(hd);
        quic_transport *t = e->transport;

        if (token.n == 0 || token.data[0] != NGTCP2_CRYPTO_TOKEN_MAGIC_RETRY)
                return 0; /* of an earlier life of somebody: we give none for later */
        if (ngtcp2_crypto_verify_retry_token(
                    ret, token.data, token.n, t->retry_secret, sizeof(t->retry_secret), hd->version,
                    &a->remote.sa, quic_address_size(&a->remote), &hd->dcid,
                    P2P_QUIC_RETRY_USEC * NGTCP2_MICROSECONDS, now_of(e) * NGTCP2_MICROSECONDS) != 0)
                return -EKEYREJECTED;
        return 1;
}

/* ---- who is let in */

static unsigned n_of(const quic_transport *t, const quic_address *network) {
        unsigned n = 0;
        quic_conn *c;

        P2P_LIST_FOREACH(c, (p2p_list *) &t->half_open, quic_conn, half_open)
                n += quic_address_same_prefix(&c->remote, network);
        return n;
}

/* Of this network, or of any (NULL). To end one whose TLS is at the worker would be to wait for it. */
static bool may_go(const quic_conn *c, const quic_address *network) {
        return !quic_guest_is_away(c->guest) && (!network || quic_address_same_prefix(&c->remote, network));
}

/* One of those who may go, drawn at random; NULL: nobody may. */
static quic_conn *draw(quic_transport *t, const quic_address *network) {
        unsigned n = 0, random;
        quic_conn *c;

        P2P_LIST_FOREACH(c, &t->half_open, quic_conn, half_open)
                n += may_go(c, network);
        if (n == 0 || getrandom(&random, sizeof(random), 0) != sizeof(random))
                return NULL;
        random %= n;
        P2P_LIST_FOREACH(c, &t->half_open, quic_conn, half_open)
                if (may_go(c, network) && random-- == 0)
                        break;
        return c;
}

/* One of the fullest network, as far as a few samples tell: to look at all would take too long. */
static quic_conn *draw_of_fullest(quic_transport *t) {
        quic_conn *fullest = NULL;
        unsigned most = 0;

        for (unsigned i = 0; i < SAMPLES; i++) {
                quic_conn *c = draw(t, NULL);
                unsigned n = c ? n_of(t, &c->remote) : 0;

                if (n > most) {
                        most = n;
                        fullest = c;
                }
        }
        return fullest ? draw(t, &fullest->remote) : NULL;
}

/* Room for one more handshake. Its network may have its share already, or all may have theirs: then another
 * one gives way, as over TCP, so that neither a neighbour's flood nor one from everywhere shuts a friend
 * out, however far away he is. */
static bool make_room(quic_endpoint *e, const quic_address *remote) {
        quic_transport *t = e->transport;

        if (n_of(t, remote) >= P2P_QUIC_HALF_OPEN_PREFIX)
                quic_conn_free(draw(t, remote));
        else if (t->n_half_open >= P2P_QUIC_HALF_OPEN_MAX)
                quic_conn_free(draw_of_fullest(t));
        return n_of(t, remote) < P2P_QUIC_HALF_OPEN_PREFIX && t->n_half_open < P2P_QUIC_HALF_OPEN_MAX;
}

/* Of an Initial that may begin a connection: 1, with the id that the client chose first; 0: its address is
 * not proven; < 0: leave it. */
static int read_initial(quic_endpoint *e, const quic_arrival *a, p2p_view datagram, ngtcp2_pkt_hd *hd,
                        ngtcp2_cid *ret_odcid) {
        int r;

        if (!e->listener || ngtcp2_accept(hd, datagram.data, datagram.n) != 0)
                return -EBADMSG;
        r = check_token(e, a, hd, ret_odcid);
        if (r < 0 && may_answer(e))
                (void) answer_hello(e, a, hd, QUIC_ANSWER_REFUSAL);
        return r == 0 && is_twin(e, a, &hd->dcid) ? -EALREADY : r;
}

/* What goes with one that waits already waits behind it. */
void quic_answer_initial(quic_endpoint *e, const quic_arrival *a, p2p_view datagram) {
        ngtcp2_pkt_hd hd;
        ngtcp2_cid odcid;
        p2p_view dcid;
        int r;

        r = read_initial(e, a, datagram, &hd, &odcid);
        if (r < 0)
                return;
        dcid = P2P_VIEW(hd.dcid.data, hd.dcid.datalen);
        if (r == 0 &&
            (e->transport->n_half_open + e->n_waiting >= P2P_QUIC_HALF_OPEN_RETRY ||
             e->n_waiting >= P2P_QUIC_ACCEPTS_MAX) &&
            !quic_stranger_waits(e, dcid))
                retry(e, a, &hd);
        else
                quic_stranger_wait(e, a, datagram, dcid);
}

void quic_admit(quic_endpoint *e, const quic_arrival *a, p2p_view datagram) {
        ngtcp2_pkt_hd hd;
        ngtcp2_cid odcid;
        quic_conn *c;
        int r;

        r = read_initial(e, a, datagram, &hd, &odcid);
        if (r < 0 || !make_room(e, &a->remote) ||
            quic_conn_new_server(e, &hd, r > 0 ? &odcid : NULL, a, &c) < 0)
                return;
        r = quic_conn_receive(c, a, datagram);
        if (r == NGTCP2_ERR_RETRY) {
                retry(e, a, &hd);
                quic_conn_on_error(c, r);
        }
}
