/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Drives a Noise XX handshake over a channel (wire reference 5): three frames, be16(n) and n bytes.
 *
 * Frames are read to the byte: what is glued behind the last one is the sealed channel's, which only begins
 * once our own last frame has left. Keys are made for this handshake and die with it; a responder makes them
 * for who sent a first frame. The far side is judged as soon as its payload came, so an initiator that meets
 * the wrong peer never sends its own identity. Any failure resets the channel: there is no alert.
 *
 * Whoever connects can have all of this done, so the arithmetic is the worker's: it has the state from a
 * whole frame on until another is due, and puts what is to be sent in `out`. The loop reads and sends, and
 * touches nothing else meanwhile.
 */

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>

#include "crypto/x25519.h"
#include "io/worker.h"
#include "secure/noise-channel.h"
#include "secure/noise-payload.h"
#include "secure/noise.h"
#include "secure/secure.h"
#include "wire/reader.h"

#define FRAME_MAX (P2P_NOISE_PAYLOAD_MAX + P2P_NOISE_OVERHEAD_MAX)

struct p2p_secure {
        p2p_loop *loop;
        p2p_channel *channel;
        const p2p_identity *identity;  /* borrowed */
        const char *const *muxers;     /* borrowed */
        p2p_peer_id expected;          /* n is 0 for whoever it is */
        p2p_secure_fn done;
        void *userdata;
        p2p_task wake;
        p2p_job job;
        int outcome; /* of the last job: < 0, why it failed. The rest is the job's, while that is busy */
        p2p_noise_state noise;
        bool has_keys, has_frame, is_opened, is_complete;
        p2p_secure_result result;
        uint8_t head[2];
        uint8_t *frame;                /* frame_size bytes, once head is complete */
        size_t n, frame_size;          /* n: bytes of head and frame that have come */
        p2p_view payload;              /* theirs, in frame, while is_opened */
        uint8_t *our_payload;
        size_t our_payload_n;
        uint8_t *out;
        size_t out_sent, out_n;
};

static p2p_secure *noise_free(p2p_secure *s) {
        if (!s)
                return NULL;
        p2p_job_cancel(&s->job);
        p2p_channel_free(s->channel);
        p2p_task_cancel(&s->wake);
        p2p_noise_done(&s->noise);
        free(s->frame);
        free(s->our_payload);
        free(s->out);
        free(s);
        return NULL;
}

/* The sealed channel takes the one below over. */
static int seal_channel(p2p_secure *s) {
        uint8_t send_key[P2P_NOISE_KEY_SIZE], receive_key[P2P_NOISE_KEY_SIZE];
        int r;

        p2p_noise_split(&s->noise, send_key, receive_key);
        r = p2p_noise_channel_new(s->loop, s->channel, send_key, receive_key, &s->result.channel);
        sodium_memzero(send_key, sizeof(send_key));
        sodium_memzero(receive_key, sizeof(receive_key));
        if (r < 0)
                return r;
        s->channel = NULL;
        return 0;
}

static void finish(p2p_secure *s, int error) {
        p2p_secure_result result;
        p2p_secure_fn done;
        void *userdata;

        p2p_task_cancel(&s->wake);
        p2p_channel_set_wake(s->channel, NULL);
        if (error >= 0)
                error = seal_channel(s);
        if (error < 0) {
                p2p_channel_reset(s->channel, 0);
                s->channel = p2p_channel_free(s->channel);
        }

        result = s->result;
        done = s->done;
        userdata = s->userdata;
        noise_free(s);
        done(error < 0 ? NULL : &result, error < 0 ? error : 0, userdata);
}

/* 0: all has left; -EAGAIN: the wake follows. */
static int flush(p2p_secure *s) {
        while (s->out_sent < s->out_n) {
                ssize_t k;

                k = p2p_channel_write(s->channel, s->out + s->out_sent, s->out_n - s->out_sent);
                if (k < 0)
                        return (int) k;
                s->out_sent += (size_t) k;
                s->job.stranger = false;
        }
        free(s->out);
        s->out = NULL;
        s->out_sent = s->out_n = 0;
        return 0;
}

static bool is_our_turn(const p2p_secure *s) {
        return s->noise.initiator == (s->noise.step % 2 == 0);
}

static int make_keys(p2p_secure *s) {
        uint8_t secret_static[P2P_X25519_SIZE], secret_ephemeral[P2P_X25519_SIZE];

        randombytes_buf(secret_static, sizeof(secret_static));
        randombytes_buf(secret_ephemeral, sizeof(secret_ephemeral));
        p2p_noise_init(&s->noise, s->noise.initiator, secret_static, secret_ephemeral);
        sodium_memzero(secret_static, sizeof(secret_static));
        sodium_memzero(secret_ephemeral, sizeof(secret_ephemeral));
        s->has_keys = true;
        return p2p_noise_payload_encode(s->identity, s->noise.static_public, s->muxers, &s->our_payload,
                                        &s->our_payload_n);
}

