/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Writes first, then reads, as the wake tells; one step function does both and is safe to call at any
 * time. */

#include <errno.h>
#include <stdlib.h>

#include "protocol/delimited.h"
#include "protocol/exchange.h"
#include "wire/message.h"

struct p2p_exchange {
        p2p_stream *stream;
        p2p_outbox out;
        p2p_delimited in; /* max == 0: nothing is expected */
        p2p_task step;
        p2p_timer deadline;
        p2p_exchange_fn done;
        void *userdata;
};

p2p_exchange *p2p_exchange_free(p2p_exchange *x) {
        if (!x)
                return NULL;
        p2p_stream_free(x->stream);
        p2p_task_cancel(&x->step); /* after what may post it */
        p2p_timer_stop(&x->deadline);
        p2p_outbox_done(&x->out);
        p2p_delimited_done(&x->in);
        free(x);
        return NULL;
}

static void finish(p2p_exchange *x, int error) {
        p2p_stream *stream = TAKE_PTR(x->stream);
        uint8_t *message = TAKE_PTR(x->in.data);
        p2p_view view = P2P_VIEW(message, error < 0 ? 0 : x->in.n);
        p2p_exchange_fn done = x->done;
        void *userdata = x->userdata;

        p2p_channel_set_wake(p2p_stream_channel(stream), NULL);
        if (error < 0) {
                p2p_channel_reset(p2p_stream_channel(stream), P2P_STREAM_NO_ERROR);
                stream = p2p_stream_free(stream);
        }
        p2p_exchange_free(x);
        done(stream, view, error, userdata);
        free(message);
}

static void on_deadline(void *userdata) {
        finish(userdata, -ETIMEDOUT);
}

static void on_step(void *userdata) {
        p2p_exchange *x = userdata;
        p2p_channel *channel = p2p_stream_channel(x->stream);
        int r;

        r = p2p_outbox_flush(&x->out, channel);
        if (r > 0 && x->in.max > 0)
                r = p2p_delimited_read(&x->in, channel);
        if (r == 0)
                return;
        finish(x, r == -ENODATA ? -ECONNRESET : P2P_MIN(r, 0));
}

int p2p_exchange_new(p2p_loop *loop, p2p_stream *stream, const ProtobufCMessage *send, size_t reply_max,
                     uint64_t timeout_usec, p2p_exchange_fn done, void *userdata, p2p_exchange **ret) {
        p2p_exchange *x;
        int r;

        x = calloc(1, sizeof(*x));
        if (!x) {
                p2p_stream_free(stream);
                return -ENOMEM;
        }
        x->stream = stream;
        x->in.max = reply_max;
        x->done = done;
        x->userdata = userdata;
        p2p_task_init(&x->step, loop, on_step, x);
        p2p_timer_init(&x->deadline, loop, on_deadline, x);
        r = p2p_timer_set(&x->deadline, timeout_usec);
        if (r >= 0 && send)
                r = p2p_message_encode(send, true, &x->out.data, &x->out.n);
        if (r < 0) {
                p2p_exchange_free(x);
                return r;
        }
        p2p_channel_set_wake(p2p_stream_channel(stream), &x->step);
        p2p_task_post(&x->step);
        *ret = x;
        return 0;
}
