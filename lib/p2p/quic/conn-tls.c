/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TLS inside QUIC (wire reference 6 and 22.2): the certificates are those of TLS over channels, the rest is
 * ngtcp2's, or conn-guest.c's for who dialled us. The application protocol must be exactly "libp2p": GnuTLS
 * refuses a foreign one but not its absence, which is looked for when the handshake is over, in both roles
 * [tried]. Then the session of 16 KiB goes: what TLS says later (tickets) we do not want.
 */

#include <errno.h>

#include "crypto/cert.h"
#include "quic/quic-internal.h"

static const gnutls_datum_t alpn = { (unsigned char *) "libp2p", 6 };

static ngtcp2_conn *get_lib(ngtcp2_crypto_conn_ref *ref) {
        return ((quic_conn *) ref->user_data)->lib;
}

static int on_verify(gnutls_session_t tls) {
        ngtcp2_crypto_conn_ref *ref = gnutls_session_get_ptr(tls);
        quic_conn *c = ref->user_data;
        p2p_peer_id peer;
        int r;

        r = p2p_cert_verify_session(tls, &c->peer, &peer);
        if (r < 0) {
                c->refusal = r;
                return -1; /* bad_certificate */
        }
        c->is_proven = true;
        return 0;
}

int quic_tls_new(quic_conn *c) {
        unsigned flags = GNUTLS_NO_END_OF_EARLY_DATA;
        gnutls_session_t tls;
        int r;

        flags |= c->is_client ? GNUTLS_FORCE_CLIENT_CERT : GNUTLS_NO_AUTO_SEND_TICKET;
        r = p2p_cert_session_new(c->transport->identity, true,
                                 (c->is_client ? GNUTLS_CLIENT : GNUTLS_SERVER) | flags, &tls);
        if (r < 0)
                return r;

        c->tls = tls;
        c->ref = (ngtcp2_crypto_conn_ref) { .get_conn = get_lib, .user_data = c };
        gnutls_session_set_ptr(tls, &c->ref);
        if (gnutls_alpn_set_protocols(tls, &alpn, 1, GNUTLS_ALPN_MANDATORY) < 0)
                return -ENOMEM;
        if (!c->is_client)
                return quic_guest_new(c);
        gnutls_session_set_verify_function(tls, on_verify);
        return ngtcp2_crypto_gnutls_configure_client_session(tls) < 0 ? -ENOMEM : 0;
}

bool quic_tls_has_alpn(quic_conn *c) {
        gnutls_datum_t got = {};

        return gnutls_alpn_get_selected_protocol(c->tls, &got) == 0 &&
               p2p_view_equal(P2P_VIEW(got.data, got.size), P2P_VIEW(alpn.data, alpn.size));
}

void quic_tls_done(quic_conn *c) {
        if (!c->tls)
                return;
        c->guest = quic_guest_free(c->guest);
        if (c->lib)
                ngtcp2_conn_set_tls_native_handle(c->lib, NULL);
        gnutls_deinit(c->tls);
        c->tls = NULL;
}
