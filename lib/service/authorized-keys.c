/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The set of peers that may connect. Parsing fails for no line: what is wrong is reported and does not
 * count. The peers stay in the order of the file, beside an index sorted by id; their texts live in one
 * buffer that is at most a little larger than the file. reference/peerup/files.md 3.
 */

#include "service/authorized-keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/atomic-file.h"
#include "service/authorized-line.h"
#include "service/utf8.h"

struct AuthorizedKeys {
        AuthorizedPeer *peers;
        AuthorizedPeer **sorted;
        size_t n, allocated;
        char *texts;
        size_t n_texts;
};

AuthorizedKeys *authorized_keys_free(AuthorizedKeys *keys) {
        if (!keys)
                return NULL;

        free(keys->peers);
        free(keys->sorted);
        free(keys->texts);
        free(keys);
        return NULL;
}

/* Room was counted before: each text is at most as long as in the file, and ends in a NUL. */
static const char *keep_text(AuthorizedKeys *keys, p2p_view text) {
        char *copy = keys->texts + keys->n_texts;
        size_t n = 0;

        for (size_t i = 0; i < text.n;) {
                size_t size = utf8_printable((const char *) text.data + i, text.n - i);

                if (size == 0)
                        copy[n++] = '?';
                else
                        memcpy(copy + n, text.data + i, size);
                n += size;
                i += P2P_MAX(size, 1u);
        }
        copy[n] = 0;
        keys->n_texts += n + 1;
        return copy;
}

static int parse_id(p2p_view word, p2p_peer_id *ret) {
        char text[P2P_PEER_ID_TEXT_MAX];

        if (word.n == 0 || word.n >= sizeof(text) || memchr(word.data, 0, word.n))
                return -EINVAL;
        memcpy(text, word.data, word.n);
        text[word.n] = 0;

        return p2p_peer_id_parse(text, ret);
}

static int parse_expiry(p2p_view value, uint64_t *ret) {
        char text[RFC3339_TEXT_MAX];

        if (value.n >= sizeof(text) || memchr(value.data, 0, value.n))
                return -EINVAL;
        memcpy(text, value.data, value.n);
        text[value.n] = 0;

        return rfc3339_parse(text, ret);
}

/* The last of repeated keys wins. An empty expires= is as good as none. */
static int parse_attributes(const AuthorizedLine *line, AuthorizedPeer *peer, p2p_view *verified,
                            p2p_view *group, p2p_view *ret_wrong) {
        p2p_view rest = line->body, word, key, value, expires = {};

        (void) authorized_word_next(&rest, &word); /* the id */
        while (authorized_word_next(&rest, &word)) {
                if (!authorized_word_split(word, &key, &value))
                        continue;
                if (p2p_view_equal(key, P2P_VIEW_STR("expires")))
                        expires = value;
                else if (p2p_view_equal(key, P2P_VIEW_STR("verified")))
                        *verified = value;
                else if (p2p_view_equal(key, P2P_VIEW_STR("group")))
                        *group = value;
        }
        peer->expires = USEC_INFINITY;
        if (expires.n > 0 && parse_expiry(expires, &peer->expires) < 0) {
                *ret_wrong = expires;
                return -EINVAL;
        }

        return 0;
}

static int quoted(p2p_view text) {
        return (int) P2P_MIN(text.n, 80u);
}

/* 1: the peer is to be kept. */
static int parse_line(AuthorizedKeys *keys, const AuthorizedLine *line, unsigned number,
                      ConfigProblems *problems, AuthorizedPeer *ret) {
        p2p_view verified = {}, group = {}, wrong;
        AuthorizedPeer peer = { .line = number };

        if (line->id.n == 0)
                return 0;
        if (line->raw.n > AUTHORIZED_LINE_MAX) {
                config_warning(problems, number, "longer than %u bytes, does not count; shorten it",
                               AUTHORIZED_LINE_MAX);
                return 0;
        }
        if (parse_id(line->id, &peer.id) < 0) {
                config_warning(problems, number,
                               "'%.*s' is not a peer id, the line does not count; write what "
                               "'peerupctl whoami' prints on that machine",
                               quoted(line->id), line->id.data);
                return 0;
        }
        if (parse_attributes(line, &peer, &verified, &group, &wrong) < 0) {
                config_warning(problems, number,
                               "expires=%.*s is not a time, the line does not count; write e.g. "
                               "expires=2030-12-31T23:59:59Z",
                               quoted(wrong), wrong.data);
                return 0;
        }
        peer.comment = keep_text(keys, line->comment);
        peer.verified = keep_text(keys, verified);
        peer.group = keep_text(keys, group);

        *ret = peer;
        return 1;
}

static int append(AuthorizedKeys *keys, const AuthorizedPeer *peer) {
        if (keys->n == keys->allocated) {
                size_t n = keys->allocated ? keys->allocated * 2 : 16;
                AuthorizedPeer *peers = reallocarray(keys->peers, n, sizeof(*peers));

                if (!peers)
                        return -ENOMEM;
                keys->peers = peers;
                keys->allocated = n;
        }
        keys->peers[keys->n++] = *peer;
        return 0;
}

