/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* What is made of an identity once and kept with it until it is freed: its certificate. */

#include <p2p/identity.h>

typedef struct p2p_identity_slot {
        void *data; /* NULL: not made yet */
        void (*free)(void *data);
} p2p_identity_slot;

p2p_identity_slot *p2p_identity_slot_of(const p2p_identity *identity);
