/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Two Noise sides over channels, and somebody between them. The first byte is the size of the pieces that pass,
 * the second says whom the initiator expects and which side offers a muxer. Every four bytes after that change
 * something on its way: direction and kind, offset in that direction (two bytes), value.
 *
 * Whatever is changed: who completes has proven the other side and nobody else, and what is read is a beginning of
 * what was written. Where nothing is changed both complete and everything arrives.
 */

#include <errno.h>
#include <string.h>

#include <p2p/macro.h>

#include "secure/secure.h"
#include "tests/fuzz/check.h"
#include "tests/support/memory.h"

#define CHANGES_MAX 32u
#define TEXT_SIZE 700u

enum { FLIP, INSERT, DROP, CUT };

typedef struct change {
        unsigned direction, kind, offset;
        uint8_t value;
} change;

typedef struct side {
        const p2p_identity *identity, *other;
        p2p_secure *secure;
        p2p_channel *channel;
        const char *muxer;
        bool done;
        int error;
        p2p_task wake;
        uint8_t text[TEXT_SIZE], heard[TEXT_SIZE + 1];
        size_t n_said, n_heard;
        bool ended;
} side;

/* One direction of the one between: what `from` gives goes to `to`. */
typedef struct way {
        p2p_channel *from, *to;
        unsigned direction, offset;
        bool closed;
} way;

typedef struct game {
        p2p_loop *loop;
        side sides[2];
        p2p_channel *middle[2];
        way ways[2];
        change changes[CHANGES_MAX];
        unsigned n_changes;
        size_t piece;
        bool wrong, touched;
} game;

static void on_wake(void *userdata) {
        (void) userdata; /* everything is tried in every round */
}

static void on_secured(p2p_secure_result *result, int error, void *userdata) {
        side *s = userdata;

        s->secure = NULL;
        s->done = true;
        s->error = error;
        if (error < 0) {
                CHECK(!result);
                return;
        }
        CHECK(p2p_peer_id_equal(&result->peer, p2p_identity_peer_id(s->other)));
        s->channel = TAKE_PTR(result->channel);
        s->muxer = result->muxer;
        p2p_channel_set_wake(s->channel, &s->wake);
}

/* Made once: three identities, one of which nobody has. */
static const p2p_identity *identity_of(unsigned i) {
        static p2p_identity *identities[3];
        uint8_t seed[32];

        if (!identities[i]) {
                memset(seed, (int) i + 1, sizeof(seed));
                CHECK(p2p_identity_from_seed(seed, &identities[i]) >= 0);
        }
        return identities[i];
}

static void start_side(game *g, unsigned i, p2p_channel *channel, bool muxer) {
        static const char *const muxers[] = { "/yamux/1.0.0", NULL }, *const none[] = { NULL };
        side *s = &g->sides[i];
        p2p_secure_options options = {
                .identity = identity_of(i), .muxers = muxer ? muxers : none, .initiator = i == 0,
                .expected = i == 0 ? p2p_identity_peer_id(identity_of(g->wrong ? 2 : 1)) : NULL,
        };

        s->identity = options.identity;
        s->other = identity_of(1 - i);
        for (size_t k = 0; k < TEXT_SIZE; k++)
                s->text[k] = (uint8_t) (k * (i + 3));
        p2p_task_init(&s->wake, g->loop, on_wake, s);
        CHECK(p2p_noise.start(g->loop, channel, &options, on_secured, s, &s->secure) >= 0);
}

static void read_changes(game *g, const uint8_t *data, size_t n) {
        for (; n >= 4 && g->n_changes < CHANGES_MAX; data += 4, n -= 4)
                g->changes[g->n_changes++] = (change){ .direction = data[0] & 1,
                                                       .kind = data[0] >> 1 & 3,
                                                       .offset = data[1] | (unsigned) data[2] << 8,
                                                       .value = data[3] };
}

