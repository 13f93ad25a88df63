/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* relay-server.yaml: the original's documented defaults, and what is said about wrong values. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "service/config.h"

static RelayConfig *load(const char *text, ConfigProblems *problems) {
        RelayConfig *config = NULL;

        if (relay_config_parse("/x/relay-server.yaml", P2P_VIEW_STR(text), problems, &config) < 0)
                fail_msg("%s", problems->n > 0 ? problems->items[0].text : "refused");
        return config;
}

static void assert_listens(const RelayConfig *c) {
        static const char *const expect[] = { "/ip4/0.0.0.0/tcp/7777", "/ip4/0.0.0.0/udp/7777/quic-v1",
                                              "/ip6/::/tcp/7777", "/ip6/::/udp/7777/quic-v1" };

        assert_int_equal(c->n_listen_addresses, ELEMENTSOF(expect));
        for (size_t i = 0; i < ELEMENTSOF(expect); i++) {
                assert_string_equal(c->listen_addresses[i].text, expect[i]);
                assert_true(c->listen_addresses[i].supported);
        }
}

static void what_is_absent_has_the_documented_default(void **state) {
        static const char *const texts[] = {
                "",
                "resources: {max_reservations: 0, max_circuits: 0, buffer_size: 0, reservation_ttl: \"\", "
                "session_duration: \"\", session_data_limit: \"\"}\n",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                _cleanup_(relay_config_freep) RelayConfig *c = load(texts[i], problems);

                assert_int_equal(problems->n, 0);
                assert_string_equal(c->key_file, "/x/relay_node.key");
                assert_string_equal(c->authorized_keys_file, "/x/relay_authorized_keys");
                assert_true(c->gating);
                assert_listens(c);
                assert_int_equal(c->max_reservations, 128);
                assert_int_equal(c->max_circuits, 16);
                assert_int_equal(c->buffer_size, 2048);
                assert_int_equal(c->max_reservations_per_ip, 8);
                assert_int_equal(c->max_reservations_per_asn, 32);
                assert_int_equal(c->reservation_ttl, 3600 * USEC_PER_SEC);
                assert_int_equal(c->session_duration, 600 * USEC_PER_SEC);
                assert_int_equal(c->session_data_limit, 64 << 20);
                assert_string_equal(c->health_listen, "127.0.0.1:9090");
                assert_string_equal(c->telemetry.metrics_listen, "127.0.0.1:9091");
                assert_false(c->health_enabled);
        }
}

static void every_key_is_read(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(relay_config_freep) RelayConfig *c = load(
                "version: 1\nidentity: {key_file: /k}\nnetwork: {listen_addresses: [/ip4/1.2.3.4/tcp/1], "
                "tls: {certificate: c.pem, key: /k.pem, trust: t.pem}}\n"
                "discovery: {network: n}\nsecurity: {authorized_keys_file: a, enable_connection_gating: "
                "on}\n"
                "resources:\n  max_reservations: 1\n  max_circuits: 2\n  buffer_size: 3\n  "
                "max_reservations_per_ip: 4\n"
                "  max_reservations_per_asn: 5\n  reservation_ttl: 30m\n  session_duration: 2h\n"
                "  session_data_limit: 1 gb\nhealth: {enabled: true, listen_address: \"h:1\"}\n"
                "telemetry: {metrics: {enabled: true, listen_address: \"m:1\"}, audit: {enabled: true}}\n",
                problems);

        (void) state;
        assert_int_equal(problems->n, 0);
        assert_string_equal(c->key_file, "/k");
        assert_int_equal(c->n_listen_addresses, 1);
        assert_string_equal(c->tls.certificate, "/x/c.pem");
        assert_string_equal(c->tls.key, "/k.pem");
        assert_string_equal(c->tls.trust, "/x/t.pem");
        assert_string_equal(c->network, "n");
        assert_string_equal(c->authorized_keys_file, "/x/a");
        assert_int_equal(c->max_reservations, 1);
        assert_int_equal(c->max_circuits, 2);
        assert_int_equal(c->buffer_size, 3);
        assert_int_equal(c->max_reservations_per_ip, 4);
        assert_int_equal(c->max_reservations_per_asn, 5);
        assert_int_equal(c->reservation_ttl, 1800 * USEC_PER_SEC);
        assert_int_equal(c->session_duration, 7200 * USEC_PER_SEC);
        assert_int_equal(c->session_data_limit, 1 << 30);
        assert_string_equal(c->health_listen, "h:1");
        assert_true(c->health_enabled && c->telemetry.metrics_enabled && c->telemetry.audit_enabled);
}

