/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The protobuf of keys, and how much of it is read. */

#include "crypto/keys.pb-c.h"

#define P2P_PUBLIC_KEY_MESSAGE_MAX 1126u  /* 1.1 KiB: an RSA key of 8192 bits takes 1067 bytes */
#define P2P_PRIVATE_KEY_MESSAGE_MAX 8192u /* arbitrary: an RSA key of 8192 bits takes about 4700 */
