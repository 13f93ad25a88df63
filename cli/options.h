/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Options of the command line: anywhere on it, before or after the verb. One that a verb does not know is an
 * error. */

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define OPTION_ALLOW_MAX 64u         /* arbitrary; a service with more is a job for the config file */
#define OPTION_COUNT_MAX 1000000000u /* arbitrary */

/* Options that belong to some verbs only: bits of Verb.options. */
enum {
        OPTION_ALL = 1 << 0,
        OPTION_ALLOW = 1 << 1,
        OPTION_COMMENT = 1 << 2,
        OPTION_COUNT = 1 << 3,
        OPTION_EXPIRES = 1 << 4,
        OPTION_FORCE = 1 << 5,
        OPTION_INTERVAL = 1 << 6,
        OPTION_LISTEN = 1 << 7,
        OPTION_NAME = 1 << 8,
};

typedef enum JsonFormat {
        JSON_FORMAT_OFF,
        JSON_FORMAT_SHORT,
        JSON_FORMAT_PRETTY,
} JsonFormat;

/* Texts are borrowed from argv. */
typedef struct Options {
        JsonFormat json;
        bool help, version, no_legend, no_pager;
        unsigned given; /* OPTION_* that were on the line */
        const char *allow[OPTION_ALLOW_MAX];
        unsigned n_allow;
        const char *comment, *listen, *name; /* NULL: not given */
        uint64_t count;                      /* 0: not given */
        uint64_t expires;                    /* usec since 1970; 0: never */
        uint64_t interval;                   /* usec */
} Options;

/* Moves the words of argv that are no options to its end, which begins at *ret_first. -EINVAL: a mistake,
 * told on stderr. */
int options_parse(int argc, char **argv, Options *ret, int *ret_first);
/* How the option is written, for messages: "--name". */
const char *option_name(unsigned option);
/* A line of help for each option in the mask; with `common`, for those that every verb takes. */
void options_help(FILE *out, unsigned mask, bool common);

/* "peerupctl: " and the text on stderr, then where to read more. Returns -EINVAL. */
int usage_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
