/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * QUIC under whatever comes, through our endpoint and connection with the real library. The first byte
 * chooses:
 *
 *   strangers   datagrams at a listener, with real packet protection
 *   hellos      the same without any: what follows an Initial's header is its frames, as they are read
 *   peers       an established connection of ours, without packet protection: the input is what a packet of
 * the far side's holds
 *
 * Protection is switched off by functions of the library's names that are defined here. Datagrams follow
 * each other with a length of two bytes. Between them the owner does what owners do, in turn.
 */

#include <string.h>

#include "quic/quic-internal.h"
#include "tests/fuzz/check.h"
#include "tests/support/quic-pair.h"

#define N_STREAMS 8u
#define PACKET_MAX 1500u

static bool is_bare;

int ngtcp2_crypto_encrypt_cb(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                             const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *plain, size_t n,
                             const uint8_t *nonce, size_t n_nonce, const uint8_t *aad, size_t n_aad) {
        if (!is_bare)
                return ngtcp2_crypto_encrypt(dest, aead, ctx, plain, n, nonce, n_nonce, aad, n_aad) == 0
                               ? 0
                               : NGTCP2_ERR_CALLBACK_FAILURE;
        memmove(dest, plain, n);
        memset(dest + n, 0, aead->max_overhead);
        return 0;
}

int ngtcp2_crypto_decrypt_cb(uint8_t *dest, const ngtcp2_crypto_aead *aead,
                             const ngtcp2_crypto_aead_ctx *ctx, const uint8_t *sealed, size_t n,
                             const uint8_t *nonce, size_t n_nonce, const uint8_t *aad, size_t n_aad) {
        if (!is_bare)
                return ngtcp2_crypto_decrypt(dest, aead, ctx, sealed, n, nonce, n_nonce, aad, n_aad) == 0
                               ? 0
                               : NGTCP2_ERR_DECRYPT;
        if (n < aead->max_overhead)
                return NGTCP2_ERR_DECRYPT;
        memmove(dest, sealed, n - aead->max_overhead);
        return 0;
}

int ngtcp2_crypto_hp_mask_cb(uint8_t *dest, const ngtcp2_crypto_cipher *hp,
                             const ngtcp2_crypto_cipher_ctx *ctx, const uint8_t *sample) {
        if (!is_bare)
                return ngtcp2_crypto_hp_mask(dest, hp, ctx, sample) == 0 ? 0 : NGTCP2_ERR_CALLBACK_FAILURE;
        memset(dest, 0, NGTCP2_HP_MASKLEN);
        return 0;
}

/* ---- what an owner does */

typedef struct owner {
        p2p_session *session;
        p2p_channel *streams[N_STREAMS];
} owner;

static void own(owner *o, p2p_channel *c) {
        for (unsigned i = 0; i < N_STREAMS; i++)
                if (!o->streams[i]) {
                        o->streams[i] = c;
                        return;
                }
        p2p_channel_free(c);
}

static void act(owner *o, unsigned step) {
        static uint8_t bytes[3000];
        p2p_channel **c = &o->streams[step / 8 % N_STREAMS], *fresh;

        while (o->session->ops->accept(o->session, &fresh) > 0)
                own(o, fresh);
        if (!*c) {
                if (o->session->ops->open(o->session, &fresh) >= 0)
                        own(o, fresh);
                return;
        }
        switch (step % 9) {
        case 0 ... 2:
                (void) p2p_channel_read(*c, bytes, sizeof(bytes));
                break;
        case 3 ... 5:
                (void) p2p_channel_write(*c, bytes, sizeof(bytes));
                break;
        case 6:
                (void) p2p_channel_shutdown(*c);
                break;
        case 7:
                p2p_channel_reset(*c, 0x1002);
                break;
        case 8:
                *c = p2p_channel_free(*c);
                break;
        }
}

/* ---- the three places to be at */

/* The next datagram of the input: false at its end. */
static bool next(p2p_view *in, p2p_view *ret) {
        size_t n;

        if (in->n < 2)
                return false;
        n = P2P_MIN((size_t) (in->data[0] << 8 | in->data[1]), in->n - 2);
        *ret = P2P_VIEW(in->data + 2, n);
        *in = P2P_VIEW(in->data + 2 + n, in->n - 2 - n);
        return true;
}

