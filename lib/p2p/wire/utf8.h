/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <p2p/view.h>

/* Whether a peer's bytes may be shown and passed on as text: well-formed UTF-8 (no surrogates, nothing
 * beyond U+10FFFF, shortest forms) without control characters (C0, DEL, C1). Empty is fine. */
bool p2p_utf8_is_printable(p2p_view text);

/* Bytes of the character that it begins with; 0 where that is none, or none to be shown. */
size_t p2p_utf8_printable_size(p2p_view text);
