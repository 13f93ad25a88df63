/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* DER, as much of it as certificates are made of: values cut out of a reader, in place. Pure. */

#include "wire/reader.h"

enum {
        P2P_DER_BOOLEAN = 0x01,
        P2P_DER_INTEGER = 0x02,
        P2P_DER_BIT_STRING = 0x03,
        P2P_DER_OCTET_STRING = 0x04,
        P2P_DER_OID = 0x06,
        P2P_DER_UTC_TIME = 0x17,
        P2P_DER_GENERALIZED_TIME = 0x18,
        P2P_DER_SEQUENCE = 0x30,
};

/* The content of the next value, which must have this tag; lengths are minimal and below 64 KiB. ret_whole,
 * which may be NULL, is the value with its tag and length. */
p2p_view p2p_der_read(p2p_reader *rd, uint8_t tag, p2p_view *ret_whole);
/* The same of an optional one: false, and nothing is consumed, where another tag or nothing follows. */
bool p2p_der_read_optional(p2p_reader *rd, uint8_t tag, p2p_view *ret);
/* A reader of the content. */
p2p_reader p2p_der_enter(p2p_reader *rd, uint8_t tag);
/* A BIT STRING of whole bytes. */
p2p_view p2p_der_read_bits(p2p_reader *rd);
