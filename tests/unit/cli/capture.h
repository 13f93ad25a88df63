/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Catches what is printed: glibc lets stdout and stderr be other streams. */

#include <stdio.h>
#include <stdlib.h>

typedef struct Capture {
        FILE **stream, *before;
        char *text; /* after capture_end(); the caller frees */
        size_t n;
} Capture;

static inline void capture_begin(Capture *c, FILE **stream) {
        *c = (Capture){ .stream = stream, .before = *stream };
        *stream = open_memstream(&c->text, &c->n);
        if (!*stream)
                abort();
}

static inline char *capture_end(Capture *c) {
        fclose(*c->stream);
        *c->stream = c->before;
        return c->text;
}
