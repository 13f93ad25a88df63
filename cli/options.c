/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Options by getopt_long(3), which permutes: an option may stand anywhere, "--" ends them. One table says
 * how each is written, which verbs know it and what it does, so that parser and help cannot differ.
 */

#include "cli/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#include <p2p/macro.h>

#include "cli/output.h"
#include "cli/when.h"

enum {
        COMMON_HELP = 1 << 16,
        COMMON_VERSION = 1 << 17,
        COMMON_JSON = 1 << 18,
        COMMON_J = 1 << 19,
        COMMON_NO_LEGEND = 1 << 20,
        COMMON_NO_PAGER = 1 << 21,
        COMMON = COMMON_HELP | COMMON_VERSION | COMMON_JSON | COMMON_J | COMMON_NO_LEGEND | COMMON_NO_PAGER,
};

static const struct {
        unsigned bit;
        char letter;
        const char *name;     /* NULL: a letter only */
        const char *argument; /* NULL: takes none */
        const char *help;
} table[] = {
        /* clang-format off */
        { COMMON_HELP,      'h', "help",      NULL,      "Show this help, or that of a verb" },
        { COMMON_VERSION,   0,   "version",   NULL,      "Show the version" },
        { COMMON_JSON,      0,   "json",      "MODE",    "Print JSON: short, pretty or off" },
        { COMMON_J,         'j', NULL,        NULL,      "As --json=pretty on a terminal, else short" },
        { COMMON_NO_LEGEND, 0,   "no-legend", NULL,      "Print no headings and no totals" },
        { COMMON_NO_PAGER,  0,   "no-pager",  NULL,      "Do not pipe output into a pager" },
        { OPTION_ALL,       'a', "all",       NULL,      "Also show peers that are no peer-up" },
        { OPTION_ALLOW,     0,   "allow",     "PEER",    "Only this peer may use it (may be repeated)" },
        { OPTION_COMMENT,   0,   "comment",   "TEXT",    "A note beside the peer id" },
        { OPTION_COUNT,     'c', "count",     "N",       "Stop after N pings" },
        { OPTION_EXPIRES,   0,   "expires",   "WHEN",    "30d, 12h, 2026-12-31, 2026-12-31T18:00:00Z" },
        { OPTION_FORCE,     'f', "force",     NULL,      "Remove it even if it is the last one" },
        { OPTION_INTERVAL,  'i', "interval",  "SEC",     "Seconds from one ping to the next (1)" },
        { OPTION_LISTEN,    0,   "listen",    "ADDRESS", "HOST:PORT, or a socket below /run/peerup" },
        { OPTION_NAME,      0,   "name",      "NAME",    "What to call the peer from now on" },
        /* clang-format on */
};

int usage_error(const char *format, ...) {
        va_list ap;

        fputs("peerupctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputs("\nSee 'peerupctl --help' or 'peerupctl VERB --help'.\n", stderr);
        return -EINVAL;
}

const char *option_name(unsigned option) {
        static _Thread_local char text[32];

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].bit == option) {
                        (void) snprintf(text, sizeof(text), "--%s", table[i].name);
                        return text;
                }
        return "";
}

void options_help(FILE *out, unsigned mask, bool common) {
        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                char left[40];

                if (!(table[i].bit & (mask | (common ? COMMON : 0))))
                        continue;
                (void) snprintf(left, sizeof(left), "%s%c%s%s%s%s%s", table[i].letter ? "-" : "   ",
                                table[i].letter ? table[i].letter : ' ',
                                table[i].name && table[i].letter ? ", " : "", table[i].name ? "--" : "",
                                table[i].name ? table[i].name : "", table[i].argument ? "=" : "",
                                table[i].argument ? table[i].argument : "");
                fprintf(out, "  %-22s %s\n", left, table[i].help);
        }
}

static int parse_json(const char *text, JsonFormat *ret) {
        static const char *const modes[] = {
                [JSON_FORMAT_OFF] = "off", [JSON_FORMAT_SHORT] = "short", [JSON_FORMAT_PRETTY] = "pretty"
        };

        for (size_t i = 0; i < ELEMENTSOF(modes); i++)
                if (strcmp(text, modes[i]) == 0) {
                        *ret = i;
                        return 0;
                }
        return usage_error("--json=%s: want short, pretty or off", text);
}

