/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What is wrong with a file of the user's, and what to do about it: a list that parsers fill instead of
 * logging, so that a program can print it, send it over D-Bus or show it in peerupctl. Errors stop the file
 * from being used, warnings do not.
 */

#include <stdbool.h>
#include <stddef.h>

#include <p2p/macro.h>

#define CONFIG_PROBLEMS_MAX 100u /* arbitrary; more are counted, not kept */

typedef enum ConfigSeverity {
        CONFIG_WARNING,
        CONFIG_ERROR,
} ConfigSeverity;

typedef struct ConfigProblem {
        ConfigSeverity severity;
        unsigned line; /* from 1; 0: the file as a whole */
        char *text;    /* one printable line: what is wrong, then what to write instead */
} ConfigProblem;

typedef struct ConfigProblems {
        ConfigProblem items[CONFIG_PROBLEMS_MAX];
        size_t n;
        size_t n_errors; /* of all, kept or not */
        size_t n_dropped;
} ConfigProblems;

/* Neither fails: where memory is short the problem is still counted. Bytes of the file that are not
 * printable ASCII or UTF-8 come out as '?', and long texts are cut. `problems` may be NULL. */
void config_error(ConfigProblems *problems, unsigned line, const char *format, ...) _printf_(3, 4);
void config_warning(ConfigProblems *problems, unsigned line, const char *format, ...) _printf_(3, 4);

/* "config.yaml:12: listen_addresses: ..."; without the number where there is no line. NULL: no memory. */
char *config_problem_format(const char *path, const ConfigProblem *problem);

void config_problems_done(ConfigProblems *problems); /* empty again, usable again */
ConfigProblems *config_problems_new(void);
ConfigProblems *config_problems_free(ConfigProblems *problems);
P2P_CLEANUP(ConfigProblems, config_problems_free);

/* What a program ends with whose file, a config or a key, came to `error`: -ENOTRECOVERABLE where nothing
 * helps but a person who mends it, and no start before that; else `error` (a full disk, no memory). */
int config_judge(int error);
