/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Whose fault an error is. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <p2p/error.h>
#include <p2p/macro.h>

static void five_errors_are_the_peers(void **state) {
        static const struct {
                int error;
                bool fault;
        } cases[] = {
                { -EBADMSG, true },         { -EPROTO, true },
                { -EMSGSIZE, true },        { -EKEYREJECTED, true },
                { -EPROTONOSUPPORT, true }, { -ECONNRESET, false },
                { -ETIMEDOUT, false },      { -EHOSTUNREACH, false },
                { -ECANCELED, false },      { -ENOMEM, false },
                { -ENOBUFS, false },        { -EINVAL, false },
                { -EAGAIN, false },         { 0, false },
                { EBADMSG, false },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                assert_int_equal(p2p_error_is_peer_fault(cases[i].error), cases[i].fault);
}

int main(void) {
        const struct CMUnitTest tests[] = { cmocka_unit_test(five_errors_are_the_peers) };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
