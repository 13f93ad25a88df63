/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values of a multiaddr that are digests: peer ids, certificate hashes, onion and garlic addresses. Each is
 * bytes on the wire and some base in text [wire reference 1].
 */

#include <errno.h>

#include "wire/addr-value.h"
#include "wire/base.h"
#include "wire/multihash.h"
#include "wire/peer-id.h"
#include "wire/reader.h"

#define HASH_MAX 1024u /* no component can be longer than an address */
#define ONION3_SIZE 35u
#define ONION3_TEXT 56u
#define GARLIC64_MIN 386u /* go-multiaddr */

int p2p_addr_p2p_parse(p2p_view text, p2p_writer *out) {
        uint8_t hash[P2P_PEER_HASH_MAX];
        size_t n;
        int r;

        r = p2p_peer_hash_parse(text, hash, sizeof(hash), &n);
        if (r < 0)
                return r;
        p2p_write_bytes(out, P2P_VIEW(hash, n));
        return 0;
}

void p2p_addr_p2p_format(p2p_view value, p2p_writer *out) {
        p2p_base_encode(P2P_BASE58, value, out);
}

int p2p_addr_certhash_check(p2p_view value) {
        p2p_multihash hash;

        return p2p_multihash_decode(value, &hash);
}

int p2p_addr_certhash_parse(p2p_view text, p2p_writer *out) {
        uint8_t hash[HASH_MAX];
        size_t n;
        int r;

        r = p2p_multibase_decode(text, hash, sizeof(hash), &n);
        if (r < 0)
                return -EBADMSG;
        p2p_write_bytes(out, P2P_VIEW(hash, n));
        return 0;
}

void p2p_addr_certhash_format(p2p_view value, p2p_writer *out) {
        p2p_write_u8(out, 'u');
        p2p_base_encode(P2P_BASE64_URL, value, out);
}

/* The port behind the key must not be 0. */
int p2p_addr_onion3_check(p2p_view value) {
        p2p_reader rd = P2P_READER(value);

        (void) p2p_read_bytes(&rd, ONION3_SIZE);
        return p2p_read_be16(&rd) > 0 ? 0 : -EBADMSG;
}

int p2p_addr_onion3_parse(p2p_view text, p2p_writer *out) {
        p2p_reader rd = P2P_READER(text);
        uint8_t key[ONION3_SIZE];
        p2p_view host;
        uint8_t colon;
        size_t n;
        int r;

        host = p2p_read_bytes(&rd, ONION3_TEXT);
        colon = p2p_read_u8(&rd);
        if (rd.error < 0 || colon != ':')
                return -EBADMSG;
        r = p2p_base_decode(P2P_BASE32, host, key, sizeof(key), &n);
        if (r < 0)
                return r;

        p2p_write_bytes(out, P2P_VIEW(key, n));
        return p2p_addr_number16_parse(p2p_read_bytes(&rd, rd.n), out);
}

void p2p_addr_onion3_format(p2p_view value, p2p_writer *out) {
        p2p_reader rd = P2P_READER(value);

        p2p_base_encode(P2P_BASE32, p2p_read_bytes(&rd, ONION3_SIZE), out);
        p2p_write_u8(out, ':');
        p2p_addr_number_format(p2p_read_bytes(&rd, 2), out);
}

/* 32 bytes, or from 35 on where the lease set is encrypted [I2P b32encrypted]. */
int p2p_addr_garlic32_check(p2p_view value) {
        return value.n == 32 || value.n >= 35 ? 0 : -EBADMSG;
}

int p2p_addr_garlic32_parse(p2p_view text, p2p_writer *out) {
        uint8_t bytes[HASH_MAX];
        size_t n;
        int r;

        r = p2p_base_decode(P2P_BASE32, text, bytes, sizeof(bytes), &n);
        if (r < 0)
                return r;
        p2p_write_bytes(out, P2P_VIEW(bytes, n));
        return 0;
}

void p2p_addr_garlic32_format(p2p_view value, p2p_writer *out) {
        p2p_base_encode(P2P_BASE32, value, out);
}

int p2p_addr_garlic64_check(p2p_view value) {
        return value.n >= GARLIC64_MIN ? 0 : -EBADMSG;
}

/* Padded, unlike everything else here. */
int p2p_addr_garlic64_parse(p2p_view text, p2p_writer *out) {
        uint8_t bytes[HASH_MAX];
        size_t n;
        int r;

        if (text.n % 4 != 0)
                return -EBADMSG;
        for (unsigned i = 0; i < 2 && text.n > 0 && text.data[text.n - 1] == '='; i++)
                text.n--;
        r = p2p_base_decode(P2P_BASE64_I2P, text, bytes, sizeof(bytes), &n);
        if (r < 0)
                return r;
        p2p_write_bytes(out, P2P_VIEW(bytes, n));
        return 0;
}

void p2p_addr_garlic64_format(p2p_view value, p2p_writer *out) {
        p2p_base_encode(P2P_BASE64_I2P, value, out);
        for (size_t n = value.n; n % 3 != 0; n++)
                p2p_write_u8(out, '=');
}
