/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The grammar of reference/peerup/files.md 3.1 as views into the text: a comment starts at the first '#',
 * words are separated by any Unicode white space, CR before LF belongs to the line end. Nothing is copied,
 * so an edit can keep every byte that it does not mean to change.
 */

#include "service/authorized-line.h"

/* Bytes of the white space at the start, 0 if there is none. [Unicode White_Space] */
static size_t space_size(p2p_view v) {
        const uint8_t *s = v.data;

        if (v.n >= 1 && (s[0] == ' ' || (s[0] >= '\t' && s[0] <= '\r')))
                return 1;
        if (v.n >= 2 && s[0] == 0xc2 && (s[1] == 0x85 || s[1] == 0xa0))
                return 2;
        if (v.n < 3)
                return 0;
        if (s[0] == 0xe1 && s[1] == 0x9a && s[2] == 0x80)
                return 3; /* U+1680 */
        if (s[0] == 0xe2 && s[1] == 0x80 &&
            ((s[2] >= 0x80 && s[2] <= 0x8a) || s[2] == 0xa8 || s[2] == 0xa9 || s[2] == 0xaf))
                return 3; /* U+2000-200A, 2028, 2029, 202F */
        if (s[0] == 0xe2 && s[1] == 0x81 && s[2] == 0x9f)
                return 3; /* U+205F */

        return s[0] == 0xe3 && s[1] == 0x80 && s[2] == 0x80 ? 3 : 0; /* U+3000 */
}

static p2p_view skip(p2p_view v, size_t n) {
        return (p2p_view){ v.data + n, v.n - n };
}

static p2p_view skip_space(p2p_view v) {
        for (size_t n; (n = space_size(v)) > 0;)
                v = skip(v, n);

        return v;
}

p2p_view authorized_view_trim(p2p_view text) {
        text = skip_space(text);
        for (bool again = true; again;) {
                again = false;
                for (size_t n = 1; n <= 3 && n <= text.n; n++)
                        if (space_size((p2p_view){ text.data + text.n - n, n }) == n) {
                                text.n -= n;
                                again = true;
                                break;
                        }
        }

        return text;
}

bool authorized_word_next(p2p_view *rest, p2p_view *ret) {
        p2p_view word = skip_space(*rest);
        size_t n = 0;

        if (word.n == 0)
                return false;
        while (n < word.n && space_size(skip(word, n)) == 0)
                n++;

        *ret = (p2p_view){ word.data, n };
        *rest = skip(word, n);
        return true;
}

bool authorized_word_split(p2p_view word, p2p_view *ret_key, p2p_view *ret_value) {
        const uint8_t *equals = word.n > 0 ? memchr(word.data, '=', word.n) : NULL;

        if (!equals)
                return false;
        *ret_key = (p2p_view){ word.data, (size_t) (equals - word.data) };
        *ret_value = (p2p_view){ equals + 1, word.n - ret_key->n - 1 };
        return true;
}

bool authorized_line_next(p2p_view *rest, AuthorizedLine *ret) {
        const uint8_t *lf, *hash;
        p2p_view text, words;

        if (rest->n == 0)
                return false;
        lf = memchr(rest->data, '\n', rest->n);
        text = (p2p_view){ rest->data, lf ? (size_t) (lf - rest->data) : rest->n };
        *ret = (AuthorizedLine){ .raw = { rest->data, text.n + !!lf } };
        if (lf && text.n > 0 && text.data[text.n - 1] == '\r')
                text.n--;
        ret->end = skip(ret->raw, text.n);

        hash = text.n > 0 ? memchr(text.data, '#', text.n) : NULL;
        ret->body = (p2p_view){ text.data, hash ? (size_t) (hash - text.data) : text.n };
        ret->has_comment = hash;
        if (hash)
                ret->comment = authorized_view_trim(skip(text, ret->body.n + 1));
        words = ret->body;
        (void) authorized_word_next(&words, &ret->id);

        *rest = skip(*rest, ret->raw.n);
        return true;
}
