/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Noise's records as a format of sealed ones: a key and a counter each way, and no end but the path's. */

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "secure/noise-channel.h"
#include "secure/noise-record.h"
#include "secure/sealed-channel.h"

typedef struct noise_state {
        p2p_noise_cipher in, out;
} noise_state;

static uint32_t record_size(const uint8_t *head) {
        return 2u + (uint32_t) head[0] * 256 + head[1];
}

static int noise_open(void *state, uint8_t *data, size_t n, size_t *ret_plain, size_t *ret_sealed) {
        return p2p_noise_records_open(&((noise_state *) state)->in, data, n, ret_plain, ret_sealed);
}

static ssize_t noise_seal(void *state, uint8_t *record, size_t n) {
        return p2p_noise_record_seal(&((noise_state *) state)->out, record, n);
}

static void noise_state_free(void *state) {
        sodium_memzero(state, sizeof(noise_state));
        free(state);
}

static const p2p_seal_format noise_format = {
        .head_size = 2,
        .overhead = P2P_NOISE_RECORD_OVERHEAD,
        .plain_max = P2P_NOISE_PLAIN_MAX,
        .record_max = P2P_NOISE_RECORD_MAX,
        .record_size = record_size,
        .open = noise_open,
        .seal = noise_seal,
        .free = noise_state_free,
};

int p2p_noise_channel_new(p2p_loop *loop, p2p_channel *below, const uint8_t send_key[static 32],
                          const uint8_t receive_key[static 32], p2p_channel **ret) {
        noise_state *state;
        int r;

        state = calloc(1, sizeof(*state));
        if (!state)
                return -ENOMEM;
        memcpy(state->out.key, send_key, sizeof(state->out.key));
        memcpy(state->in.key, receive_key, sizeof(state->in.key));
        r = p2p_sealed_channel_new(loop, below, &noise_format, state, ret);
        if (r < 0)
                noise_state_free(state);
        return r;
}