static int compare_peers(const void *a, const void *b) {
        const AuthorizedPeer *x = *(AuthorizedPeer *const *) a, *y = *(AuthorizedPeer *const *) b;
        int r = p2p_peer_id_compare(&x->id, &y->id);

        return r != 0 ? r : (x->line > y->line) - (x->line < y->line);
}

static int sort(AuthorizedKeys *keys) {
        free(keys->sorted);
        keys->sorted = calloc(P2P_MAX(keys->n, 1u), sizeof(*keys->sorted));
        if (!keys->sorted)
                return -ENOMEM;
        for (size_t i = 0; i < keys->n; i++)
                keys->sorted[i] = &keys->peers[i];
        qsort(keys->sorted, keys->n, sizeof(*keys->sorted), compare_peers);
        return 0;
}

/* Lines of one peer become its first one, with the earliest expiry of them. */
static int merge_repeated(AuthorizedKeys *keys, ConfigProblems *problems) {
        size_t n = 0, kept = 0;

        for (size_t i = 1; i < keys->n; i++) {
                AuthorizedPeer *first = keys->sorted[kept], *peer = keys->sorted[i];

                if (!p2p_peer_id_equal(&first->id, &peer->id)) {
                        kept = i;
                        continue;
                }
                config_warning(problems, peer->line,
                               "repeats the peer of line %u, the earlier expiry counts; remove "
                               "one of the two",
                               first->line);
                first->expires = P2P_MIN(first->expires, peer->expires);
                peer->line = 0;
        }
        for (size_t i = 0; i < keys->n; i++)
                if (keys->peers[i].line > 0)
                        keys->peers[n++] = keys->peers[i];
        if (n == keys->n)
                return 0;

        keys->n = n;
        return sort(keys);
}

int authorized_keys_parse(p2p_view text, ConfigProblems *problems, AuthorizedKeys **ret) {
        _cleanup_(authorized_keys_freep) AuthorizedKeys *keys = calloc(1, sizeof(*keys));
        unsigned number = 0;
        AuthorizedLine line;
        size_t lines = 1;
        int r;

        if (!keys)
                return -ENOMEM;
        for (size_t i = 0; i < text.n; i++)
                lines += text.data[i] == '\n';
        keys->texts = malloc(text.n + 3 * lines);
        if (!keys->texts)
                return -ENOMEM;

        while (authorized_line_next(&text, &line)) {
                AuthorizedPeer peer;

                if (parse_line(keys, &line, ++number, problems, &peer) == 0)
                        continue;
                if (keys->n >= AUTHORIZED_KEYS_MAX) {
                        config_warning(problems, number,
                                       "more than %u peers, this line and those below do not count; "
                                       "remove some",
                                       AUTHORIZED_KEYS_MAX);
                        break;
                }
                r = append(keys, &peer);
                if (r < 0)
                        return r;
        }
        r = sort(keys);
        if (r < 0)
                return r;
        r = merge_repeated(keys, problems);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(keys);
        return 0;
}

int authorized_keys_load(const char *path, ConfigProblems *problems, AuthorizedKeys **ret) {
        struct stat st;
        char *text;
        size_t n;
        int r;

        r = file_read(path, AUTHORIZED_KEYS_SIZE_MAX, &text, &n, &st);
        if (r == -ENOENT)
                return authorized_keys_parse((p2p_view){}, problems, ret);
        if (r == -EFBIG)
                config_error(problems, 0, "larger than %u bytes; remove peers", AUTHORIZED_KEYS_SIZE_MAX);
        else if (r < 0)
                config_error(problems, 0, "cannot be read: %s; run: ls -l %s", strerror(-r), path);
        if (r < 0)
                return r;

        if (st.st_mode & 0022) {
                config_error(problems, 0, "other users can change it (mode %04o); run: chmod %04o %s",
                             st.st_mode & 07777, file_mode_remedy(&st, false), path);
                r = -EPERM;
        } else
                r = authorized_keys_parse(P2P_VIEW(text, n), problems, ret);
        free(text);

        return r;
}

size_t authorized_keys_count(const AuthorizedKeys *keys) {
        return keys ? keys->n : 0;
}

const AuthorizedPeer *authorized_keys_at(const AuthorizedKeys *keys, size_t i) {
        return &keys->peers[i];
}

const AuthorizedPeer *authorized_keys_find(const AuthorizedKeys *keys, const p2p_peer_id *id) {
        size_t low = 0, high = keys ? keys->n : 0;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int r = p2p_peer_id_compare(id, &keys->sorted[middle]->id);

                if (r == 0)
                        return keys->sorted[middle];
                if (r < 0)
                        high = middle;
                else
                        low = middle + 1;
        }

        return NULL;
}

bool authorized_keys_allow(const AuthorizedKeys *keys, const p2p_peer_id *id, uint64_t now) {
        const AuthorizedPeer *peer = authorized_keys_find(keys, id);

        return peer && now < peer->expires;
}

uint64_t authorized_keys_next_expiry(const AuthorizedKeys *keys, uint64_t now) {
        uint64_t next = USEC_INFINITY;

        for (size_t i = 0; i < authorized_keys_count(keys); i++)
                if (keys->peers[i].expires > now)
                        next = P2P_MIN(next, keys->peers[i].expires);

        return next;
}
