/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * On a private bus of a real dbus-daemon: who calls, who left, and what authorize() decides where there is
 * no polkit. Calls come from child processes, one of them as another user. Real polkit is the lab's.
 */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "service/bus-names.h"
#include "service/bus.h"
#include "service/journal.h"
#include "service/polkit.h"

#define NOBODY 65534

static char directory[64], config[96];
static pid_t daemon_pid;
static sd_bus *bus;
static Polkit *polkit;
static BusClients *clients;
static BusClientLink links[4097];
static unsigned n_links, n_gone;
static uid_t good_user = UID_NONE;

static const char policy[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\" "
        "\"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n<busconfig><type>custom</type>"
        "<listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth><policy context=\"default\"><allow "
        "user=\"*\"/>"
        "<allow own=\"*\"/><allow send_destination=\"*\"/><allow send_requested_reply=\"true\"/>"
        "<allow receive_sender=\"*\"/><allow receive_requested_reply=\"true\"/></policy>"
        "<limit name=\"max_connections_per_user\">1000</limit></busconfig>\n";

/* ---- the service ---- */
static void on_gone(void *userdata) {
        (void) userdata;
        n_gone++;
}

static int method_do(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int r;

        (void) userdata;
        r = authorize(m, ACTION_CONNECT, good_user, polkit, error);
        if (r < 0)
                return r;
        if (r == 0)
                return 1;
        return sd_bus_reply_method_return(m, "s", "done");
}

static int method_hold(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int r;

        (void) userdata;
        (void) error;
        r = bus_client_link(clients, m, &links[n_links], on_gone, NULL);
        if (r < 0)
                return r;
        n_links++;
        return sd_bus_reply_method_return(m, "");
}

static uid_t caller;

static int method_whoami(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        int r;

        (void) userdata;
        (void) error;
        r = bus_sender_uid(m, &caller);
        return r < 0 ? r : sd_bus_reply_method_return(m, "");
}

static const sd_bus_vtable vtable[] = {
        SD_BUS_VTABLE_START(0),
        SD_BUS_METHOD("Do", "", "s", method_do, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("Hold", "", "", method_hold, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_METHOD("WhoAmI", "", "", method_whoami, SD_BUS_VTABLE_UNPRIVILEGED),
        SD_BUS_VTABLE_END,
};

/* ---- the bus ---- */
static int set_up(void **state) {
        char address[128], line[256];
        int pipes[2];
        FILE *f;

        (void) state;
        strcpy(directory, "/tmp/peerup-test-XXXXXX");
        assert_non_null(mkdtemp(directory));
        assert_int_equal(chmod(directory, 0755), 0);
        (void) snprintf(config, sizeof(config), "%s/bus.conf", directory);
        f = fopen(config, "we");
        fprintf(f, policy, directory);
        fclose(f);
        assert_int_equal(pipe(pipes), 0);
        daemon_pid = fork();
        if (daemon_pid == 0) {
                char option[32];

                (void) snprintf(option, sizeof(option), "--print-address=%d", pipes[1]);
                (void) execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", "--config-file",
                              config, option, NULL);
                _exit(127);
        }
        close(pipes[1]);
        assert_true(read(pipes[0], line, sizeof(line)) > 0); /* it listens now */
        close(pipes[0]);

        (void) snprintf(address, sizeof(address), "unix:path=%s/bus", directory);
        assert_int_equal(setenv("PEERUP_BUS_ADDRESS", address, 1), 0);
        assert_int_equal(bus_open(&bus), 0);
        assert_true(sd_bus_request_name(bus, BUS_DAEMON_NAME, 0) >= 0);
        assert_true(sd_bus_add_object_vtable(bus, NULL, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE, vtable,
                                             NULL) >= 0);
        assert_int_equal(polkit_new(bus, &polkit), 0);
        assert_int_equal(bus_clients_new(bus, &clients), 0);
        n_links = n_gone = 0;
        return 0;
}

static int tear_down(void **state) {
        char name[112];

        (void) state;
        for (unsigned i = 0; i < n_links; i++)
                bus_client_unlink(&links[i]);
        polkit_free(polkit);
        bus_clients_free(clients);
        bus = sd_bus_flush_close_unref(bus);
        kill(daemon_pid, SIGTERM);
        (void) waitpid(daemon_pid, NULL, 0);
        (void) snprintf(name, sizeof(name), "%s/bus", directory);
        unlink(name);
        unlink(config);
        return rmdir(directory);
}

/* Serves the bus until the child has ended; its exit status. */
static int serve(pid_t child) {
        int status;

        while (waitpid(child, &status, WNOHANG) == 0) {
                int r = sd_bus_process(bus, NULL);

                assert_true(r >= 0);
                if (r == 0)
                        (void) sd_bus_wait(bus, 50000);
        }
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* A call as this user: 0, or the number of the error's name. */
static int call_as(uid_t uid, const char *method, unsigned times, bool interactive) {
        static const char *const errors[] = { SD_BUS_ERROR_ACCESS_DENIED, SD_BUS_ERROR_LIMITS_EXCEEDED,
                                              SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED };
        sd_bus_error error = SD_BUS_ERROR_NULL;
        sd_bus *own = NULL;
        pid_t child = fork();

        if (child != 0)
                return serve(child);

        if (setuid(uid) < 0 || bus_open(&own) < 0)
                _exit(99);
        (void) sd_bus_set_allow_interactive_authorization(own, interactive);
        (void) sd_bus_set_method_call_timeout(own, 10 * USEC_PER_SEC);
        for (unsigned i = 0; i < times; i++)
                if (sd_bus_call_method(own, BUS_DAEMON_NAME, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE, method,
                                       &error, NULL, "") < 0) {
                        for (unsigned k = 0; k < 3; k++)
                                if (sd_bus_error_has_name(&error, errors[k]))
                                        _exit((int) k + 1);
                        _exit(98);
                }
        _exit(0);
}

static void root_is_never_asked_about(void **state) {
        (void) state;
        assert_int_equal(call_as(0, "Do", 3, false), 0);
}

static void without_polkit_others_are_refused(void **state) {
        (void) state;
        assert_int_equal(call_as(NOBODY, "Do", 1, false), 1);
        assert_int_equal(call_as(NOBODY, "Do", 1, true), 1);
}

/* The last record, "" if there is none. */
static const char *last_record(int receiver) {
        static char record[4096];
        ssize_t n;

        record[0] = '\0';
        while ((n = recv(receiver, record, sizeof(record) - 1, MSG_DONTWAIT)) > 0)
                record[n] = '\0';
        return record;
}

static void a_refusal_is_recorded(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        const char *record;

        (void) state;
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/journal", directory);
        assert_int_equal(bind(receiver, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(journal_open_socket("peerup", "daemon", address.sun_path, NULL), 0);
        assert_int_equal(call_as(0, "Do", 1, false), 0);
        assert_string_equal(last_record(receiver), "");
        assert_int_equal(call_as(NOBODY, "Do", 1, false), 1);
        record = last_record(receiver);
        assert_non_null(strstr(record, "MESSAGE_ID=82c7c89d8b934244ba6c1c9f6ec91d27\n"));
        assert_non_null(
                strstr(record, "MESSAGE=Refused user 65534 on the bus: Do needs " ACTION_CONNECT "\n"));
        journal_close();
        assert_int_equal(close(receiver), 0);
        assert_int_equal(unlink(address.sun_path), 0);
}

static void a_good_user_is_not_asked_about_either(void **state) {
        (void) state;
        polkit_restrict_user(polkit, NOBODY);
        assert_int_equal(call_as(NOBODY, "Do", 1, false), 1);
        good_user = NOBODY;
        assert_int_equal(call_as(NOBODY, "Do", 1, false), 0);
        good_user = UID_NONE;
}

static void callers_are_known_by_uid(void **state) {
        (void) state;
        for (unsigned i = 0; i < 2; i++) {
                uid_t uid = i ? NOBODY : 0;

                caller = UID_NONE;
                assert_int_equal(call_as(uid, "WhoAmI", 1, false), 0);
                assert_int_equal(caller, uid);
        }
        assert_int_equal(bus_user_uid("root"), 0);
        assert_int_equal(bus_user_uid("no-such-user-here"), UID_NONE);
}

/* 600 things of one client: one track, where one each would break the connection at 512. */
static void a_client_that_leaves_is_told_for_each_thing(void **state) {
        (void) state;
        assert_int_equal(call_as(NOBODY, "Hold", 600, false), 0);
        for (unsigned i = 0; i < 200 && n_gone < 600; i++) {
                if (sd_bus_process(bus, NULL) == 0)
                        (void) sd_bus_wait(bus, 50000);
        }
        assert_int_equal(n_gone, 600);
        assert_int_equal(bus_clients_count(clients), 0);
        assert_int_equal(call_as(0, "WhoAmI", 1, false), 0); /* the connection lives */
}

static void what_is_unlinked_is_not_told(void **state) {
        int status, pipes[2];
        pid_t child;

        (void) state;
        assert_int_equal(pipe(pipes), 0);
        child = fork();
        if (child == 0) {
                sd_bus *own = NULL;
                char c;

                close(pipes[1]);
                if (bus_open(&own) < 0)
                        _exit(1);
                for (unsigned i = 0; i < 2; i++)
                        if (sd_bus_call_method(own, BUS_DAEMON_NAME, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE,
                                               "Hold", NULL, NULL, "") < 0)
                                _exit(1);
                _exit(read(pipes[0], &c, 1) == 0 ? 0 : 1);
        }
        close(pipes[0]);
        while (n_links < 2)
                if (sd_bus_process(bus, NULL) == 0)
                        (void) sd_bus_wait(bus, 50000);
        assert_int_equal(bus_clients_count(clients), 1);
        bus_client_unlink(&links[0]);
        bus_client_unlink(&links[0]); /* twice is fine */
        close(pipes[1]);
        assert_int_equal(waitpid(child, &status, 0), child);
        while (n_gone < 1)
                if (sd_bus_process(bus, NULL) == 0)
                        (void) sd_bus_wait(bus, 50000);
        assert_int_equal(n_gone, 1);
        assert_int_equal(bus_clients_count(clients), 0);
}

/* As if the caller with this name held one more thing. */
static int hold(const char *sender, BusClientLink *link) {
        sd_bus_message *m = NULL;
        int r;

        assert_true(sd_bus_message_new_signal(bus, &m, "/x", "x.y", "Z") >= 0);
        assert_true(sd_bus_message_set_sender(m, sender) >= 0);
        r = bus_client_link(clients, m, link, on_gone, NULL);
        sd_bus_message_unref(m);
        return r;
}

static void what_clients_hold_is_limited(void **state) {
        static sd_bus *callers[401];
        const char *name;

        (void) state;
        for (unsigned i = 0; i < ELEMENTSOF(callers); i++)
                assert_int_equal(bus_open(&callers[i]), 0);
        assert_true(sd_bus_get_unique_name(callers[0], &name) >= 0);
        for (unsigned i = 0; i < 4097; i++)
                assert_int_equal(hold(name, &links[i]), i < 4096 ? 0 : -ENOBUFS);
        for (unsigned i = 0; i < 4096; i++)
                bus_client_unlink(&links[i]);
        for (unsigned i = 0; i < ELEMENTSOF(callers); i++) {
                assert_true(sd_bus_get_unique_name(callers[i], &name) >= 0);
                assert_int_equal(hold(name, &links[i]), i < 400 ? 0 : -ENOBUFS);
        }
        n_links = 400;
        assert_true(sd_bus_call_method(bus, "org.freedesktop.DBus", "/", "org.freedesktop.DBus.Peer", "Ping",
                                       NULL, NULL, "") >= 0);
        for (unsigned i = 0; i < ELEMENTSOF(callers); i++)
                sd_bus_flush_close_unref(callers[i]);
}

static void uids_are_judged(void **state) {
        (void) state;
        polkit_restrict_user(polkit, 77);
        polkit_restrict_user(polkit, UID_NONE);
        assert_int_equal(polkit_judge_uid(polkit, 0, 500, UID_NONE), 1);
        assert_int_equal(polkit_judge_uid(polkit, 500, 500, UID_NONE), 1);
        assert_int_equal(polkit_judge_uid(polkit, 501, 500, UID_NONE), 0);
        assert_int_equal(polkit_judge_uid(polkit, 501, 500, 501), 1);
        assert_int_equal(polkit_judge_uid(polkit, 77, 500, UID_NONE), -EACCES);
        assert_int_equal(polkit_judge_uid(polkit, 77, 500, 77), 1);
        assert_int_equal(polkit_judge_uid(polkit, UID_NONE, 500, UID_NONE), 0);
}

static int read_answer(int authorized, int challenge, const char *signature) {
        sd_bus_message *m = NULL;
        int r;

        assert_true(sd_bus_message_new_signal(bus, &m, "/x", "x.y", "Z") >= 0);
        if (strcmp(signature, "(bba{ss})") == 0)
                assert_true(sd_bus_message_append(m, "(bba{ss})", authorized, challenge, 1, "k", "v") >= 0);
        else
                assert_true(sd_bus_message_append(m, signature, 1, 1) >= 0);
        assert_true(sd_bus_message_seal(m, 1, 0) >= 0);
        r = polkit_read_answer(m);
        sd_bus_message_unref(m);
        return r;
}

static void answers_are_read(void **state) {
        (void) state;
        assert_int_equal(read_answer(1, 0, "(bba{ss})"), 1);
        assert_int_equal(read_answer(1, 1, "(bba{ss})"), 1);
        assert_int_equal(read_answer(0, 1, "(bba{ss})"), 2);
        assert_int_equal(read_answer(0, 0, "(bba{ss})"), 0);
        assert_true(read_answer(0, 0, "bb") < 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(root_is_never_asked_about, set_up, tear_down),
                cmocka_unit_test_setup_teardown(without_polkit_others_are_refused, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_refusal_is_recorded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_good_user_is_not_asked_about_either, set_up, tear_down),
                cmocka_unit_test_setup_teardown(callers_are_known_by_uid, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_client_that_leaves_is_told_for_each_thing, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(what_is_unlinked_is_not_told, set_up, tear_down),
                cmocka_unit_test_setup_teardown(what_clients_hold_is_limited, set_up, tear_down),
                cmocka_unit_test_setup_teardown(uids_are_judged, set_up, tear_down),
                cmocka_unit_test_setup_teardown(answers_are_read, set_up, tear_down),
        };

        alarm(100); /* a bus that does not answer ends the test */
        return cmocka_run_group_tests(tests, NULL, NULL);
}
