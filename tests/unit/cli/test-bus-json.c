/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "cli/bus-json.h"

/* A bus that speaks to nobody: messages can be made on it. */
static int open_bus(void **state) {
        sd_bus *bus;
        int fds[2];

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) < 0 ||
            sd_bus_new(&bus) < 0 || sd_bus_set_fd(bus, fds[0], fds[0]) < 0 ||
            sd_bus_negotiate_fds(bus, true) < 0 || sd_bus_start(bus) < 0)
                return -1;
        close(fds[1]);
        *state = bus;
        return 0;
}

static int close_bus(void **state) {
        sd_bus_close_unref(*state);
        return 0;
}

static sd_bus_message *new_message(sd_bus *bus) {
        sd_bus_message *m;

        assert_true(sd_bus_message_new_signal(bus, &m, "/x", "x.y", "Z") >= 0);
        return m;
}

static void assert_json(sd_bus_message *m, const char *expected) {
        json_t *json = NULL;
        char *text;

        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_int_equal(bus_message_to_json(m, &json), 0);
        text = json_dumps(json, JSON_COMPACT);
        assert_string_equal(text, expected);
        free(text);
        json_decref(json);
        sd_bus_message_unref(m);
}

static void basic_types_are_numbers_and_texts(void **state) {
        sd_bus_message *m = new_message(*state);

        assert_true(sd_bus_message_append(m, "ybnqiuxtdsog", 255, 1, -1, 65535, -7, UINT32_MAX, INT64_MIN,
                                          UINT64_MAX, 0.5, "text", "/a/b", "as") >= 0);
        assert_json(m, "[255,true,-1,65535,-7,4294967295,-9223372036854775808,9223372036854775807,0.5,"
                       "\"text\",\"/a/b\","
                       "\"as\"]");
}

static void containers_nest(void **state) {
        sd_bus_message *m = new_message(*state);

        assert_true(sd_bus_message_append(m, "a(ssb)", 2, "one", "1", 1, "two", "2", 0) >= 0);
        assert_true(sd_bus_message_append(m, "as", 0) >= 0);
        assert_true(sd_bus_message_append(m, "v", "as", 2, "x", "y") >= 0);
        assert_json(m, "[[[\"one\",\"1\",true],[\"two\",\"2\",false]],[],[\"x\",\"y\"]]");
}

static void dictionaries_are_objects(void **state) {
        sd_bus_message *m = new_message(*state);

        assert_true(sd_bus_message_append(m, "a{sv}", 2, "Id", "s", "12D3", "Names", "a{ss}", 1, "home",
                                          "12D3") >= 0);
        assert_true(sd_bus_message_append(m, "a{oa{sa{sv}}}", 1, "/peer", 1, "x.Peer", 1, "RTT", "t",
                                          UINT64_C(5)) >= 0);
        assert_true(sd_bus_message_append(m, "a{ss}", 0) >= 0);
        assert_true(sd_bus_message_append(m, "a{uy}", 1, 7, 8) >= 0); /* keys that are no texts: pairs */
        assert_json(m, "[{\"Id\":\"12D3\",\"Names\":{\"home\":\"12D3\"}},{\"/"
                       "peer\":{\"x.Peer\":{\"RTT\":5}}},{},[[7,8]]]");
}

static void an_empty_message_is_an_empty_array(void **state) {
        assert_json(new_message(*state), "[]");
}

static void descriptors_are_refused(void **state) {
        sd_bus_message *m = new_message(*state);
        json_t *json = NULL;

        assert_true(sd_bus_message_append(m, "ah", 1, STDIN_FILENO) >= 0);
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        assert_int_equal(bus_message_to_json(m, &json), -EOPNOTSUPP);
        assert_null(json);
        sd_bus_message_unref(m);
}

/* Variants in variants: the signature's own limit does not reach into them. */
static void depth_is_limited(void **state) {
        for (unsigned depth = 62; depth <= 66; depth++) {
                sd_bus_message *m = new_message(*state);
                json_t *json = NULL;
                int r = 0;

                for (unsigned i = 0; i < depth && r >= 0; i++)
                        r = sd_bus_message_open_container(m, 'v', i + 1 < depth ? "v" : "s");
                if (r >= 0)
                        r = sd_bus_message_append(m, "s", "x");
                for (unsigned i = 0; i < depth && r >= 0; i++)
                        r = sd_bus_message_close_container(m);
                assert_true(r >= 0);
                assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
                assert_int_equal(bus_message_to_json(m, &json), depth < 64 ? 0 : -ELOOP);
                json_decref(json);
                sd_bus_message_unref(m);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(basic_types_are_numbers_and_texts),
                cmocka_unit_test(containers_nest),
                cmocka_unit_test(dictionaries_are_objects),
                cmocka_unit_test(an_empty_message_is_an_empty_array),
                cmocka_unit_test(descriptors_are_refused),
                cmocka_unit_test(depth_is_limited),
        };

        return cmocka_run_group_tests(tests, open_bus, close_bus);
}
