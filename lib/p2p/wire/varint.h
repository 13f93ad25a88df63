/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <p2p/view.h>

/* A uvarint at the head of a growing stream: 1 and the bytes it took, 0 more bytes needed, -EBADMSG not minimal or
 * longer than 9 bytes. */
int p2p_uvarint_parse(p2p_view in, uint64_t *ret, size_t *ret_consumed);
