/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Protobuf decoding that a peer cannot make expensive. Two bytes on the wire (an empty submessage) become a
 * hundred in memory, so the size of the message alone bounds nothing: the allocator that protobuf-c is given
 * stops at MEMORY_PER_BYTE times that size. It hands out plain malloc() memory, hence the message outlives
 * it and is freed by protobuf-c's default allocator [wire reference 0].
 */

#include <errno.h>
#include <stdlib.h>

#include "wire/message.h"
#include "wire/writer.h"

#define MEMORY_BASE 4096u   /* arbitrary: the structs of the largest message, all fields present */
#define MEMORY_PER_BYTE 32u /* arbitrary: records full of short addresses need 10 */

struct budget {
        size_t left;
        int error; /* why an allocation was refused */
};

static void *budget_alloc(void *userdata, size_t n) {
        struct budget *b = userdata;
        void *p;

        if (n > b->left) {
                b->error = -EMSGSIZE;
                return NULL;
        }
        p = malloc(n > 0 ? n : 1);
        if (!p) {
                b->error = -ENOMEM;
                return NULL;
        }
        b->left -= n;
        return p;
}

static void budget_free(void *userdata, void *p) {
        (void) userdata;
        free(p);
}

int p2p_message_decode(const ProtobufCMessageDescriptor *type, p2p_view in, size_t max, void *ret_message) {
        struct budget budget = { .left = MEMORY_BASE };
        ProtobufCAllocator allocator = { .alloc = budget_alloc,
                                         .free = budget_free,
                                         .allocator_data = &budget };
        ProtobufCMessage *message;

        if (in.n > max)
                return -EMSGSIZE;
        budget.left += in.n * MEMORY_PER_BYTE;

        message = protobuf_c_message_unpack(type, &allocator, in.n, in.data);
        if (!message)
                return budget.error < 0 ? budget.error : -EBADMSG;

        memcpy(ret_message, &message, sizeof(message));
        return 0;
}

void p2p_message_free(void *message) {
        if (message)
                protobuf_c_message_free_unpacked(message, NULL);
}

int p2p_message_encode(const void *message, bool delimited, uint8_t **ret, size_t *ret_n) {
        size_t n, n_prefix;
        p2p_writer w;
        uint8_t *out;

        n = protobuf_c_message_get_packed_size(message);
        n_prefix = delimited ? p2p_uvarint_size(n) : 0;
        out = malloc(n_prefix + n > 0 ? n_prefix + n : 1);
        if (!out)
                return -ENOMEM;

        w = P2P_WRITER(out, n_prefix);
        if (delimited)
                p2p_write_uvarint(&w, n);
        (void) protobuf_c_message_pack(message, out + n_prefix);

        *ret = out;
        *ret_n = n_prefix + n;
        return 0;
}

int p2p_message_check_canonical(const void *message, p2p_view in) {
        uint8_t *again = NULL;
        size_t n = 0;
        int r;

        r = p2p_message_encode(message, false, &again, &n);
        if (r < 0)
                return r;
        r = p2p_view_equal(in, P2P_VIEW(again, n)) ? 0 : -EBADMSG;
        free(again);
        return r;
}
