/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A signature stops a fuzzer at the door; so the input is also sealed as a payload, by key A of wire
 * reference 19. */

#include "crypto/envelope.h"
#include "tests/fuzz/check.h"

static inline const p2p_identity *fuzz_identity(void) {
        static p2p_identity *id; /* for the life of the process */
        uint8_t seed[32];

        if (!id) {
                for (uint8_t i = 0; i < sizeof(seed); i++)
                        seed[i] = i;
                CHECK(p2p_identity_from_seed(seed, &id) == 0);
        }
        return id;
}

/* NULL: too large. */
static inline uint8_t *fuzz_seal(const char *domain, p2p_view type, p2p_view payload, size_t *ret_n) {
        uint8_t *out;

        return p2p_envelope_seal(fuzz_identity(), domain, type, payload, &out, ret_n) == 0 ? out : NULL;
}
