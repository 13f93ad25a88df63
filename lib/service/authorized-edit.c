/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Edits of authorized_keys. Lines that are not the peer's pass through as they are; in the peer's own line
 * only the wanted word or the comment changes. The file is read, changed and replaced under the directory's
 * lock, so that two edits at a time both count. reference/peerup/files.md 3.3 (and bugs 10 and 13, not
 * copied).
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/atomic-file.h"
#include "service/authorized-keys.h"
#include "service/authorized-line.h"
#include "service/utf8.h"

/* ---- text that grows ---- */
typedef struct Text {
        char *data;
        size_t n, allocated;
        bool failed; /* sticky: asked once, at the end */
} Text;

static void put(Text *text, p2p_view v) {
        if (text->failed || v.n == 0)
                return;
        if (text->allocated - text->n <= v.n) {
                size_t size = P2P_MAX(text->allocated * 2, text->n + v.n + 256);
                char *data = realloc(text->data, size);

                if (!data) {
                        text->failed = true;
                        return;
                }
                text->data = data;
                text->allocated = size;
        }
        memcpy(text->data + text->n, v.data, v.n);
        text->n += v.n;
}

static void put_text(Text *text, const char *s) {
        put(text, P2P_VIEW_STR(s));
}

static int finish(Text *text, char **ret, size_t *ret_n) {
        put(text, P2P_VIEW("", 1));
        if (text->failed) {
                free(text->data);
                return -ENOMEM;
        }

        *ret = text->data;
        *ret_n = text->n - 1;
        return 0;
}

/* ---- words ---- */
static bool is_of_peer(const AuthorizedLine *line, const p2p_peer_id *id) {
        char text[P2P_PEER_ID_TEXT_MAX];
        p2p_peer_id found;

        if (line->id.n == 0 || line->id.n >= sizeof(text) || memchr(line->id.data, 0, line->id.n))
                return false;
        memcpy(text, line->id.data, line->id.n);
        text[line->id.n] = 0;

        return p2p_peer_id_parse(text, &found) >= 0 && p2p_peer_id_equal(&found, id);
}

static bool is_removal(const char *value) {
        return !value || !*value;
}

static bool attribute_is_valid(const AuthorizedAttribute *attribute) {
        uint64_t expires;
        size_t n, size;

        if (!*attribute->key || strlen(attribute->key) > 64)
                return false;
        for (const char *p = attribute->key; *p; p++)
                if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') &&
                    *p != '_' && *p != '-')
                        return false;
        if (is_removal(attribute->value))
                return true;
        n = strlen(attribute->value);
        for (size_t i = 0; i < n; i += size) {
                size = utf8_printable(attribute->value + i, n - i);
                if (size == 0 || size > 1 || attribute->value[i] == ' ' || attribute->value[i] == '#')
                        return false;
        }

        return n <= 256 &&
               (strcmp(attribute->key, "expires") != 0 || rfc3339_parse(attribute->value, &expires) >= 0);
}

static void put_attribute(Text *text, const AuthorizedAttribute *attribute) {
        put_text(text, attribute->key);
        put_text(text, "=");
        put_text(text, attribute->value);
}

/* Printable, trimmed and cut between characters. */
static size_t clean_comment(const char *comment, char out[static AUTHORIZED_COMMENT_MAX]) {
        size_t size = comment ? strlen(comment) : 0, n = 0;
        p2p_view trimmed;

        for (size_t i = 0; i < size;) {
                size_t k = utf8_printable(comment + i, size - i);

                if (k > 0 && n + k > AUTHORIZED_COMMENT_MAX)
                        break;
                memcpy(out + n, comment + i, k);
                n += k;
                i += P2P_MAX(k, 1u);
        }
        trimmed = authorized_view_trim(P2P_VIEW(out, n));
        memmove(out, trimmed.data, trimmed.n);

        return trimmed.n;
}

