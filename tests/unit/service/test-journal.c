/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Audit records as journald receives them, on a socket of our own; the rate limit by a clock of our own. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "service/journal.h"
#include "service/problem.h"

#define ID "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

static char directory[64], path[96];
static int receiver = -1;
static uint64_t now_usec = 1000;

static uint64_t now(void) {
        return now_usec;
}

static int set_up(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };

        (void) state;
        strcpy(directory, "/tmp/peerup-test-XXXXXX");
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        strcpy(address.sun_path, path);
        receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(receiver >= 0);
        assert_int_equal(bind(receiver, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(journal_open_socket("peerup", "daemon", path, now), 0);
        return 0;
}

static int tear_down(void **state) {
        (void) state;
        journal_close();
        close(receiver);
        unlink(path);
        return rmdir(directory);
}

/* The next record, "" if there is none. */
static const char *next(void) {
        static char record[32768];
        ssize_t n = recv(receiver, record, sizeof(record) - 1, 0);

        record[n > 0 ? n : 0] = 0;
        return record;
}

static void a_record_has_its_fields(void **state) {
        p2p_peer_id id;

        (void) state;
        assert_int_equal(p2p_peer_id_parse(ID, &id), 0);
        audit(AUDIT_AUTH_DENIED, AUDIT_PEER(&id), AUDIT_TEXT("DIRECTION", "inbound"),
              AUDIT_TEXT("ADDR", "/ip4/1.2.3.4"), AUDIT_TEXT("REASON", "unknown"));
        assert_string_equal(next(),
                            "MESSAGE=Refused " ID " (inbound, /ip4/1.2.3.4): unknown\nPRIORITY=4\n"
                            "MESSAGE_ID=bf19753a6e82491eb4f36327c36f04af\nPEERUP_EVENT=auth_decision\n"
                            "PEERUP_RESULT=deny\nPEERUP_PEER=" ID "\nPEERUP_DIRECTION=inbound\n"
                            "PEERUP_ADDR=/ip4/1.2.3.4\nPEERUP_REASON=unknown\nSYSLOG_IDENTIFIER=peerup\n"
                            "PEERUP_ROLE=daemon\n");
        audit(AUDIT_SESSION, AUDIT_TEXT("SERVICE", "ssh"), AUDIT_NUMBER("BYTES_RX", UINT64_MAX));
        assert_non_null(strstr(next(), "PEERUP_BYTES_RX=18446744073709551615\n"));
}

static void what_was_not_given_leaves_no_gap(void **state) {
        (void) state;
        audit(AUDIT_AUTH_CHANGE, AUDIT_TEXT("ACTION", "reload"), AUDIT_TEXT("SOURCE", "file"));
        assert_non_null(strstr(next(), "MESSAGE=Authorized peers changed: reload (by file)\n"));
        audit(AUDIT_RESERVATION, AUDIT_TEXT("PEER", ID), AUDIT_TEXT("ACTION", "expired"),
              AUDIT_TEXT("STATUS", ""));
        assert_non_null(strstr(next(), "MESSAGE=Reservation of " ID ": expired\n"));
        audit(AUDIT_RESERVATION, AUDIT_TEXT("PEER", ID), AUDIT_TEXT("ACTION", "refused"),
              AUDIT_TEXT("STATUS", "full"));
        assert_non_null(strstr(next(), "MESSAGE=Reservation of " ID ": refused full\n"));
}

/* A value of others cannot end its field: it goes with its length. */
static void a_newline_cannot_forge_a_field(void **state) {
        static const char expect[] = "PEERUP_REASON\n\x0d\0\0\0\0\0\0\0x\nPRIORITY=0\n\n";
        const char *record;

        (void) state;
        audit(AUDIT_CONFIG_REFUSED, AUDIT_TEXT("REASON", "x\nPRIORITY=0\n"));
        record = next();
        assert_non_null(memmem(record, 1024, expect, sizeof(expect) - 1));
}

static void long_values_are_cut(void **state) {
        char text[4 * 1024], cut[1024 + 32];
        const char *record;

        (void) state;
        memset(text, 'x', sizeof(text) - 1);
        text[sizeof(text) - 1] = 0;
        audit(AUDIT_CONFIG_REFUSED, AUDIT_TEXT("REASON", text));
        record = next();
        (void) snprintf(cut, sizeof(cut), "PEERUP_REASON=%.*s\n", 1023, text);
        assert_non_null(strstr(record, cut));
}

static void what_is_over_the_rate_is_counted(void **state) {
        unsigned sent = 0;

        (void) state;
        for (unsigned i = 0; i < 1000; i++) {
                audit(AUDIT_AUTH_DENIED, AUDIT_TEXT("REASON", "x"));
                sent += *next() != 0;
        }
        assert_int_equal(sent, 20);
        audit(AUDIT_SERVICE_DENIED, AUDIT_TEXT("REASON", "x")); /* another kind has a budget of its own */
        assert_true(*next() != 0);
        now_usec += 10 * USEC_PER_SEC;
        audit(AUDIT_AUTH_DENIED, AUDIT_TEXT("REASON", "x"));
        assert_non_null(strstr(next(), "PEERUP_DROPPED=980\n"));
        audit(AUDIT_AUTH_DENIED, AUDIT_TEXT("REASON", "x"));
        assert_null(strstr(next(), "PEERUP_DROPPED"));
}

/* A journald that does not read: nothing waits, and the count is told when it reads again. */
static void a_slow_journald_never_blocks(void **state) {
        unsigned sent = 0;
        const char *record;

        (void) state;
        for (unsigned i = 0; i < 5000; i++) {
                now_usec += 10 * USEC_PER_SEC;
                audit(AUDIT_AUTH_DENIED, AUDIT_TEXT("REASON", "x"));
        }
        while (*next())
                sent++;
        assert_true(sent > 0 && sent < 5000);
        audit(AUDIT_AUTH_DENIED, AUDIT_TEXT("REASON", "x"));
        record = next();
        assert_int_equal(atoi(strstr(record, "PEERUP_DROPPED=") + strlen("PEERUP_DROPPED=")), 5000 - sent);
}

/* What stderr gets while fn runs. */
static char *capture(void (*fn)(void)) {
        static char text[8192];
        int pipes[2], saved = dup(STDERR_FILENO);
        ssize_t n;

        assert_int_equal(pipe(pipes), 0);
        fflush(stderr);
        dup2(pipes[1], STDERR_FILENO);
        close(pipes[1]);
        fn();
        fflush(stderr);
        dup2(saved, STDERR_FILENO);
        close(saved);
        n = read(pipes[0], text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = 0;
        close(pipes[0]);
        return text;
}

static void say(void) {
        ConfigProblems problems = {};

        assert_int_equal(log_error_errno(-ENOENT, "No %s: %m", "file"), -ENOENT);
        log_debug("not told");
        config_error(&problems, 3, "wrong");
        config_warning(&problems, 0, "odd");
        problems.n_dropped = 2;
        log_problems("c.yaml", &problems);
        config_problems_done(&problems);
        journal_set_level(LOG_DEBUG);
        log_debug("told");
        log_notice("n");
        log_info("i");
}

static void lines_go_to_stderr_with_their_priority(void **state) {
        (void) state;
        assert_string_equal(capture(say),
                            "<3>No file: No such file or directory\n<3>c.yaml:3: wrong\n<4>c.yaml: odd\n"
                            "<4>c.yaml: and 2 more\n<7>told\n<5>n\n<6>i\n");
}

static void audit_some(void) {
        p2p_peer_id id;

        assert_int_equal(p2p_peer_id_parse(ID, &id), 0);
        audit(AUDIT_AUTH_ALLOWED, AUDIT_PEER(&id), AUDIT_TEXT("DIRECTION", "in\"b\\\x01"));
        audit(AUDIT_SERVICE_DENIED, AUDIT_PEER(&id), AUDIT_TEXT("SERVICE", "ssh"));
        audit(AUDIT_SESSION, AUDIT_PEER(&id)); /* the original has no such line */
}

static void the_originals_json_goes_to_stderr(void **state) {
        const char *text;

        (void) state;
        journal_set_json(true);
        text = capture(audit_some);
        assert_non_null(strstr(
                text,
                "\"level\":\"INFO\",\"msg\":\"auth_decision\",\"audit\":{\"peer\":\"12D3KooWDpJ7As7B...\","
                "\"direction\":\"in\\\"b\\\\\\u0001\",\"result\":\"allow\"}}\n"));
        assert_non_null(strstr(text, "\"level\":\"WARN\",\"msg\":\"service_acl_denied\",\"audit\":{\"peer\":"
                                     "\"12D3KooWDpJ7As7B...\",\"service\":\"ssh\",\"result\":\"deny\"}}\n"));
        assert_null(strstr(text, "proxy_session"));
}

/* ---- the catalog ---- */
static char ids[_AUDIT_EVENT_MAX][33];

/* MESSAGE_ID= of each event, out of its record. */
static void read_ids(void) {
        for (AuditEvent e = 0; e < _AUDIT_EVENT_MAX; e++) {
                const char *record, *at;

                audit_send(e, NULL, 0);
                record = next();
                assert_non_null(strstr(record, "\nPEERUP_EVENT="));
                at = strstr(record, "\nMESSAGE_ID=");
                assert_non_null(at);
                assert_int_equal(strspn(at + 12, "0123456789abcdef"), 32);
                (void) snprintf(ids[e], sizeof(ids[e]), "%s", at + 12);
        }
}

/* Every id has an entry in the catalog, and every entry is of an id. */
static void the_catalog_is_complete(void **state) {
        char line[256];
        unsigned entries = 0, distinct = 0;
        FILE *f = fopen("configs/peerup.catalog", "re");

        (void) state;
        assert_non_null(f);
        read_ids();
        while (fgets(line, sizeof(line), f)) {
                bool found = false;

                if (strncmp(line, "-- ", 3) != 0)
                        continue;
                entries++;
                for (AuditEvent e = 0; e < _AUDIT_EVENT_MAX; e++)
                        found = found || strncmp(line + 3, ids[e], 32) == 0;
                assert_true(found);
        }
        fclose(f);
        for (AuditEvent e = 0; e < _AUDIT_EVENT_MAX; e++) {
                bool first = true;

                for (AuditEvent k = 0; k < e; k++)
                        first = first && strcmp(ids[k], ids[e]) != 0;
                distinct += first;
        }
        assert_int_equal(entries, distinct);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(a_record_has_its_fields, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_was_not_given_leaves_no_gap, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_newline_cannot_forge_a_field, set_up, tear_down),
                cmocka_unit_test_setup_teardown(long_values_are_cut, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_is_over_the_rate_is_counted, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_slow_journald_never_blocks, set_up, tear_down),
                cmocka_unit_test_setup_teardown(lines_go_to_stderr_with_their_priority, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_originals_json_goes_to_stderr, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_catalog_is_complete, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