static void be_a_stranger(quic_pair *p, p2p_view in) {
        uint8_t packet[PACKET_MAX];
        p2p_view datagram;

        while (next(&in, &datagram)) {
                size_t n = P2P_MIN(datagram.n, sizeof(packet));

                memset(packet, 0, sizeof(packet));
                memcpy(packet, datagram.data, n);
                n = n > 1 && packet[0] & 0x80 ? P2P_MAX(n, 1200u) : n; /* short ones would be ignored */
                CHECK(send(p->wire.fd_far, packet, n, 0) >= 0 || n == 0);
                CHECK(p2p_loop_advance(p->loop, 1000) >= 0);
        }
        CHECK(p2p_quic_n_half_open(p->b.transport) <= P2P_QUIC_HALF_OPEN_MAX);
        CHECK(p2p_loop_advance(p->loop, P2P_QUIC_HANDSHAKE_USEC + P2P_QUIC_TOMB_USEC) >= 0);
        CHECK(p2p_quic_n_half_open(p->b.transport) == 0);
}

/* In a packet with the next number, from where the far side is. */
static void be_heard(quic_conn *c, unsigned number, p2p_view frames) {
        quic_arrival a = { .local = c->local, .remote = c->remote };
        uint8_t packet[PACKET_MAX] = { 0x43 };
        size_t n = P2P_MIN(frames.n, sizeof(packet) - 64);

        if (!c->lib)
                return;
        number += 1000; /* beyond those of the handshake */
        memcpy(packet + 5, frames.data, n);
        for (unsigned i = 0; i < 4; i++)
                packet[1 + i] = (uint8_t) (number >> (24 - 8 * i));
        memmove(packet + 1 + QUIC_CID_SIZE, packet + 1, 4 + n);
        memset(packet + 1, 0, QUIC_CID_SIZE);

        ngtcp2_cid cids[64]; /* the library gives no more than its eight and the first */

        if (ngtcp2_conn_get_scid(c->lib, cids) == 0)
                return;
        memcpy(packet + 1, cids[0].data, QUIC_CID_SIZE);
        n = P2P_MAX(1 + QUIC_CID_SIZE + 4 + n, 25u) + 16;
        (void) quic_conn_receive(c, &a, P2P_VIEW(packet, n));
}

static void be_a_peer(quic_pair *p, p2p_view in, bool client) {
        owner o = { .session = client ? p->a.session : p->b.session };
        p2p_view frames;
        unsigned step = 0;

        while (next(&in, &frames)) {
                be_heard(container_of(o.session, quic_conn, session), step, frames);
                act(&o, step++);
                CHECK(p2p_loop_advance(p->loop, 1000) >= 0);
                CHECK(p2p_quic_buffered(o.session) <= quic_pair_options.conn_buffer);
        }
        for (unsigned i = 0; i < N_STREAMS; i++)
                p2p_channel_free(o.streams[i]);
        CHECK(p2p_loop_advance(p->loop, USEC_PER_SEC) >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        enum { STRANGERS, HELLOS, PEERS_OF_A_SERVER, PEERS_OF_A_CLIENT, _KINDS };
        static quic_pair p; /* large */
        unsigned kind;

        if (n < 1)
                return 0;
        kind = data[0] % _KINDS;
        is_bare = kind != STRANGERS;
        quic_pair_options.conn_buffer = 4u << 20;
        quic_pair_options.streams = N_STREAMS;
        quic_pair_init(&p);
        if (kind >= PEERS_OF_A_SERVER) {
                quic_pair_connect(&p);
                CHECK(p.a.session && p.b.session);
                p.wire.cut = true; /* from now on the input is the far side: the real one would protest */
                be_a_peer(&p, P2P_VIEW(data + 1, n - 1), kind == PEERS_OF_A_CLIENT);
        } else {
                CHECK(connect(p.wire.fd_far, (struct sockaddr *) &p.wire.listener,
                              sizeof(p.wire.listener)) == 0);
                be_a_stranger(&p, P2P_VIEW(data + 1, n - 1));
        }
        quic_pair_done(&p);
        return 0;
}
