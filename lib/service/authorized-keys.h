/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * authorized_keys: who may connect. One peer a line: ID, attributes key=value, "# comment", which is the
 * name shown to people. A line that is wrong is reported with its number and does not count, all others
 * apply; no file means nobody. An expires= that is not a time makes its line wrong: it never opens what was
 * meant to close. Where a peer stands twice the earlier expiry counts. Edits keep comments, order, unknown
 * attributes and every untouched line byte for byte.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <p2p/macro.h>
#include <p2p/peer.h>
#include <p2p/view.h>
#include "service/problem.h"
#include "service/rfc3339.h"

#define AUTHORIZED_KEYS_SIZE_MAX (8u * 1024u * 1024u)
#define AUTHORIZED_KEYS_MAX                                                                                 \
        16384u /* peers; arbitrary, the streams of architecture.md 4 are counted per such peer */
#define AUTHORIZED_LINE_MAX    65535u /* bytes; the original's */
#define AUTHORIZED_COMMENT_MAX 512u   /* bytes that edits write */

typedef struct AuthorizedPeer {
        p2p_peer_id id;
        uint64_t expires;     /* usec since 1970, wall clock; USEC_INFINITY: never */
        const char *comment;  /* never NULL */
        const char *verified; /* never NULL */
        const char *group;    /* never NULL */
        unsigned line;
} AuthorizedPeer;

typedef struct AuthorizedKeys AuthorizedKeys;

/* Lines that are wrong are warnings, as are those beyond AUTHORIZED_KEYS_MAX peers. Fails for want of memory
 * only. Texts in the result are printable UTF-8. */
int authorized_keys_parse(p2p_view text, ConfigProblems *problems, AuthorizedKeys **ret);
/* No file: an empty set. A file that others may write is refused (-EPERM), as is one that cannot be read;
 * both are errors in problems. */
int authorized_keys_load(const char *path, ConfigProblems *problems, AuthorizedKeys **ret);
AuthorizedKeys *authorized_keys_free(AuthorizedKeys *keys);
P2P_CLEANUP(AuthorizedKeys, authorized_keys_free);

size_t authorized_keys_count(const AuthorizedKeys *keys);
const AuthorizedPeer *authorized_keys_at(const AuthorizedKeys *keys, size_t i); /* file order */
/* NULL: not there. Says nothing about expiry. A binary search. */
const AuthorizedPeer *authorized_keys_find(const AuthorizedKeys *keys, const p2p_peer_id *id);
/* There and not expired: the decision. now: usec since 1970. keys may be NULL (nobody). */
bool authorized_keys_allow(const AuthorizedKeys *keys, const p2p_peer_id *id, uint64_t now);
/* The first expiry after now, USEC_INFINITY if none. */
uint64_t authorized_keys_next_expiry(const AuthorizedKeys *keys, uint64_t now);

/* ---- edits of the text: pure; *ret is NUL-terminated and the caller's ---- */
typedef struct AuthorizedAttribute {
        const char *key;   /* "expires", "verified", "group" or any [A-Za-z0-9_-]+ */
        const char *value; /* no white space, no '#'; NULL or "": it is left out */
} AuthorizedAttribute;

/* One line at the end. comment may be NULL; control characters and bytes that are no UTF-8 are taken out and
 * it is cut. -EEXIST: the peer is there. -EINVAL: an attribute that cannot be written. -ENOBUFS: too many.
 * */
int authorized_text_add(p2p_view text, const p2p_peer_id *id, const char *comment,
                        const AuthorizedAttribute *attributes, size_t n_attributes, char **ret,
                        size_t *ret_n);
/* Every line of the peer, valid attributes or not. -ENOENT. */
int authorized_text_remove(p2p_view text, const p2p_peer_id *id, char **ret, size_t *ret_n);

/* ---- the same on a file: locked, atomic; a missing file is made (0600) by add ---- */
int authorized_keys_add(const char *path, const p2p_peer_id *id, const char *comment,
                        const AuthorizedAttribute *attributes, size_t n_attributes);
int authorized_keys_remove(const char *path, const p2p_peer_id *id);
