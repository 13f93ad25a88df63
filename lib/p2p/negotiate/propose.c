/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The initiator of multistream-select with several proposals (wire reference 3).
 *
 * The header and the first proposal leave in one write, before the far side said anything: one that is
 * silent until it hears us would otherwise wait for us as we wait for it. The far side's header is read even
 * while we cannot write: the responder does not read while it cannot, and one of the two must. Each further
 * proposal follows a `na`; an answer that is neither the proposal nor `na` is fatal.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/error.h>

#include "negotiate/token-io.h"

struct p2p_propose {
        p2p_channel *channel;
        const char *const *protocols; /* borrowed; the one proposed now */
        p2p_select_fn done;
        void *userdata;
        p2p_task wake;
        bool has_header;
        p2p_token_out out;
        p2p_token_in in;
};

static void finish(p2p_propose *p, int error) {
        p2p_channel *channel = TAKE_PTR(p->channel);

        p2p_task_cancel(&p->wake);
        p2p_channel_set_wake(channel, NULL);
        if (error < 0) {
                p2p_channel_reset(channel, P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED);
                channel = p2p_channel_free(channel);
        }

        p->done(channel, error < 0 ? NULL : *p->protocols, error, p->userdata);
        p2p_propose_free(p);
}

/* 1: agreed; 0: go on reading. */
static int on_token(p2p_propose *p, p2p_view name) {
        if (!p->has_header) {
                p->has_header = p2p_view_equal(name, P2P_VIEW_STR(P2P_TOKEN_HEADER));
                return p->has_header ? 0 : -EPROTO;
        }
        if (p2p_view_equal(name, P2P_VIEW_STR(*p->protocols)))
                return 1;
        if (!p2p_view_equal(name, P2P_VIEW_STR(P2P_TOKEN_NA)))
                return -EPROTO;
        p->protocols++;
        if (!*p->protocols)
                return -EPROTONOSUPPORT;
        return p2p_token_out_add(&p->out, P2P_VIEW_STR(*p->protocols));
}

static int advance(p2p_propose *p) {
        for (;;) {
                p2p_view name;
                int flushed, r;

                flushed = p2p_token_out_flush(&p->out, p->channel);
                if (flushed == -EAGAIN && p->has_header)
                        return 0;
                r = p2p_token_in_read(&p->in, p->channel, &name);
                if (r == 0) /* if broken: cannot ask any more, and no answer has come */
                        return flushed == -EAGAIN ? 0 : flushed;
                if (r < 0)
                        return r;
                r = on_token(p, name);
                if (r != 0)
                        return r;
        }
}

static void on_wake(void *userdata) {
        p2p_propose *p = userdata;
        int r;

        r = advance(p);
        if (r != 0)
                finish(p, r < 0 ? r : 0);
}

/* Every name must be one that a token can carry, and none is `na`. */
static bool names_are_legal(const char *const *protocols) {
        size_t n = 0;

        for (; protocols[n]; n++) {
                size_t size = strlen(protocols[n]);

                if (n >= P2P_MULTISTREAM_PROPOSALS_MAX || size == 0 || size > P2P_TOKEN_NAME_MAX ||
                    strcmp(protocols[n], P2P_TOKEN_NA) == 0)
                        return false;
        }
        return n > 0;
}

int p2p_propose_new(p2p_loop *loop, p2p_channel *channel, const char *const *protocols, p2p_select_fn done,
                    void *userdata, p2p_propose **ret) {
        p2p_propose *p;

        if (!names_are_legal(protocols))
                return -EINVAL;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (p2p_propose){ .channel = channel, .protocols = protocols, .done = done, .userdata = userdata };

        p2p_task_init(&p->wake, loop, on_wake, p);
        p2p_channel_set_wake(channel, &p->wake);
        (void) p2p_token_out_add(&p->out, P2P_VIEW_STR(P2P_TOKEN_HEADER)); /* both fit: see p2p_token_out */
        (void) p2p_token_out_add(&p->out, P2P_VIEW_STR(protocols[0]));
        (void) p2p_token_out_flush(&p->out, channel); /* an error shows again in the task */
        p2p_task_post(&p->wake);

        *ret = p;
        return 0;
}

p2p_propose *p2p_propose_free(p2p_propose *p) {
        if (!p)
                return NULL;
        p2p_task_cancel(&p->wake);
        p2p_channel_free(p->channel);
        free(p);
        return NULL;
}
