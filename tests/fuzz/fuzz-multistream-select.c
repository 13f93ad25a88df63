/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The three machines of multistream-select against a far side that says anything. The first byte chooses the
 * machine and how the bytes are split. Whatever comes, each ends at most once, and what is behind an
 * agreement stays in the channel.
 */

#include <errno.h>
#include <stdlib.h>

#include <p2p/view.h>

#include "negotiate/multistream.h"
#include "tests/support/memory.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

typedef struct outcome {
        unsigned n_done;
        p2p_channel *channel;
} outcome;

static bool match(const char *protocol, void *userdata) {
        (void) userdata;
        return protocol[0] == '/' && protocol[1] == 'a';
}

static void on_done(p2p_channel *channel, const char *protocol, int error, void *userdata) {
        outcome *o = userdata;

        if (!!channel != (error == 0) || !!protocol != (error == 0) || o->n_done++ > 0)
                abort();
        o->channel = channel;
}

static void speak(p2p_loop *loop, p2p_channel *far, const uint8_t *data, size_t n) {
        uint8_t heard[256];

        while (n > 0) {
                ssize_t k = p2p_channel_write(far, data, n);

                if (k < 0 && k != -EAGAIN)
                        break;
                if (k > 0) {
                        data += k;
                        n -= (size_t) k;
                }
                (void) p2p_loop_settle(loop);
                if (p2p_channel_read(far, heard, sizeof(heard)) <= 0 && k <= 0)
                        break;
        }
        (void) p2p_channel_shutdown(far);
        (void) p2p_loop_settle(loop);
}

/* What the lazy one's owner does when woken, and once more at the end. */
static void use_lazy(void *userdata) {
        p2p_channel *lazy = userdata;
        uint8_t buf[64];

        (void) p2p_channel_write(lazy, "x", 1);
        while (p2p_channel_read(lazy, buf, sizeof(buf)) > 0)
                ;
}

static void finish_lazy(p2p_channel *lazy, bool reset) {
        use_lazy(lazy);
        if (p2p_lazy_confirm(lazy) > 0 && p2p_lazy_flush(lazy) == -EAGAIN)
                abort(); /* agreed on what was not sent */
        (void) p2p_channel_shutdown(lazy);
        (void) p2p_channel_write(lazy, "x", 1);
        (void) p2p_channel_reset_code(lazy);
        if (reset)
                p2p_channel_reset(lazy, 1);
        p2p_channel_free(lazy);
}

static void run(p2p_loop *loop, unsigned machine, p2p_channel *near, p2p_channel *far, p2p_view in) {
        static const char *const offers[] = { "/a", "/b", NULL };
        p2p_select *select = NULL;
        p2p_propose *propose = NULL;
        p2p_channel *lazy = NULL;
        p2p_task wake;
        outcome o = {};
        int r;

        if (machine == 0)
                r = p2p_select_new(loop, near, match, on_done, &o, &select);
        else if (machine == 1)
                r = p2p_propose_new(loop, near, offers, on_done, &o, &propose);
        else
                r = p2p_lazy_new(loop, near, "/a", &lazy);
        if (r < 0)
                abort();

        if (lazy) {
                p2p_task_init(&wake, loop, use_lazy, lazy);
                p2p_channel_set_wake(lazy, &wake);
                use_lazy(lazy);
        }
        speak(loop, far, in.data, in.n);
        if (lazy) {
                finish_lazy(lazy, in.n % 2);
                p2p_task_cancel(&wake);
        }
        if (o.n_done == 0) {
                p2p_select_free(select);
                p2p_propose_free(propose);
        }
        p2p_channel_free(o.channel);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        static p2p_loop *loop; /* opening one an input costs more than the input */
        p2p_memory_options options = {};
        p2p_channel *near, *far;

        if (n == 0 || (!loop && p2p_loop_new_manual(&loop) < 0))
                return 0;
        options.read_max = (data[0] >> 2) % 8;
        options.capacity = data[0] & 0x80 ? 40 : 0;
        if (p2p_memory_pair(loop, &options, &near, &far) < 0)
                return 0;
        run(loop, data[0] % 3, near, far, P2P_VIEW(data + 1, n - 1));
        p2p_channel_free(far);
        (void) p2p_loop_settle(loop);
        return 0;
}
