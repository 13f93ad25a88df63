/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The certificates of wss: not libp2p's own, but those of the Web, which a name and an authority vouch
 * for. */

#include <p2p/macro.h>

typedef struct p2p_web_tls p2p_web_tls;

typedef struct p2p_web_tls_options {
        const char *certificate; /* PEM files: our chain, our own first, */
        const char *key; /* and its key. Both or neither; without them there is nothing to listen with */
        const char *trust;       /* PEM file of authorities; NULL: those of the system */
} p2p_web_tls_options;

/* Reads the files now; only the system's authorities wait for the first dial. -ENOENT, -EACCES ...: a
 * file cannot be read; -EBADMSG: it is not what it should be; -EKEYREJECTED: certificate and key do not
 * belong together. *ret_which: the file's path in the options; may be NULL. */
int p2p_web_tls_new(const p2p_web_tls_options *options, const char **ret_which, p2p_web_tls **ret);
/* Reads the files again, for handshakes from now on. As p2p_web_tls_new(); on failure what was read before
 * stays, and so it does (-EINVAL) where the options name no certificate any more. */
int p2p_web_tls_reload(p2p_web_tls *tls, const p2p_web_tls_options *options, const char **ret_which);
p2p_web_tls *p2p_web_tls_free(p2p_web_tls *tls); /* after what borrows it */
P2P_CLEANUP(p2p_web_tls, p2p_web_tls_free);
