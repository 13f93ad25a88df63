/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* How quiet the path is passes through every layer that may stand on a socket. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "mux/yamux.h"
#include "negotiate/multistream.h"
#include "secure/noise-channel.h"
#include "secure/noise.h"
#include "tests/support/memory.h"
#include "transport/ws-channel.h"
#include "transport/ws-tls-channel.h"

static uint64_t seven(const p2p_channel *c _unused_) {
        return 7;
}

static void every_layer_passes_it_up(void **state _unused_) {
        const uint8_t key[P2P_NOISE_KEY_SIZE] = {};
        p2p_yamux_options options = { .client = true };
        p2p_channel *channel, *far;
        p2p_channel_ops ops;
        p2p_session *session;
        p2p_web_tls *web;
        p2p_loop *loop;

        assert_int_equal(p2p_loop_new_manual(&loop), 0);
        assert_int_equal(p2p_web_tls_new(&(p2p_web_tls_options){}, NULL, &web), 0);
        assert_int_equal(p2p_memory_pair(loop, NULL, &channel, &far), 0);
        assert_int_equal(p2p_channel_quiet(channel), 0);
        ops = *channel->ops;
        ops.quiet = seven;
        channel->ops = &ops;

        assert_int_equal(p2p_ws_tls_channel_new_client(loop, channel, web, "a.example", &channel), 0);
        assert_int_equal(p2p_channel_quiet(channel), 7);
        assert_int_equal(p2p_ws_channel_new_client(loop, channel, "a.example", (p2p_view){}, &channel), 0);
        assert_int_equal(p2p_channel_quiet(channel), 7);
        assert_int_equal(p2p_noise_channel_new(loop, channel, key, key, &channel), 0);
        assert_int_equal(p2p_channel_quiet(channel), 7);
        assert_int_equal(p2p_lazy_new(loop, channel, P2P_YAMUX_PROTOCOL, &channel), 0);
        assert_int_equal(p2p_channel_quiet(channel), 7);
        assert_int_equal(p2p_yamux_new(loop, channel, &options, &session), 0);
        assert_int_equal(session->ops->quiet(session), 7);

        p2p_session_free(session);
        p2p_channel_free(far);
        p2p_web_tls_free(web);
        p2p_loop_free(loop);
}

int main(void) {
        static const struct CMUnitTest tests[] = { cmocka_unit_test(every_layer_passes_it_up) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