static void start(game *g, const uint8_t *data, size_t n) {
        static p2p_loop *loop; /* outlives the runs */
        p2p_channel *ends[2];

        if (!loop)
                CHECK(p2p_loop_new_manual(&loop) >= 0);
        *g = (game){ .loop = loop, .piece = data[0] + 1u, .wrong = data[1] & 1 };
        read_changes(g, data + 2, n - 2);
        for (unsigned i = 0; i < 2; i++)
                CHECK(p2p_memory_pair(loop, NULL, &ends[i], &g->middle[i]) >= 0);
        for (unsigned i = 0; i < 2; i++) {
                g->ways[i] = (way){ .from = g->middle[i], .to = g->middle[1 - i], .direction = i };
                start_side(g, i, ends[i], data[1] >> (1 + i) & 1);
        }
}

/* Appends what becomes of a byte; true: nothing follows it. */
static bool change_byte(game *g, const way *w, uint8_t byte, uint8_t *out, size_t *n) {
        bool dropped = false;

        for (unsigned i = 0; i < g->n_changes; i++) {
                const change *c = &g->changes[i];

                if (c->direction != w->direction || c->offset != w->offset)
                        continue;
                g->touched |= c->kind != FLIP || c->value != 0;
                switch (c->kind) {
                case FLIP:
                        byte ^= c->value;
                        break;
                case INSERT:
                        out[(*n)++] = c->value;
                        break;
                case DROP:
                        dropped = true;
                        break;
                case CUT:
                        return true;
                }
        }
        if (!dropped)
                out[(*n)++] = byte;
        return false;
}

/* One piece further. True: something moved. */
static bool forward(game *g, way *w) {
        uint8_t in[256], out[256 * (1 + CHANGES_MAX)];
        bool cut = false;
        size_t n_out = 0;
        ssize_t n;

        if (w->closed)
                return false;
        n = p2p_channel_read(w->from, in, g->piece);
        if (n == -EAGAIN)
                return false;
        for (ssize_t i = 0; i < n && !cut; i++, w->offset++)
                cut = change_byte(g, w, in[i], out, &n_out);
        if (n_out > 0 && p2p_channel_write(w->to, out, n_out) < 0)
                cut = true; /* the other side has gone */
        if (n <= 0 || cut) {
                w->closed = true;
                (void) p2p_channel_shutdown(w->to);
        }
        return true;
}

static bool talk(side *s, const side *other) {
        ssize_t n, k = 0;

        if (!s->channel || s->ended)
                return false;
        if (s->n_said < TEXT_SIZE) {
                k = p2p_channel_write(s->channel, s->text + s->n_said, P2P_MIN(TEXT_SIZE - s->n_said, (size_t) 300));
                s->n_said += k > 0 ? (size_t) k : 0;
        }
        n = p2p_channel_read(s->channel, s->heard + s->n_heard, sizeof(s->heard) - s->n_heard);
        s->ended = n != -EAGAIN && n <= 0;
        s->n_heard += n > 0 ? (size_t) n : 0;
        CHECK(s->n_heard <= other->n_said && memcmp(s->heard, other->text, s->n_heard) == 0);
        return k > 0 || n > 0;
}

static void check_end(const game *g) {
        const side *a = &g->sides[0], *b = &g->sides[1];

        if (a->channel && b->channel)
                CHECK(a->muxer == b->muxer);
        if (g->wrong)
                CHECK(!a->channel && !b->channel);
        if (g->touched)
                return;
        CHECK(a->done && b->done);
        if (g->wrong)
                CHECK(a->error == -EKEYREJECTED);
        else
                CHECK(a->n_heard == TEXT_SIZE && b->n_heard == TEXT_SIZE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        bool moved = true;
        game g;

        if (n < 2)
                return 0;
        start(&g, data, n);
        while (moved) {
                (void) p2p_loop_settle(g.loop);
                moved = false;
                for (unsigned i = 0; i < 2; i++) {
                        moved |= forward(&g, &g.ways[i]);
                        (void) p2p_loop_settle(g.loop);
                        moved |= talk(&g.sides[i], &g.sides[1 - i]);
                }
        }
        check_end(&g);
        for (unsigned i = 0; i < 2; i++) {
                p2p_noise.free(g.sides[i].secure);
                p2p_channel_free(g.sides[i].channel);
                p2p_task_cancel(&g.sides[i].wake);
                p2p_channel_free(g.middle[i]);
        }
        (void) p2p_loop_advance(g.loop, 10 * USEC_PER_SEC); /* what lingers */
        return 0;
}
