/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Text encodings of bytes. Those whose size is a power of two shift bits through an accumulator that never
 * holds more than 13; base36 and base58 are one big number with leading zeros kept as leading zero digits.
 * Decoding is strict: every byte string has exactly one text (letter case aside) [multibase; RFC 4648; wire
 * reference 2].
 */

#include <errno.h>

#include <p2p/macro.h>

#include "wire/base.h"

static const struct alphabet {
        const char *digits;
        unsigned bits; /* a digit; 0: positional */
        bool one_case;
} alphabets[_P2P_BASE_MAX] = {
        [P2P_BASE16] = { "0123456789abcdef", 4, true },
        [P2P_BASE32] = { "abcdefghijklmnopqrstuvwxyz234567", 5, true },
        [P2P_BASE36] = { "0123456789abcdefghijklmnopqrstuvwxyz", 0, true },
        [P2P_BASE58] = { "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz", 0, false },
        [P2P_BASE64] = { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", 6, false },
        [P2P_BASE64_URL] = { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 6, false },
        [P2P_BASE64_I2P] = { "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-~", 6, false },
};

static int digit_value(const struct alphabet *a, uint8_t c) {
        const char *at;

        if (a->one_case && c >= 'A' && c <= 'Z')
                c = (uint8_t) (c - 'A' + 'a');
        at = c == '\0' ? NULL : strchr(a->digits, c);
        return at ? (int) (at - a->digits) : -EBADMSG;
}

static int decode_bits(const struct alphabet *a, p2p_view text, uint8_t *out, size_t size, size_t *ret_n) {
        unsigned held = 0, n_held = 0;
        size_t n = 0;

        for (size_t i = 0; i < text.n; i++) {
                int digit = digit_value(a, text.data[i]);

                if (digit < 0)
                        return digit;
                held = held << a->bits | (unsigned) digit;
                n_held += a->bits;
                if (n_held < 8)
                        continue;
                if (n == size)
                        return -EMSGSIZE;
                n_held -= 8;
                out[n++] = (uint8_t) (held >> n_held);
                held &= (1u << n_held) - 1;
        }
        /* A whole digit too many, or bits that say something. */
        if (n_held >= a->bits || held != 0)
                return -EBADMSG;

        *ret_n = n;
        return 0;
}

/* The number grows from the end of `out` towards its front and is moved there at last. */
static int decode_positional(const struct alphabet *a, p2p_view text, uint8_t *out, size_t size,
                             size_t *ret_n) {
        unsigned radix = (unsigned) strlen(a->digits);
        size_t n_zeros = 0, n = 0;

        size = P2P_MIN(size, P2P_BASE_POSITIONAL_MAX);
        while (n_zeros < text.n && text.data[n_zeros] == (uint8_t) a->digits[0])
                n_zeros++;
        if (n_zeros > size)
                return -EMSGSIZE;

        for (size_t i = n_zeros; i < text.n; i++) {
                int digit = digit_value(a, text.data[i]);
                unsigned carry;

                if (digit < 0)
                        return digit;
                carry = (unsigned) digit;
                for (size_t k = 0; k < n; k++) {
                        carry += radix * out[size - 1 - k];
                        out[size - 1 - k] = (uint8_t) carry;
                        carry >>= 8;
                }
                if (carry == 0)
                        continue;
                if (n_zeros + n == size)
                        return -EMSGSIZE;
                n++;
                out[size - n] = (uint8_t) carry;
        }

        memmove(out + n_zeros, out + size - n, n);
        memset(out, 0, n_zeros);
        *ret_n = n_zeros + n;
        return 0;
}

int p2p_base_decode(p2p_base base, p2p_view text, uint8_t *out, size_t size, size_t *ret_n) {
        const struct alphabet *a = &alphabets[base];

        return a->bits > 0 ? decode_bits(a, text, out, size, ret_n)
                           : decode_positional(a, text, out, size, ret_n);
}

static void encode_bits(const struct alphabet *a, p2p_view in, p2p_writer *out) {
        unsigned held = 0, n_held = 0;

        for (size_t i = 0; i < in.n; i++) {
                held = held << 8 | in.data[i];
                for (n_held += 8; n_held >= a->bits; n_held -= a->bits)
                        p2p_write_u8(out,
                                     (uint8_t)
                                             a->digits[held >> (n_held - a->bits) & ((1u << a->bits) - 1)]);
                held &= (1u << n_held) - 1;
        }
        if (n_held > 0)
                p2p_write_u8(out, (uint8_t) a->digits[held << (a->bits - n_held)]);
}

static void encode_positional(const struct alphabet *a, p2p_view in, p2p_writer *out) {
        unsigned radix = (unsigned) strlen(a->digits);
        uint8_t digits[P2P_BASE_POSITIONAL_MAX * 2]; /* lowest first; log(256) / log(36) is 1.55 */
        size_t n_zeros = 0, n = 0;

        if (in.n > P2P_BASE_POSITIONAL_MAX && out->error == 0)
                out->error = -ENOBUFS;
        if (out->error < 0)
                return;

        while (n_zeros < in.n && in.data[n_zeros] == 0)
                n_zeros++;
        for (size_t i = n_zeros; i < in.n; i++) {
                unsigned carry = in.data[i];

                for (size_t k = 0; k < n; k++) {
                        carry += 256u * digits[k];
                        digits[k] = (uint8_t) (carry % radix);
                        carry /= radix;
                }
                for (; carry > 0; carry /= radix)
                        digits[n++] = (uint8_t) (carry % radix);
        }

        while (n_zeros-- > 0)
                p2p_write_u8(out, (uint8_t) a->digits[0]);
        while (n-- > 0)
                p2p_write_u8(out, (uint8_t) a->digits[digits[n]]);
}

void p2p_base_encode(p2p_base base, p2p_view in, p2p_writer *out) {
        const struct alphabet *a = &alphabets[base];

        if (a->bits > 0)
                encode_bits(a, in, out);
        else
                encode_positional(a, in, out);
}

int p2p_multibase_decode(p2p_view text, uint8_t *out, size_t size, size_t *ret_n) {
        static const struct {
                char prefix;
                p2p_base base;
        } prefixes[] = {
                { 'b', P2P_BASE32 }, { 'B', P2P_BASE32 }, { 'k', P2P_BASE36 },
                { 'K', P2P_BASE36 }, { 'z', P2P_BASE58 }, { 'f', P2P_BASE16 },
                { 'F', P2P_BASE16 }, { 'm', P2P_BASE64 }, { 'u', P2P_BASE64_URL },
        };

        if (text.n == 0)
                return -EBADMSG;
        for (size_t i = 0; i < ELEMENTSOF(prefixes); i++)
                if (text.data[0] == (uint8_t) prefixes[i].prefix)
                        return p2p_base_decode(prefixes[i].base, P2P_VIEW(text.data + 1, text.n - 1), out,
                                               size, ret_n);
        return -EPROTONOSUPPORT;
}
