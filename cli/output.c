/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Standard output as systemd's tools treat it: colours and a pager only for a terminal, JSON for programs.
 * Names, comments and agent strings come from other machines: nothing of theirs reaches a terminal before
 * text_printable().
 */

#include "cli/output.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include <p2p/macro.h>

#include "service/utf8.h"

bool stdout_is_terminal(void) {
        return isatty(STDOUT_FILENO);
}

bool colours_wanted(void) {
        static int wanted = -1;

        if (wanted < 0) {
                const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

                wanted = stdout_is_terminal() && (!no || !*no) && (!term || strcmp(term, "dumb") != 0);
        }
        return wanted;
}

const char *colour_on(Colour colour) {
        static const char *const sequences[_COLOUR_MAX] = {
                [COLOUR_NONE] = "",          [COLOUR_BOLD] = "\033[1m",    [COLOUR_FAINT] = "\033[2m",
                [COLOUR_GREEN] = "\033[32m", [COLOUR_YELLOW] = "\033[33m", [COLOUR_RED] = "\033[31m",
        };

        return colours_wanted() ? sequences[colour] : "";
}

const char *colour_off(void) {
        return colours_wanted() ? "\033[0m" : "";
}

int json_print(const json_t *json, const Options *options) {
        size_t flags =
                JSON_ENCODE_ANY | (options->json == JSON_FORMAT_PRETTY ? JSON_INDENT(8) : JSON_COMPACT);

        if (json_dumpf(json, stdout, flags) < 0 || fputc('\n', stdout) == EOF)
                return complain(-EIO, "cannot write: %s", strerror(errno));
        return 0;
}

char *text_printable(const char *text) {
        size_t left = strlen(text), n = 0;
        char *copy = malloc(left + 1);

        if (!copy)
                return NULL;
        while (left > 0) {
                size_t k = utf8_printable(text, left);

                if (k == 0) {
                        copy[n++] = '?';
                        k = 1;
                } else {
                        memcpy(copy + n, text, k);
                        n += k;
                }
                text += k;
                left -= k;
        }
        copy[n] = '\0';
        return copy;
}

size_t text_width(const char *text) {
        mbstate_t state = {};
        size_t width = 0;

        while (*text) {
                wchar_t c;
                size_t k = mbrtowc(&c, text, MB_CUR_MAX, &state);
                int w;

                if (k == (size_t) -1 || k == (size_t) -2 || k == 0) {
                        state = (mbstate_t){};
                        text++;
                        width++;
                        continue;
                }
                w = wcwidth(c);
                width += w < 0 ? 1 : (size_t) w;
                text += k;
        }
        return width;
}

int complain(int error, const char *format, ...) {
        va_list ap;

        fflush(stdout);
        fputs("peerupctl: ", stderr);
        va_start(ap, format);
        vfprintf(stderr, format, ap);
        va_end(ap);
        fputc('\n', stderr);
        return error;
}
