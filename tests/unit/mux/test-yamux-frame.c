/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The frame header (wire reference 8): what is refused, and that recorded frames survive both ways. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "mux/yamux-frame.h"
#include "mux/yamux.h"
#include "tests/unit/mux/yamux-vectors.h"

static void bad_headers_are_refused(void **state) {
        static const struct { const char *why; size_t n; uint8_t in[16]; int expect; } cases[] = {
                { "empty",         0,  {},        -EBADMSG },
                { "one short",     11, { 0, 1 },  -EBADMSG },
                { "one over",      13, { 0, 1 },  -EBADMSG },
                { "version 1",     12, { 1, 0 },  -EPROTO  },
                { "version 255",   12, { 255 },   -EPROTO  },
                { "unknown type",  12, { 0, 4 },  -EPROTO  },
                { "last type",     12, { 0, 3 },  0        },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                p2p_yamux_header h = { .type = 77 };

                if (p2p_yamux_header_parse(P2P_VIEW(cases[i].in, cases[i].n), &h) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
                if (cases[i].expect < 0)
                        assert_int_equal(h.type, 77); /* written only on success */
        }
}

static void frames_name_a_stream_or_the_session(void **state) {
        static const struct { const char *why; p2p_yamux_header h; int expect; } cases[] = {
                { "data on stream",       { YAMUX_DATA, 0, 1, 5 },                              0         },
                { "data on session",      { YAMUX_DATA, 0, 0, 5 },                              -EPROTO   },
                { "update on stream",     { YAMUX_WINDOW_UPDATE, 0, 1, UINT32_MAX },            0         },
                { "syn on session",       { YAMUX_WINDOW_UPDATE, YAMUX_SYN, 0, 0 },             -EPROTO   },
                { "ping on session",      { YAMUX_PING, YAMUX_SYN, 0, UINT32_MAX },             0         },
                { "ping on stream",       { YAMUX_PING, YAMUX_SYN, 1, 0 },                      -EPROTO   },
                { "go away with code",    { YAMUX_GO_AWAY, 0, 0, 0x1007 },                      0         },
                { "go away on stream",    { YAMUX_GO_AWAY, 0, 2, 0 },                           -EPROTO   },
                { "largest data",         { YAMUX_DATA, 0, 1, 64u << 20 },                      0         },
                { "data beyond windows",  { YAMUX_DATA, 0, 1, (64u << 20) + 1 },                -EMSGSIZE },
                { "unknown type",         { 4, 0, 0, 0 },                                       -EPROTO   },
                { "unknown flags",        { YAMUX_DATA, 0xfff0, 1, 0 },                         0         },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                if (p2p_yamux_header_check(&cases[i].h) != cases[i].expect)
                        fail_msg("%s", cases[i].why);
}

static void recorded_frames_survive_both_ways(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(yamux_vectors); i++) {
                const p2p_yamux_header *want = &yamux_vectors[i].h;
                uint8_t in[P2P_YAMUX_HEADER_SIZE], out[P2P_YAMUX_HEADER_SIZE];
                p2p_yamux_header h;

                for (size_t k = 0; k < sizeof(in); k++)
                        assert_int_equal(sscanf(yamux_vectors[i].hex + 2 * k, "%2hhx", &in[k]), 1);
                assert_int_equal(p2p_yamux_header_parse(P2P_VIEW(in, sizeof(in)), &h), 0);
                assert_int_equal(p2p_yamux_header_check(&h), 0);
                if (h.type != want->type || h.flags != want->flags || h.stream_id != want->stream_id ||
                    h.length != want->length)
                        fail_msg("%s", yamux_vectors[i].name);
                p2p_yamux_header_encode(&h, out);
                assert_memory_equal(in, out, sizeof(in));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(bad_headers_are_refused),
                cmocka_unit_test(frames_name_a_stream_or_the_session),
                cmocka_unit_test(recorded_frames_survive_both_ways),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
