/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Names of backends: one thread a name, one answer for all who wait. */

#include <dirent.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <string.h>

#include "daemon/lookup.h"

#define MANY 200u

typedef struct Asker {
        struct Asker *other; /* whom it takes along when it is told */
        Lookup *lookup;
        unsigned n_told, n;
        int error;
        uint16_t port;
} Asker;

static Asker askers[MANY];

static void on_done(const LookupAddress *addresses, unsigned n, int error, void *userdata) {
        Asker *a = userdata;

        a->lookup = NULL;
        a->n_told++;
        a->n = n;
        a->error = error;
        a->port = n > 0 ? addresses[0].in.sin_port : 0;
        if (a->other)
                a->other->lookup = lookup_free(a->other->lookup);
}

static unsigned count_threads(void) {
        DIR *d = opendir("/proc/self/task");
        unsigned n = 0;

        assert_non_null(d);
        while (readdir(d))
                n++;
        (void) closedir(d);
        return n - 2; /* . and .. */
}

static p2p_loop *start(unsigned n, const char *host) {
        p2p_loop *loop;

        memset(askers, 0, sizeof(askers));
        assert_int_equal(p2p_loop_new(&loop), 0);
        for (unsigned i = 0; i < n; i++)
                assert_int_equal(lookup_new(loop, host, 80, on_done, &askers[i], &askers[i].lookup), 0);
        return loop;
}

static void wait_for(p2p_loop *loop, const Asker *a) {
        for (unsigned i = 0; i < 1000 && a->n_told == 0; i++)
                assert_true(p2p_loop_turn(loop, 20 * USEC_PER_MSEC) >= 0);
        assert_int_equal(a->n_told, 1);
}

static void a_name_that_is_asked_for_often_is_one_thread(void **state) {
        unsigned before = count_threads();
        p2p_loop *loop = start(MANY, "ip6-localhost.invalid");

        (void) state;
        assert_in_range(count_threads(), before, before + 1);
        wait_for(loop, &askers[MANY - 1]);
        for (unsigned i = 0; i < MANY; i++) {
                assert_int_equal(askers[i].n_told, 1);
                assert_true(askers[i].error < 0);
                assert_int_equal(askers[i].n, 0);
        }
        p2p_loop_free(loop);
}

static void who_is_told_may_free_the_others(void **state) {
        p2p_loop *loop = start(3, "127.0.0.1");

        (void) state;
        askers[0].other = &askers[2];
        wait_for(loop, &askers[1]);
        assert_int_equal(askers[0].n_told, 1);
        assert_int_equal(askers[0].error, 0);
        assert_int_equal(askers[0].n, 1);
        assert_int_equal(askers[0].port, htons(80));
        assert_int_equal(askers[2].n_told, 0);
        assert_null(askers[2].lookup);

        /* The next one asks anew; another port is another question. */
        assert_int_equal(lookup_new(loop, "127.0.0.1", 80, on_done, &askers[3], &askers[3].lookup), 0);
        assert_int_equal(lookup_new(loop, "127.0.0.1", 81, on_done, &askers[4], &askers[4].lookup), 0);
        wait_for(loop, &askers[3]);
        wait_for(loop, &askers[4]);
        assert_int_equal(askers[3].port, htons(80));
        assert_int_equal(askers[4].port, htons(81));
        p2p_loop_free(loop);
}

static void whoever_left_is_not_told(void **state) {
        p2p_loop *loop = start(3, "127.0.0.1");

        (void) state;
        askers[0].lookup = lookup_free(askers[0].lookup);
        wait_for(loop, &askers[2]);
        assert_int_equal(askers[0].n_told, 0);
        assert_int_equal(askers[1].n_told, 1);
        p2p_loop_free(loop);

        loop = start(2, "127.0.0.1");
        for (unsigned i = 0; i < 2; i++)
                lookup_free(askers[i].lookup); /* the last one takes the question along */
        for (unsigned i = 0; i < 10; i++)
                assert_true(p2p_loop_turn(loop, USEC_PER_MSEC) >= 0);
        assert_int_equal(askers[0].n_told + askers[1].n_told, 0);
        p2p_loop_free(loop);
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_name_that_is_asked_for_often_is_one_thread),
                cmocka_unit_test(who_is_told_may_free_the_others),
                cmocka_unit_test(whoever_left_is_not_told),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