/* The next message of ours as a frame in `out`. The first carries no payload. */
static int write_message(p2p_secure *s) {
        size_t n = s->noise.step > 0 ? s->our_payload_n : 0;
        p2p_writer w, head;
        int complete;

        s->out = malloc(2 + P2P_NOISE_OVERHEAD_MAX + n);
        if (!s->out)
                return -ENOMEM;

        w = P2P_WRITER(s->out, 2 + P2P_NOISE_OVERHEAD_MAX + n);
        p2p_write_be16(&w, 0);
        complete = p2p_noise_write(&s->noise, P2P_VIEW(s->our_payload, n), &w);
        if (complete < 0)
                return complete;
        head = P2P_WRITER(s->out, 2);
        p2p_write_be16(&head, (uint16_t) (w.n - 2));
        s->out_n = w.n;
        s->is_complete = complete > 0;
        return 0;
}

/* Reads up to `end` bytes of head and frame. 1 when they are there, 0 dry. */
static int read_until(p2p_secure *s, uint8_t *data, size_t start, size_t end) {
        while (s->n < end) {
                ssize_t k;

                k = p2p_channel_read(s->channel, data + (s->n - start), end - s->n);
                if (k == -EAGAIN)
                        return 0;
                if (k <= 0)
                        return k < 0 ? (int) k : -ECONNRESET;
                s->n += (size_t) k;
        }
        return 1;
}

/* 1: a whole frame is there. */
static int read_frame(p2p_secure *s) {
        p2p_reader rd = P2P_READER(P2P_VIEW(s->head, sizeof(s->head)));
        int r;

        if (!s->frame) {
                r = read_until(s, s->head, 0, sizeof(s->head));
                if (r <= 0)
                        return r;
                s->frame_size = p2p_read_be16(&rd);
                if (s->frame_size > FRAME_MAX)
                        return -EMSGSIZE;
                if (s->frame_size < P2P_NOISE_KEY_SIZE) /* every message has a key */
                        return -EBADMSG;
                s->frame = malloc(s->frame_size);
                if (!s->frame)
                        return -ENOMEM;
        }
        return read_until(s, s->frame, sizeof(s->head), sizeof(s->head) + s->frame_size);
}

static int open_frame(p2p_secure *s) {
        int complete;

        complete = p2p_noise_read(&s->noise, s->frame, s->frame_size, &s->payload);
        if (complete < 0)
                return complete;
        s->has_frame = false;
        s->is_opened = true;
        s->is_complete = complete > 0;
        return 0;
}

/* What a first message carries is in the clear and means nothing [go-libp2p]. */
static int judge_payload(p2p_secure *s) {
        int r = 0;

        if (s->noise.step > 1)
                r = p2p_noise_payload_open(s->payload, s->noise.far_static, s->muxers, s->noise.initiator,
                                           &s->result.peer, &s->result.muxer);
        free(s->frame);
        s->frame = NULL;
        s->n = 0;
        s->is_opened = false;
        if (r < 0)
                return r;
        if (s->noise.step > 1 && s->expected.n > 0 && !p2p_peer_id_equal(&s->expected, &s->result.peer))
                return -EKEYREJECTED;
        return 0;
}

/* ---- the job */

/* 1: done; 0: a frame is due first. */
static int step(p2p_secure *s) {
        int r;

        if (s->is_opened)
                r = judge_payload(s);
        else if (!s->has_frame && !is_our_turn(s))
                return 0;
        else if (!s->has_keys)
                r = make_keys(s);
        else
                r = s->has_frame ? open_frame(s) : write_message(s);
        return r < 0 ? r : 1;
}

static bool is_done(const p2p_secure *s) {
        return s->is_complete && !s->is_opened;
}

static void run_steps(void *userdata) {
        p2p_secure *s = userdata;

        do
                s->outcome = step(s);
        while (s->outcome > 0 && !is_done(s));
}

/* ---- the loop */

/* 1: complete; 0: the wake, or the job, tells when there is more to do. */
static int advance(p2p_secure *s) {
        int r;

        if (s->outcome < 0)
                return s->outcome;
        r = flush(s);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;
        if (is_done(s))
                return 1;
        if (!is_our_turn(s)) {
                r = read_frame(s);
                if (r <= 0)
                        return r;
                s->has_frame = true;
        }
        return p2p_job_start(&s->job);
}

static void on_wake(void *userdata) {
        p2p_secure *s = userdata;
        int r;

        if (p2p_job_is_busy(&s->job))
                return;
        r = advance(s);
        if (r != 0)
                finish(s, r < 0 ? r : 0);
}

static int noise_start(p2p_loop *loop, p2p_channel *channel, const p2p_secure_options *options,
                       p2p_secure_fn done, void *userdata, p2p_secure **ret) {
        p2p_secure *s;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (p2p_secure){
                .loop = loop,
                .channel = channel,
                .identity = options->identity,
                .muxers = options->muxers,
                .noise.initiator = options->initiator,
                .done = done,
                .userdata = userdata,
        };
        if (options->expected)
                s->expected = *options->expected;

        p2p_job_init(&s->job, loop, run_steps, on_wake, s);
        s->job.stranger = !options->initiator;
        s->job.own = options->initiator;
        p2p_task_init(&s->wake, loop, on_wake, s);
        s->wake.slow = true;
        p2p_channel_set_wake(channel, &s->wake);
        p2p_task_post(&s->wake);

        *ret = s;
        return 0;
}

const p2p_security p2p_noise = {
        .protocol = "/noise",
        .start = noise_start,
        .free = noise_free,
};
