/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Which names may be given to things. Whatever passes here can stand in a unit file, an object path or a
 * terminal. */

#include <stdbool.h>

#define SERVICE_NAME_MAX  63u
#define INSTANCE_NAME_MAX 64u

/* [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?, the original's rule for services and networks. The tail for messages:
 * */
#define SERVICE_NAME_RULE                                                                                   \
        "1-63 lowercase letters, digits or hyphens, starting and ending with a letter or digit"
bool service_name_is_valid(const char *name);
/* Names of protocols that a service must not take: /peerup/<name>/1.0.0 is spoken by peer-up itself. */
bool service_name_is_reserved(const char *name);
/* [A-Za-z0-9._-]{1,64}, not starting with '.' or '-': a peer in names:, and the NAME of peerup-proxy@NAME.
 * */
#define INSTANCE_NAME_RULE "1-64 of A-Z a-z 0-9 . _ -, not starting with . or -"
bool instance_name_is_valid(const char *name);
bool peer_name_is_valid(const char *name);
