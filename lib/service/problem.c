/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A bounded list of what is wrong with a file. Texts quote the file, so they are made printable here, once,
 * and are always one line.
 */

#include "service/problem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/utf8.h"

#define TEXT_MAX 600u /* arbitrary; fits what we say around a quotation */

/* In place; may only get shorter. */
static void make_printable(char *text) {
        size_t n = strlen(text), out = 0;

        for (size_t i = 0; i < n;) {
                size_t size = utf8_printable(text + i, n - i);

                if (size == 0) {
                        text[out++] = '?';
                        i++;
                        continue;
                }
                memmove(text + out, text + i, size);
                out += size;
                i += size;
        }
        text[out] = 0;
}

_printf_(4, 0) static void add(ConfigProblems *problems, ConfigSeverity severity, unsigned line,
                               const char *format, va_list ap) {
        char text[TEXT_MAX];
        char *copy;
        int n;

        if (!problems)
                return;
        if (severity == CONFIG_ERROR)
                problems->n_errors++;

        n = vsnprintf(text, sizeof(text), format, ap);
        if (n >= (int) sizeof(text))
                memcpy(text + sizeof(text) - 4, "...", 4);
        make_printable(text);

        copy = problems->n < CONFIG_PROBLEMS_MAX ? strdup(text) : NULL;
        if (!copy) {
                problems->n_dropped++;
                return;
        }
        problems->items[problems->n++] = (ConfigProblem){ severity, line, copy };
}

void config_error(ConfigProblems *problems, unsigned line, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        add(problems, CONFIG_ERROR, line, format, ap);
        va_end(ap);
}

void config_warning(ConfigProblems *problems, unsigned line, const char *format, ...) {
        va_list ap;

        va_start(ap, format);
        add(problems, CONFIG_WARNING, line, format, ap);
        va_end(ap);
}

int config_judge(int error) {
        switch (error) {
        case -EAGAIN:
        case -EDQUOT:
        case -EINTR:
        case -EIO:
        case -EMFILE:
        case -ENFILE:
        case -ENOMEM:
        case -ENOSPC:
        case -EROFS:
                return error;
        }
        return error < 0 ? -ENOTRECOVERABLE : error;
}

char *config_problem_format(const char *path, const ConfigProblem *problem) {
        char *text;
        int r;

        if (problem->line > 0)
                r = asprintf(&text, "%s:%u: %s", path, problem->line, problem->text);
        else
                r = asprintf(&text, "%s: %s", path, problem->text);

        return r < 0 ? NULL : text;
}

void config_problems_done(ConfigProblems *problems) {
        for (size_t i = 0; i < problems->n; i++)
                free(problems->items[i].text);
        *problems = (ConfigProblems){};
}

ConfigProblems *config_problems_new(void) {
        return calloc(1, sizeof(ConfigProblems));
}

ConfigProblems *config_problems_free(ConfigProblems *problems) {
        if (!problems)
                return NULL;

        config_problems_done(problems);
        free(problems);
        return NULL;
}