static void nothing_means_no_limit(void **state) {
        static const char *const texts[] = {
                "resources: {session_duration: 0, session_data_limit: \"0\"}\n",
                "resources: {session_duration: 0s, session_data_limit: 0MB}\n",
                "resources: {session_duration: none, session_data_limit: none}\n",
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                _cleanup_(relay_config_freep) RelayConfig *c = load(texts[i], problems);

                assert_true(c->session_duration == RELAY_LIMIT_NONE &&
                            c->session_data_limit == RELAY_LIMIT_NONE);
        }
}

static void the_default_text_allows_long_sessions(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(relay_config_freep) RelayConfig *c = load(relay_config_default, problems);

        (void) state;
        assert_int_equal(problems->n, 0);
        assert_listens(c);
        assert_int_equal(c->session_duration, 24 * 3600 * USEC_PER_SEC);
        assert_int_equal(c->session_data_limit, 64ULL << 30);
}

static void every_fault_has_its_line_and_remedy(void **state) {
        static const struct {
                const char *text;
                ConfigSeverity severity;
                const char *expect;
        } cases[] = {
                { "resources: {max_circuits: -1}\n", CONFIG_WARNING,
                  "resources.max_circuits: -1 is not between 1 and "
                  "1000000, the default is used; write e.g. 16" },
                { "resources: {max_circuits: 1000001}\n", CONFIG_WARNING,
                  "resources.max_circuits: 1000001 is not between "
                  "1 and 1000000, the default is used; write e.g. 16" },
                { "resources: {max_circuits: many}\n", CONFIG_ERROR,
                  "resources.max_circuits: 'many' is not a number; "
                  "write e.g. 16, without quotes" },
                { "resources: {reservation_ttl: 3600}\n", CONFIG_ERROR,
                  "resources.reservation_ttl: '3600' is not a "
                  "duration; write e.g. 90s, 10m or 1h30m" },
                { "resources: {reservation_ttl: 0}\n", CONFIG_WARNING,
                  "resources.reservation_ttl: '0' must be more than "
                  "nothing, the default is used; write e.g. 1h0m0s" },
                { "resources: {session_duration: -1s}\n", CONFIG_WARNING,
                  "resources.session_duration: '-1s' must be more "
                  "than nothing, the default is used; write e.g. 10m0s" },
                { "resources: {session_data_limit: 64MiB}\n", CONFIG_ERROR,
                  "resources.session_data_limit: '64MiB' is not "
                  "a size; write e.g. 64MB or none" },
                { "resources: {session_data_limit: 17179869184GB}\n", CONFIG_ERROR,
                  "resources.session_data_limit: "
                  "'17179869184GB' is too large; write e.g. 64MB or none" },
                { "resources: {session_data_limit: [1]}\n", CONFIG_ERROR,
                  "resources.session_data_limit: must be a single "
                  "value, not a list" },
                { "relay: {addresses: []}\n", CONFIG_WARNING,
                  "relay: unknown key, ignored; check its spelling and its "
                  "indentation, or remove it" },
                { "x: [1\n", CONFIG_ERROR,
                  "did not find expected ',' or ']'; check the indentation, the quotes and the "
                  "':' around this line" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                _cleanup_(relay_config_freep) RelayConfig *c = NULL;
                int r = relay_config_parse("r", P2P_VIEW_STR(cases[i].text), problems, &c);

                assert_int_equal(problems->n, 1);
                assert_string_equal(problems->items[0].text, cases[i].expect);
                assert_int_equal(r, cases[i].severity == CONFIG_ERROR ? -EINVAL : 0);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(what_is_absent_has_the_documented_default),
                cmocka_unit_test(every_key_is_read),
                cmocka_unit_test(nothing_means_no_limit),
                cmocka_unit_test(the_default_text_allows_long_sessions),
                cmocka_unit_test(every_fault_has_its_line_and_remedy),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
