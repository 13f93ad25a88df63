/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Drop-ins of a proxy's units out of its entry in a config that is not trusted. Pure: text in, text out. */

#include "service/config.h"

#define DROP_IN_MAX 1024u /* bytes of one */

typedef struct DropIns {
        char socket[DROP_IN_MAX];  /* of peerup-proxy@NAME.socket */
        char service[DROP_IN_MAX]; /* of peerup-proxy@NAME.service */
} DropIns;

/* -EINVAL: something in it may not stand in a unit file; *ret_why names the field. Only numbers, IP
 * addresses and names of [A-Za-z0-9._-] are printed, and paths of them below /run/peerup. */
int drop_ins_format(const ConfigProxy *proxy, DropIns *ret, const char **ret_why);
