/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every errno of a socket becomes a word of error.h, and none becomes success. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <p2p/error.h>
#include <p2p/macro.h>

#include "transport/socket-error.h"

static void errors_are_translated(void **state) {
        static const struct { int from, expect; } cases[] = {
                { EAGAIN,        -EAGAIN       },
                { EPIPE,         -ECONNRESET   },
                { ECONNRESET,    -ECONNRESET   },
                { ECONNABORTED,  -ECONNRESET   },
                { ETIMEDOUT,     -ETIMEDOUT    },
                { ECONNREFUSED,  -ECONNREFUSED },
                { ENOENT,        -ECONNREFUSED }, /* no UNIX socket there */
                { ENETUNREACH,   -EHOSTUNREACH },
                { EADDRNOTAVAIL, -EHOSTUNREACH },
                { EACCES,        -EHOSTUNREACH },
                { EMFILE,        -ENOBUFS      },
                { ENFILE,        -ENOBUFS      },
                { ENOBUFS,       -ENOMEM       },
                { EBADF,         -ECONNRESET   }, /* whatever else */
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(p2p_socket_error(cases[i].from), cases[i].expect);
}

/* A path that fails is never a peer's misdeed. */
static void no_error_is_the_peers_fault(void **state) {
        (void) state;
        for (int i = 0; i < 200; i++) {
                assert_true(p2p_socket_error(i) < 0);
                assert_false(p2p_error_is_peer_fault(p2p_socket_error(i)));
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(errors_are_translated),
                cmocka_unit_test(no_error_is_the_peers_fault),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
