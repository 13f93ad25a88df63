/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The certificate of a peer, in the year 2026. What is taken has an id, and no longer than it is. */

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
        }
        return 0;
}
