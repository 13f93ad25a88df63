/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lines and splices: where something stands in a text, and how to change it there and nowhere else. Columns
 * are counted in characters as in YamlNode, where a byte order mark is none.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/config-edit-private.h"

int lines_init(Lines *lines, p2p_view text) {
        size_t n = 0, start = 0;
        p2p_view *at;

        for (size_t i = 0; i < text.n; i++)
                n += text.data[i] == '\n';
        at = calloc(n + 1, sizeof(*at));
        if (!at)
                return -ENOMEM;

        *lines = (Lines){ .text = text, .at = at, .end = "\n" };
        for (size_t i = 0; i < text.n; i++) {
                if (text.data[i] != '\n' && i + 1 < text.n)
                        continue;
                at[lines->n++] = (p2p_view){ text.data + start, i + 1 - start };
                start = i + 1;
        }
        if (lines->n > 0)
                at[0] = yaml_skip_mark(at[0]);
        if (lines->n > 0 && at[0].n >= 2 && memcmp(at[0].data + at[0].n - 2, "\r\n", 2) == 0)
                lines->end = "\r\n";
        return 0;
}

void lines_done(Lines *lines) {
        free(lines->at);
        *lines = (Lines){};
}

size_t lines_offset(const Lines *lines, unsigned line, unsigned column) {
        const uint8_t *p, *end;

        if (line == 0 || line > lines->n)
                return lines->text.n;
        p = lines->at[line - 1].data;
        end = p + lines->at[line - 1].n;
        while (column > 0 && p < end) {
                p++;
                while (p < end && (*p & 0xc0) == 0x80)
                        p++;
                column--;
        }

        return (size_t) (p - lines->text.data);
}

size_t lines_end(const Lines *lines, unsigned line) {
        if (line == 0 || line > lines->n)
                return lines->text.n;

        return (size_t) (lines->at[line - 1].data - lines->text.data) + lines->at[line - 1].n;
}

bool lines_is_first(const Lines *lines, unsigned line, unsigned column) {
        if (line == 0 || line > lines->n || column > lines->at[line - 1].n)
                return false;
        for (unsigned i = 0; i < column; i++)
                if (lines->at[line - 1].data[i] != ' ')
                        return false;

        return true;
}

int lines_comment_indent(const Lines *lines, unsigned line) {
        p2p_view at;
        size_t i = 0;

        if (line == 0 || line > lines->n)
                return -1;
        at = lines->at[line - 1];
        while (i < at.n && (at.data[i] == ' ' || at.data[i] == '\t'))
                i++;

        return i < at.n && at.data[i] == '#' ? (int) i : -1;
}

/* ---- splices ---- */
int splices_add(Splices *splices, size_t from, size_t n, char *text) {
        if (!text)
                return -ENOMEM;
        if (splices->n >= SPLICES_MAX) {
                free(text);
                return -ENOBUFS;
        }
        splices->items[splices->n++] = (Splice){ from, n, text };
        return 0;
}

void splices_done(Splices *splices) {
        for (size_t i = 0; i < splices->n; i++)
                free(splices->items[i].text);
        splices->n = 0;
}

int splices_apply(const Splices *splices, p2p_view text, char **ret, size_t *ret_n) {
        size_t size = text.n + 1, at = 0;
        char *out, *p;

        for (size_t i = 0; i < splices->n; i++) {
                if (splices->items[i].from < at || splices->items[i].n > text.n - splices->items[i].from)
                        return -EINVAL;
                at = splices->items[i].from + splices->items[i].n;
                size += strlen(splices->items[i].text);
        }
        out = p = malloc(size);
        if (!out)
                return -ENOMEM;
        at = 0;
        for (size_t i = 0; i < splices->n; i++) {
                const Splice *s = &splices->items[i];

                p = mempcpy(p, text.data + at, s->from - at);
                p = mempcpy(p, s->text, strlen(s->text));
                at = s->from + s->n;
        }
        if (text.n > at)
                p = mempcpy(p, text.data + at, text.n - at);
        *p = 0;

        *ret = out;
        *ret_n = (size_t) (p - out);
        return 0;
}
