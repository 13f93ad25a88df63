/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/remote.h"
#include "tests/unit/cli/capture.h"

static void errors_say_what_to_do(void **state) {
        static const struct {
                const Remote *remote;
                const char *name, *message, *text;
        } cases[] = {
                { &remote_daemon, "org.freedesktop.DBus.Error.ServiceUnknown",
                  "The name ... was not provided",
                  "peerupctl: the daemon is not running\nStart it: systemctl start peerup\n" },
                { &remote_relay, "org.freedesktop.DBus.Error.NameHasNoOwner", "Could not get owner",
                  "peerupctl: the relay is not running\nStart it: systemctl start peerup-relay\n" },
                { &remote_daemon, "org.freedesktop.DBus.Error.NoReply", "Message recipient disconnected",
                  "peerupctl: the daemon went away, or does not answer\nSee: systemctl status peerup\n" },
                { &remote_daemon, "org.freedesktop.DBus.Error.AccessDenied", "x",
                  "peerupctl: this is not allowed to you\n"
                  "Run it as root; to connect and to ping, membership in the group peerup is enough\n" },
                { &remote_relay, "org.freedesktop.DBus.Error.UnknownMethod", "x",
                  "peerupctl: the relay is of another version than peerupctl\n"
                  "Restart it: systemctl restart peerup-relay\n" },
                { &remote_daemon, "dev.peerup.daemon1.NotAuthorizedThere",
                  "home does not let this machine in; run on home: peerupctl auth add 12D3",
                  "peerupctl: home does not let this machine in\nRun on home: peerupctl auth add 12D3\n" },
                { &remote_daemon, "dev.peerup.daemon1.LastRelay",
                  "That is the last relay; peerupctl relay remove --force",
                  "peerupctl: That is the last relay\npeerupctl relay remove --force\n" },
                { &remote_daemon, "dev.peerup.daemon1.PeerUnreachable", "only a reason; ",
                  "peerupctl: only a reason\n" },
                { &remote_daemon, "dev.peerup.daemon1.ServiceExists", "There is one",
                  "peerupctl: There is one\n" },
                { &remote_daemon, "org.freedesktop.DBus.Error.LimitsExceeded", "There are 96 services",
                  "peerupctl: There are 96 services\nClose some, or try again later\n" },
                { &remote_daemon, "com.example.Strange", "clear\033[2J the screen",
                  "peerupctl: clear?[2J the screen\n" },
                { &remote_daemon, "com.example.Strange", "", "peerupctl: Input/output error\n" },
                { &remote_daemon, NULL, NULL, "peerupctl: Input/output error\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                sd_bus_error e = { .name = cases[i].name, .message = cases[i].message };
                char *text;
                Capture c;

                capture_begin(&c, &stderr);
                assert_int_equal(remote_explain(cases[i].remote, &e, -EIO), -EIO);
                text = capture_end(&c);
                if (strcmp(text, cases[i].text) != 0)
                        fail_msg("%s: %s", cases[i].name ? cases[i].name : "-", text);
                free(text);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(errors_say_what_to_do),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
