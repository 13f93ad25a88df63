/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From errors of D-Bus to a sentence and a second one about what to do. The programs' own errors say both:
 * "why; what to do".
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"
#include "cli/remote.h"

/* "$unit" and "$title" stand for those of the remote. Text NULL: what the error says. */
static const struct {
        const char *name, *text, *remedy;
} table[] = {
        { "org.freedesktop.DBus.Error.ServiceUnknown", "$title is not running",
          "Start it: systemctl start $unit" },
        { "org.freedesktop.DBus.Error.NameHasNoOwner", "$title is not running",
          "Start it: systemctl start $unit" },
        { "org.freedesktop.DBus.Error.NoReply", "$title went away, or does not answer",
          "See: systemctl status $unit" },
        { "org.freedesktop.DBus.Error.Timeout", "$title does not answer", "See: systemctl status $unit" },
        { "org.freedesktop.DBus.Error.Disconnected", "the bus ended the connection",
          "See: systemctl status dbus" },
        { "org.freedesktop.DBus.Error.AccessDenied", "this is not allowed to you",
          "Run it as root; to connect and to ping, membership in the group peerup is enough" },
        { "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired", "this is not allowed to you",
          "Run it as root; to connect and to ping, membership in the group peerup is enough" },
        { "org.freedesktop.DBus.Error.UnknownMethod", "$title is of another version than peerupctl",
          "Restart it: systemctl restart $unit" },
        { "org.freedesktop.DBus.Error.UnknownInterface", "$title is of another version than peerupctl",
          "Restart it: systemctl restart $unit" },
        { "org.freedesktop.DBus.Error.UnknownObject", "$title is of another version than peerupctl",
          "Restart it: systemctl restart $unit" },
        { "org.freedesktop.DBus.Error.LimitsExceeded", NULL, "Close some, or try again later" },
};

/* text with $unit and $title replaced, to stderr. */
static void print_filled(const char *text, const Remote *remote) {
        for (; *text; text++)
                if (strncmp(text, "$unit", 5) == 0) {
                        fputs(remote->unit, stderr);
                        text += 4;
                } else if (strncmp(text, "$title", 6) == 0) {
                        fputs(remote->title, stderr);
                        text += 5;
                } else
                        fputc(*text, stderr);
}

/* A sentence begins with a capital letter, a command does not. */
static char first_letter(const char *text) {
        bool command = strncmp(text, "peerupctl ", 10) == 0 || strncmp(text, "systemctl ", 10) == 0;

        return *text >= 'a' && *text <= 'z' && !command ? (char) (*text - 'a' + 'A') : *text;
}

static void print_message(const char *message, const char *remedy, const Remote *remote) {
        const char *rest = strstr(message, "; ");

        fprintf(stderr, "peerupctl: %.*s\n", rest ? (int) (rest - message) : (int) strlen(message), message);
        if (rest && rest[2]) {
                fprintf(stderr, "%c%s\n", first_letter(rest + 2), rest + 3);
                return;
        }
        if (remedy) {
                print_filled(remedy, remote);
                fputc('\n', stderr);
        }
}

int remote_explain(const Remote *remote, const sd_bus_error *e, int error) {
        char *message = e->message && *e->message ? text_printable(e->message) : NULL;
        size_t i;

        fflush(stdout);
        for (i = 0; e->name && i < ELEMENTSOF(table); i++)
                if (strcmp(table[i].name, e->name) == 0)
                        break;
        if (e->name && i < ELEMENTSOF(table) && (table[i].text || message)) {
                if (table[i].text) {
                        fputs("peerupctl: ", stderr);
                        print_filled(table[i].text, remote);
                        fputc('\n', stderr);
                        print_filled(table[i].remedy, remote);
                        fputc('\n', stderr);
                } else
                        print_message(message, table[i].remedy, remote);
        } else
                print_message(message ? message : strerror(-error), NULL, remote);
        free(message);
        return error;
}