static void put_comment(Text *text, const char *comment) {
        char clean[AUTHORIZED_COMMENT_MAX];
        size_t n = clean_comment(comment, clean);

        if (n == 0)
                return;
        put_text(text, "  # ");
        put(text, P2P_VIEW(clean, n));
}

/* ---- add ---- */
int authorized_text_add(p2p_view text, const p2p_peer_id *id, const char *comment,
                        const AuthorizedAttribute *attributes, size_t n_attributes, char **ret,
                        size_t *ret_n) {
        char id_text[P2P_PEER_ID_TEXT_MAX];
        p2p_view rest = text;
        AuthorizedLine line;
        Text out = {};
        size_t n = 0;

        for (size_t i = 0; i < n_attributes; i++)
                if (!attribute_is_valid(&attributes[i]))
                        return -EINVAL;
        while (authorized_line_next(&rest, &line)) {
                if (is_of_peer(&line, id))
                        return -EEXIST;
                n += line.id.n > 0;
        }
        if (n >= AUTHORIZED_KEYS_MAX)
                return -ENOBUFS;

        put(&out, text);
        if (text.n > 0 && text.data[text.n - 1] != '\n')
                put_text(&out, "\n");
        put_text(&out, p2p_peer_id_format(id, id_text));
        for (size_t i = 0; i < n_attributes; i++)
                if (!is_removal(attributes[i].value)) {
                        put_text(&out, "  ");
                        put_attribute(&out, &attributes[i]);
                }
        put_comment(&out, comment);
        put_text(&out, "\n");

        return finish(&out, ret, ret_n);
}

/* ---- remove ---- */
int authorized_text_remove(p2p_view text, const p2p_peer_id *id, char **ret, size_t *ret_n) {
        AuthorizedLine line;
        bool found = false;
        Text out = {};

        while (authorized_line_next(&text, &line))
                if (is_of_peer(&line, id))
                        found = true;
                else
                        put(&out, line.raw);
        if (!found) {
                free(out.data);
                return -ENOENT;
        }

        return finish(&out, ret, ret_n);
}

/* ---- the file ---- */
typedef struct Change {
        const p2p_peer_id *id;
        const char *comment;
        const AuthorizedAttribute *attributes;
        size_t n_attributes;
} Change;

typedef int (*ChangeFn)(p2p_view text, const Change *change, char **ret, size_t *ret_n);

static int change_file(const char *path, ChangeFn fn, const Change *change, bool may_be_missing) {
        _cleanup_(closep) int lock = -1;
        char *old = NULL, *new = NULL;
        size_t n_old = 0, n_new;
        int r;

        r = file_lock_directory(path, &lock);
        if (r < 0)
                return r;
        r = file_read(path, AUTHORIZED_KEYS_SIZE_MAX, &old, &n_old, NULL);
        if (r < 0 && !(r == -ENOENT && may_be_missing))
                return r;
        r = fn(P2P_VIEW(old, n_old), change, &new, &n_new);
        if (r >= 0)
                r = n_new > AUTHORIZED_KEYS_SIZE_MAX ? -ENOBUFS
                                                     : file_replace(path, P2P_VIEW(new, n_new), 0600);
        free(old);
        free(new);

        return r;
}

static int change_add(p2p_view text, const Change *c, char **ret, size_t *ret_n) {
        return authorized_text_add(text, c->id, c->comment, c->attributes, c->n_attributes, ret, ret_n);
}

static int change_remove(p2p_view text, const Change *c, char **ret, size_t *ret_n) {
        return authorized_text_remove(text, c->id, ret, ret_n);
}

int authorized_keys_add(const char *path, const p2p_peer_id *id, const char *comment,
                        const AuthorizedAttribute *attributes, size_t n_attributes) {
        return change_file(path, change_add, &(Change){ id, comment, attributes, n_attributes }, true);
}

int authorized_keys_remove(const char *path, const p2p_peer_id *id) {
        return change_file(path, change_remove, &(Change){ .id = id }, false);
}