static int parse_expires(const char *text, uint64_t *ret) {
        struct timespec now;
        int r;

        (void) clock_gettime(CLOCK_REALTIME, &now);
        r = expiry_parse(text, (uint64_t) now.tv_sec * USEC_PER_SEC, ret);
        if (r == -ERANGE)
                return usage_error("--expires %s: that is in the past, or too far away", text);
        if (r < 0)
                return usage_error("--expires %s: want a duration (30d, 12h), a date (2026-12-31) or a time "
                                   "(2026-12-31T18:00:00Z)",
                                   text);
        return 0;
}

static int take_common(Options *o, unsigned bit, const char *value) {
        switch (bit) {
        case COMMON_HELP:
                o->help = true;
                return 0;
        case COMMON_VERSION:
                o->version = true;
                return 0;
        case COMMON_JSON:
                return parse_json(value, &o->json);
        case COMMON_J:
                o->json = stdout_is_terminal() ? JSON_FORMAT_PRETTY : JSON_FORMAT_SHORT;
                return 0;
        case COMMON_NO_LEGEND:
                o->no_legend = true;
                return 0;
        case COMMON_NO_PAGER:
                o->no_pager = true;
                return 0;
        }
        return 0;
}

/* One option that stood on the line; value is NULL where it takes none. */
static int take(Options *o, unsigned bit, const char *value) {
        if (bit & COMMON)
                return take_common(o, bit, value);
        o->given |= bit;
        switch (bit) {
        case OPTION_ALLOW:
                if (o->n_allow >= OPTION_ALLOW_MAX)
                        return usage_error("--allow: more than %u peers", OPTION_ALLOW_MAX);
                o->allow[o->n_allow++] = value;
                return 0;
        case OPTION_COMMENT:
                o->comment = value;
                return 0;
        case OPTION_COUNT:
                if (count_parse(value, OPTION_COUNT_MAX, &o->count) < 0)
                        return usage_error("--count %s: want a number from 1", value);
                return 0;
        case OPTION_EXPIRES:
                return parse_expires(value, &o->expires);
        case OPTION_INTERVAL:
                if (interval_parse(value, &o->interval) < 0)
                        return usage_error("--interval %s: want seconds, from 0.01 to 3600", value);
                return 0;
        case OPTION_LISTEN:
                o->listen = value;
                return 0;
        case OPTION_NAME:
                o->name = value;
                return 0;
        }
        return 0; /* OPTION_ALL, OPTION_FORCE: `given` says it */
}

/* What getopt_long refused: '?' or ':', at argv[optind - 1]. */
static int refuse(int c, char **argv) {
        const char *word = argv[optind - 1];

        if (strncmp(word, "--", 2) != 0 && c == '?')
                return usage_error("unknown option '-%c'", optopt);
        if (c == ':')
                return usage_error("option '%s' wants a value", word);
        if (optopt != 0)
                return usage_error("option '%.*s' takes no value", (int) strcspn(word, "="), word);
        return usage_error("unknown option '%s'", word);
}

int options_parse(int argc, char **argv, Options *ret, int *ret_first) {
        struct option longs[ELEMENTSOF(table) + 1] = {};
        char letters[2 * ELEMENTSOF(table) + 2] = ":";
        Options o = { .interval = USEC_PER_SEC };
        size_t n_longs = 0, n_letters = 1;
        int c, r;

        for (size_t i = 0; i < ELEMENTSOF(table); i++) {
                if (table[i].name)
                        longs[n_longs++] =
                                (struct option){ table[i].name,
                                                 table[i].argument ? required_argument : no_argument, NULL,
                                                 256 + (int) i };
                if (!table[i].letter)
                        continue;
                letters[n_letters++] = table[i].letter;
                if (table[i].argument)
                        letters[n_letters++] = ':';
        }

        opterr = 0;
        optind = 0; /* glibc: start anew */
        while ((c = getopt_long(argc, argv, letters, longs, NULL)) >= 0) {
                size_t i = c - 256;

                if (c == '?' || c == ':')
                        return refuse(c, argv);
                if (c < 256)
                        for (i = 0; table[i].letter != c; i++)
                                ;
                r = take(&o, table[i].bit, optarg);
                if (r < 0)
                        return r;
        }

        *ret = o;
        *ret_first = optind;
        return 0;
}
