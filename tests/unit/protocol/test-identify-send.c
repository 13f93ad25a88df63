/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What we say of ourselves: in one message of at most 4096 bytes where it fits, else in several that join
 * to the same.
 */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "protocol/identify-message.h"
#include "protocol/identify-send.h"
#include "tests/support/talk.h"

typedef struct world {
        p2p_loop *loop;
        node us, them;
        p2p_conn *conn;
        p2p_identify_info info;
        unsigned n_messages;
        size_t longest, first, n_total;
} world;

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));
        talk t;

        assert_non_null(w);
        assert_int_equal(p2p_loop_new_manual(&w->loop), 0);
        node_start(&w->us, w->loop, 1, NULL);
        node_start(&w->them, w->loop, 2, NULL);
        node_introduce(&w->them, &w->us);
        talk_open(&t, &w->us, node_id(&w->them), P2P_PING_PROTOCOL);
        assert_int_equal(t.error, 0);
        talk_close(&t);
        w->conn = p2p_host_find_conn(w->us.host, node_id(&w->them));
        *state = w;
        return 0;
}

static int teardown(void **state) {
        world *w = *state;

        p2p_identify_info_done(&w->info);
        node_stop(&w->us);
        node_stop(&w->them);
        p2p_loop_free(w->loop);
        free(w);
        return 0;
}

/* Encodes, takes apart at the length prefixes, joins. */
static void say(world *w) {
        uint8_t *bytes;
        size_t n;

        p2p_identify_info_done(&w->info);
        w->info = (p2p_identify_info){};
        w->n_messages = 0;
        w->longest = w->first = 0;
        assert_int_equal(p2p_identify_encode(w->us.host, w->conn, 7, &bytes, &n), 0);
        w->n_total = n;
        for (size_t at = 0; at < n; w->n_messages++) {
                size_t length = bytes[at] & 0x7f;

                if (bytes[at++] & 0x80)
                        length |= (size_t) bytes[at++] << 7;
                assert_true(length <= n - at);
                assert_int_equal(p2p_identify_info_merge(&w->info, P2P_VIEW(bytes + at, length)), 0);
                if (w->n_messages == 0)
                        w->first = length;
                if (length > w->longest)
                        w->longest = length;
                at += length;
        }
        free(bytes);
}

static void on_stream(p2p_stream *stream, void *userdata _unused_) {
        p2p_stream_free(stream);
}

/* One more protocol with a name of n bytes. */
static void speak(world *w, unsigned i, size_t n) {
        char name[P2P_PROTOCOL_MAX + 1];

        assert_in_range(n, 8, P2P_PROTOCOL_MAX);
        memset(name, 'p', n);
        name[n] = '\0';
        (void) snprintf(name, 6, "/%04u", i);
        name[5] = '/';
        assert_int_equal(p2p_host_handle(w->us.host, name, on_stream, w), 0);
}

static void one_message_says_everything(void **state) {
        world *w = *state;

        say(w);
        assert_int_equal(w->n_messages, 1);
        assert_string_equal(w->info.agent, "test/1");
        assert_int_equal(w->info.n_protocols, 4);
        assert_true(p2p_identify_info_is_signed(&w->info, node_id(&w->us)));
        assert_false(p2p_identify_info_is_signed(&w->info, node_id(&w->them)));
        assert_true(p2p_addr_equal(w->info.observed, p2p_conn_remote(w->conn)));
}

/* rust-libp2p reads 4096 bytes, length included, and no second message. */
static void four_kibibytes_are_one_message(void **state) {
        world *w = *state;
        size_t n;

        for (unsigned i = 0; i < 14; i++)
                speak(w, i, 250);
        say(w);
        assert_int_equal(w->n_messages, 1);
        n = w->n_total;
        assert_in_range(n, 3500, 4096 - 12);
        if (4096 - n > 200) {
                speak(w, 100, 100);
                say(w);
                n = w->n_total;
        }
        speak(w, 101, 4096 - n - (4096 - n > 130 ? 3 : 2)); /* to the brim: tag and length */
        say(w);
        assert_int_equal(w->n_total, 4096);
        assert_int_equal(w->n_messages, 1);
        n = w->info.n_protocols;
        speak(w, 102, 8);
        say(w);
        assert_true(w->n_messages > 1);
        assert_in_range(w->first, 1, 4094); /* who reads but one knows us anyhow */
        assert_string_equal(w->info.agent, "test/1");
        assert_int_equal(w->info.n_protocols, n + 1);
        assert_true(p2p_identify_info_is_signed(&w->info, node_id(&w->us)));
}

static void sixteen_addresses_are_told(void **state) {
        p2p_addr *addrs[20];
        world *w = *state;
        char text[64];

        for (unsigned i = 0; i < ELEMENTSOF(addrs); i++) {
                (void) snprintf(text, sizeof(text), "/ip4/45.79.0.%u/tcp/4001", i + 1);
                assert_int_equal(p2p_addr_parse(text, &addrs[i]), 0);
        }
        assert_int_equal(p2p_host_announce(w->us.host, w, addrs, 15), 0); /* the listener's is the 16th */
        say(w);
        assert_int_equal(w->info.n_listen_addrs, 16);
        assert_int_equal(p2p_host_announce(w->us.host, w, addrs, 20), 0);
        say(w);
        assert_int_equal(w->info.n_listen_addrs, 16);
        for (unsigned i = 0; i < ELEMENTSOF(addrs); i++)
                p2p_addr_free(addrs[i]);
}

/* go-libp2p: nine messages of 8 KiB. The most that can be registered, with the longest names. */
static void the_most_that_can_be_said_is_heard(void **state) {
        world *w = *state;

        for (unsigned i = 0; i < P2P_PROTOCOLS_MAX - 4; i++)
                speak(w, i, P2P_PROTOCOL_MAX);
        say(w);
        assert_in_range(w->n_messages, 2, 9);
        assert_in_range(w->longest, 1, 8192);
        assert_in_range(w->first, 1, 2048 + 600); /* room for addresses */
        assert_int_equal(w->info.n_protocols, P2P_PROTOCOLS_MAX);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(one_message_says_everything),
                T(four_kibibytes_are_one_message),
                T(sixteen_addresses_are_told),
                T(the_most_that_can_be_said_is_heard),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
