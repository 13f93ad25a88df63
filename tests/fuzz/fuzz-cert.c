/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificate of a peer, in the year 2026, and the message that brings it. What is taken has an id, and no longer
 * than it is; and what is looked at before GnuTLS verifies with its key refuses nothing that is taken. */

#include <stdlib.h>
#include <string.h>

#include "crypto/cert-parse.h"
#include "crypto/cert.h"

#define IN_2026 1795278130 /* when the forged ones of the corpus are valid */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok) {
        if (!ok)
                abort();
}

static bool is_within(p2p_view part, p2p_view all) {
        return part.data >= all.data && part.n <= all.n && part.data + part.n <= all.data + all.n;
}

/* 0: GnuTLS may go on with it. */
static int look_at(const uint8_t *message, size_t n) {
        const gnutls_datum_t datum = { (unsigned char *) message, (unsigned) n };
        int r;

        r = p2p_cert_on_message(NULL, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_POST, 1, &datum);
        must(r <= 0);
        must(p2p_cert_on_message(NULL, GNUTLS_HANDSHAKE_CERTIFICATE_PKT, GNUTLS_HOOK_POST, 0, &datum) == 0);
        return r;
}

/* RFC 8446, section 4.4.2, with a list of this one. */
static int look_at_message_of(const uint8_t *der, size_t n) {
        const size_t list = 3 + n + 2, all = 1 + 3 + list;
        uint8_t *message = malloc(all);
        int r;

        must(message != NULL);
        memcpy(message,
               (uint8_t[]){ 0, (uint8_t) (list >> 16), (uint8_t) (list >> 8), (uint8_t) list, (uint8_t) (n >> 16),
                            (uint8_t) (n >> 8), (uint8_t) n },
               7);
        memcpy(message + 7, der, n);
        message[7 + n] = message[8 + n] = 0; /* extensions */
        r = look_at(message, all);
        free(message);
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        p2p_view in = P2P_VIEW(data, n), of[5];
        p2p_cert_parts parts;
        p2p_peer_id id, again;
        p2p_key_type type;
        int r;

        if (p2p_cert_parse(in, &parts) == 0) {
                memcpy(of,
                       (p2p_view[]){ parts.tbs, parts.spki, parts.signature, parts.host_key,
                                     parts.host_signature },
                       sizeof(of));
                for (size_t i = 0; i < 5; i++)
                        must(is_within(of[i], in));
                must(p2p_cert_parse(P2P_VIEW(data, n - 1), &parts) < 0);
        }
        r = p2p_cert_verify(in, IN_2026, &id, &type);
        must(r <= 0 && type <= _P2P_KEY_TYPE_MAX);
        if (r == 0) {
                must(n <= P2P_CERT_MAX && p2p_peer_id_decode(p2p_peer_id_view(&id), &again) == 0);
                must(type != P2P_KEY_SECP256K1);
                must(look_at_message_of(data, n) == 0);
        } else if (n > 0)
                (void) look_at_message_of(data, n);
        (void) look_at(data, n);
        return 0;
}
