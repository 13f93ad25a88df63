/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The responder of multistream-select (wire reference 3).
 *
 * Its header leaves before anything was read, as go's does. Then one token at a time: the header, and
 * proposals until one is ours; every other token, `ls` and a second header included, is answered `na`. An
 * answer that is still in the way stops the reading, so an asker that never reads costs one answer. A far
 * side may have closed its reading half behind its request: an answer that cannot be delivered ends nothing,
 * only the reading side does.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/error.h>

#include "negotiate/token-io.h"

struct p2p_select {
        p2p_channel *channel;
        p2p_select_match_fn match;
        p2p_select_fn done;
        void *userdata;
        p2p_task wake;
        bool has_header, is_agreed;
        unsigned n_proposals;
        p2p_token_out out;
        p2p_token_in in;
        const char *protocol; /* the last proposal, inside `in` */
};

static void finish(p2p_select *s, int error) {
        p2p_channel *channel = TAKE_PTR(s->channel);

        p2p_task_cancel(&s->wake);
        p2p_channel_set_wake(channel, NULL);
        if (error < 0) {
                p2p_channel_reset(channel, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
                channel = p2p_channel_free(channel);
        }

        s->done(channel, error < 0 ? NULL : s->protocol, error, s->userdata);
        p2p_select_free(s);
}

static int flush(p2p_select *s) {
        int r;

        r = p2p_token_out_flush(&s->out, s->channel);
        if (r < 0 && r != -EAGAIN) {
                s->out.n = s->out.sent = 0; /* nobody listens any more; what they sent may still be meant */
                return 0;
        }
        return r;
}

static int on_token(p2p_select *s, p2p_view name) {
        if (!s->has_header) {
                s->has_header = p2p_view_equal(name, P2P_VIEW_STR(P2P_TOKEN_HEADER));
                return s->has_header ? 0 : -EPROTO;
        }
        if (s->n_proposals >= P2P_MULTISTREAM_PROPOSALS_MAX)
                return -EMSGSIZE;
        s->n_proposals++;
        s->protocol = (const char *) name.data;
        s->is_agreed = strlen(s->protocol) == name.n && s->match(s->protocol, s->userdata);
        return p2p_token_out_add(&s->out, s->is_agreed ? name : P2P_VIEW_STR(P2P_TOKEN_NA));
}

/* 1: agreed and answered; 0: the wake tells when there is more to do. */
static int advance(p2p_select *s) {
        for (;;) {
                p2p_view name;
                int r;

                r = flush(s);
                if (r < 0)
                        return 0;
                if (s->is_agreed)
                        return 1;
                r = p2p_token_in_read(&s->in, s->channel, &name);
                if (r <= 0)
                        return r;
                r = on_token(s, name);
                if (r < 0)
                        return r;
        }
}

static void on_wake(void *userdata) {
        p2p_select *s = userdata;
        int r;

        r = advance(s);
        if (r != 0)
                finish(s, r < 0 ? r : 0);
}

int p2p_select_new(p2p_loop *loop, p2p_channel *channel, p2p_select_match_fn match, p2p_select_fn done,
                   void *userdata, p2p_select **ret) {
        p2p_select *s;

        s = malloc(sizeof(*s));
        if (!s)
                return -ENOMEM;
        *s = (p2p_select){ .channel = channel, .match = match, .done = done, .userdata = userdata };

        p2p_task_init(&s->wake, loop, on_wake, s);
        p2p_channel_set_wake(channel, &s->wake);
        (void) p2p_token_out_add(&s->out, P2P_VIEW_STR(P2P_TOKEN_HEADER)); /* an empty buffer has room */
        (void) flush(s);
        p2p_task_post(&s->wake);

        *ret = s;
        return 0;
}

void p2p_select_set_slow(p2p_select *s) {
        p2p_task_cancel(&s->wake);
        s->wake.slow = true;
        p2p_task_post(&s->wake);
}

p2p_select *p2p_select_free(p2p_select *s) {
        if (!s)
                return NULL;
        p2p_task_cancel(&s->wake);
        p2p_channel_free(s->channel);
        free(s);
        return NULL;
}
