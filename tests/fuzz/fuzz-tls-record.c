/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TLS records behind a handshake. The first byte chooses the cipher, the pieces of the path and the reader's
 * buffer. The rest is read as records: a byte that says how much the far side seals (or, when odd, sends as
 * it is), and those bytes.
 */

#include <stdlib.h>
#include <string.h>

#include <p2p/macro.h>

#include "secure/sealed-channel.h"
#include "secure/tls-record.h"
#include "tests/support/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void must(bool ok) {
        if (!ok)
                abort();
}

static p2p_tls_state *state_new(unsigned choice, uint8_t in, uint8_t out) {
        static const gnutls_cipher_algorithm_t ciphers[] = { GNUTLS_CIPHER_AES_128_GCM,
                                                             GNUTLS_CIPHER_CHACHA20_POLY1305 };
        uint8_t a[32], b[32];
        p2p_tls_state *s;

        memset(a, in, sizeof(a));
        memset(b, out, sizeof(b));
        must(p2p_tls_state_new(ciphers[choice % 2], GNUTLS_DIG_SHA256, P2P_VIEW(a, 32), P2P_VIEW(b, 32),
                               &s) >= 0);
        return s;
}

/* Reads what is there: never more than was sent. */
static void read_all(p2p_channel *c, size_t size, size_t *left) {
        static uint8_t to[P2P_TLS_RECORD_MAX + 1];
        ssize_t k;

        while ((k = p2p_channel_read(c, to, size)) > 0) {
                must((size_t) k <= size && (size_t) k <= *left);
                *left -= (size_t) k;
        }
        (void) p2p_channel_write(c, "answer", 6);
}

static size_t make_record(p2p_tls_state *far, uint8_t how, p2p_view content, uint8_t *to) {
        uint8_t ad[5] = { 23, 3, 3, 0, (uint8_t) (content.n + 16) };

        if (how & 1 || content.n == 0) {
                memcpy(to, content.data, content.n);
                return content.n;
        }
        memcpy(to, ad, 5);
        memcpy(to + 5, content.data, content.n);
        must(p2p_tls_cipher_seal(&far->out, P2P_VIEW(ad, 5), to + 5, content.n) >= 0);
        if (content.n == 6 && memcmp(content.data, "\x18\0\0\x01", 4) == 0 && content.data[5] == 22)
                must(p2p_tls_cipher_update(&far->out) >= 0); /* it does as it says */
        return content.n + 21;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static p2p_loop *loop; /* outlives the runs */
        p2p_memory_options memory = { .capacity = 8192 };
        p2p_channel *near, *far, *sealed;
        p2p_tls_state *state;
        size_t size, left = n;

        if (n < 1)
                return 0;
        if (!loop)
                must(p2p_loop_new_manual(&loop) >= 0);
        memory.read_max = data[0] & 2 ? 7 : 0;
        size = data[0] & 4 ? 100 : P2P_TLS_RECORD_MAX + 1;
        must(p2p_memory_pair(loop, &memory, &near, &far) >= 0);
        must(p2p_sealed_channel_new(loop, near, &p2p_tls_format, state_new(data[0], 1, 2), &sealed) >= 0);
        state = state_new(data[0], 2, 1);
        for (size_t at = 1; at < n;) {
                uint8_t how = data[at++], record[256];
                size_t part = P2P_MIN((size_t) (how >> 1), n - at), made;

                made = make_record(state, how, P2P_VIEW(data + at, part), record);
                at += part;
                (void) p2p_channel_write(far, record, made);
                (void) p2p_loop_settle(loop);
                read_all(sealed, size, &left);
                (void) p2p_channel_read(far, record, sizeof(record));
        }
        (void) p2p_channel_shutdown(far);
        read_all(sealed, size, &left);
        p2p_tls_format.free(state);
        p2p_channel_free(far);
        p2p_channel_free(sealed);
        (void) p2p_loop_settle(loop);
        return 0;
}
