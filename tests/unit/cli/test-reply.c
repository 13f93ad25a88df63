/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/reply.h"

static void a_path_says_what_carries_and_secures_it(void **state) {
        static const struct { const char *type, *stack, *security, *muxer, *expect; } rows[] = {
                { "DIRECT", "quic-v1", "/tls/1.0.0", "/quic-v1", "DIRECT quic-v1" },
                { "DIRECT", "tcp", "/tls/1.0.0", "/yamux/1.0.0", "DIRECT tcp+tls" },
                { "DIRECT", "wss", "/noise", "/yamux/1.0.0", "DIRECT wss+noise" },
                { "RELAYED", "quic-v1", "/noise", "/yamux/1.0.0", "RELAYED quic-v1+noise" },
                { "RELAYED", "unknown", "/noise", "/yamux/1.0.0", "RELAYED unknown+noise" },
                { "DIRECT", "", "", "", "DIRECT" }, /* an older daemon */
                { "", "", "", "", "" },             /* the last connection is going away */
        };
        char text[PEER_PATH_TEXT_MAX];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(rows); i++) {
                json_t *peer = json_pack("{ssssssss}", "PathType", rows[i].type, "Stack", rows[i].stack,
                                         "Security", rows[i].security, "Muxer", rows[i].muxer);

                assert_non_null(peer);
                assert_string_equal(peer_path_format(peer, text), rows[i].expect);
                json_decref(peer);
        }
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_path_says_what_carries_and_secures_it),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
