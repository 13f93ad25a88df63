/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Access: who is let in at this moment. authorized_keys, followed as the file changes and as the clock
 * passes expiries. */

#include <stdbool.h>

#include <p2p/loop.h>
#include <p2p/peer.h>

#include "service/authorized-keys.h"

typedef struct Access Access;

typedef enum AccessVerdict {
        ACCESS_ALLOWED,
        ACCESS_UNKNOWN, /* not in authorized_keys */
        ACCESS_EXPIRED,
        ACCESS_NOT_LISTED, /* authorized, but not in a service's allowed_peers */
        _ACCESS_VERDICT_MAX,
} AccessVerdict;

typedef struct AccessEvents {
        void (*lost)(const p2p_peer_id *peer, AccessVerdict why,
                     void *userdata);    /* it was allowed and is not any more */
        void (*changed)(void *userdata); /* the set was read anew, after every `lost` */
} AccessEvents;

/* events is borrowed for life. Nobody is allowed before access_load(). */
int access_new(p2p_loop *loop, const AccessEvents *events, void *userdata, Access **ret);
Access *access_free(Access *access);
P2P_CLEANUP(Access, access_free);

/* Reads the file and watches it from now on; events run before this returns. A file that cannot be used is
 * logged, and the last good set stays. gating false: everybody is allowed, the file is not read. */
int access_load(Access *access, const char *path, bool gating);
bool access_gating(const Access *access);
const char *access_path(const Access *access);           /* NULL before access_load() */
const AuthorizedKeys *access_keys(const Access *access); /* borrowed, NULL: nobody */

AccessVerdict access_check(const Access *access, const p2p_peer_id *peer);
const char *access_verdict_text(AccessVerdict verdict); /* for the audit record: "unknown" ... */
uint64_t access_now(void);                              /* the wall clock, usec since 1970 */
