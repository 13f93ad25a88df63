/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Values of IP addresses, numbers, names and paths in a multiaddr. What go-multiaddr reads is read, with one
 * exception: names and unix paths must be printable UTF-8, because they end in logs and on D-Bus. parse()
 * may let through what check() refuses afterwards: every text becomes bytes, and all bytes pass the same
 * judge [wire reference 1].
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>

#include "wire/addr-value.h"
#include "wire/reader.h"
#include "wire/utf8.h"

static const uint8_t mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

static void write_text(p2p_writer *out, const char *text) {
        p2p_write_bytes(out, P2P_VIEW_STR(text));
}

/* Either family, as 16 bytes: go reads ::ffff:192.0.2.1 as an ip4 and 192.0.2.1 as an ip6. */
static int parse_ip(p2p_view text, uint8_t ip[static 16]) {
        char buf[INET6_ADDRSTRLEN];

        if (text.n >= sizeof(buf) || memchr(text.data, '\0', text.n))
                return -EBADMSG;
        memcpy(buf, text.data, text.n);
        buf[text.n] = '\0';

        if (inet_pton(AF_INET6, buf, ip) == 1)
                return 0;
        memcpy(ip, mapped, sizeof(mapped));
        return inet_pton(AF_INET, buf, ip + sizeof(mapped)) == 1 ? 0 : -EBADMSG;
}

int p2p_addr_ip4_parse(p2p_view text, p2p_writer *out) {
        uint8_t ip[16];
        int r;

        r = parse_ip(text, ip);
        if (r < 0)
                return r;
        if (memcmp(ip, mapped, sizeof(mapped)) != 0)
                return -EBADMSG;
        p2p_write_bytes(out, P2P_VIEW(ip + sizeof(mapped), 4));
        return 0;
}

void p2p_addr_ip4_format(p2p_view value, p2p_writer *out) {
        char text[INET_ADDRSTRLEN];

        write_text(out, inet_ntop(AF_INET, value.data, text, sizeof(text)));
}

int p2p_addr_ip6_parse(p2p_view text, p2p_writer *out) {
        uint8_t ip[16];
        int r;

        r = parse_ip(text, ip);
        if (r < 0)
                return r;
        p2p_write_bytes(out, P2P_VIEW(ip, sizeof(ip)));
        return 0;
}

/* inet_ntop() prints ::102:304 as ::1.2.3.4, which go-multiaddr does not: only ::ffff:0:0/96 is dotted [RFC
 * 5952]. */
static bool is_v4_compatible(p2p_view value) {
        static const uint8_t zeros[12] = {};

        return memcmp(value.data, zeros, sizeof(zeros)) == 0 && (value.data[12] != 0 || value.data[13] != 0);
}

void p2p_addr_ip6_format(p2p_view value, p2p_writer *out) {
        char text[INET6_ADDRSTRLEN];

        if (is_v4_compatible(value)) {
                unsigned high = (unsigned) value.data[12] << 8 | value.data[13];
                unsigned low = (unsigned) value.data[14] << 8 | value.data[15];

                (void) snprintf(text, sizeof(text), "::%x:%x", high, low);
                write_text(out, text);
        } else
                write_text(out, inet_ntop(AF_INET6, value.data, text, sizeof(text)));
}

/* Digits only, leading zeros allowed. */
static int parse_number(p2p_view text, uint64_t max, uint64_t *ret) {
        uint64_t v = 0;

        if (text.n == 0)
                return -EBADMSG;
        for (size_t i = 0; i < text.n; i++) {
                unsigned digit = (unsigned) text.data[i] - '0';

                if (digit > 9 || v > (max - digit) / 10)
                        return -EBADMSG;
                v = v * 10 + digit;
        }
        *ret = v;
        return 0;
}

int p2p_addr_number8_parse(p2p_view text, p2p_writer *out) {
        uint64_t v;
        int r;

        r = parse_number(text, UINT8_MAX, &v);
        if (r < 0)
                return r;
        p2p_write_u8(out, (uint8_t) v);
        return 0;
}

int p2p_addr_number16_parse(p2p_view text, p2p_writer *out) {
        uint64_t v;
        int r;

        r = parse_number(text, UINT16_MAX, &v);
        if (r < 0)
                return r;
        p2p_write_be16(out, (uint16_t) v);
        return 0;
}

int p2p_addr_number64_parse(p2p_view text, p2p_writer *out) {
        uint64_t v;
        int r;

        r = parse_number(text, UINT64_MAX, &v);
        if (r < 0)
                return r;
        p2p_write_be64(out, v);
        return 0;
}

void p2p_addr_number_format(p2p_view value, p2p_writer *out) {
        unsigned long long v = 0;
        char text[24];

        for (size_t i = 0; i < value.n; i++)
                v = v << 8 | value.data[i];
        (void) snprintf(text, sizeof(text), "%llu", v);
        write_text(out, text);
}

int p2p_addr_name_check(p2p_view value) {
        return !memchr(value.data, '/', value.n) && p2p_utf8_is_printable(value) ? 0 : -EBADMSG;
}

int p2p_addr_name_parse(p2p_view text, p2p_writer *out) {
        p2p_write_bytes(out, text);
        return 0;
}

void p2p_addr_name_format(p2p_view value, p2p_writer *out) {
        p2p_write_bytes(out, value);
}

/* Begins with a slash and goes on; a slash at its end would be lost in the text form. */
int p2p_addr_path_check(p2p_view value) {
        if (value.n < 2 || value.data[0] != '/' || value.data[value.n - 1] == '/')
                return -EBADMSG;
        return p2p_utf8_is_printable(value) ? 0 : -EBADMSG;
}

/* The slash that begins the path is also the one that ends the protocol's name. */
void p2p_addr_path_format(p2p_view value, p2p_writer *out) {
        p2p_write_bytes(out, P2P_VIEW(value.data + 1, value.n - 1));
}

static int hex_digit(uint8_t c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -EBADMSG;
}

/* As a query is escaped, not a path: a plus sign is a space [go-multiaddr]. */
int p2p_addr_http_path_parse(p2p_view text, p2p_writer *out) {
        p2p_reader rd = P2P_READER(text);

        while (rd.n > 0) {
                uint8_t c = p2p_read_u8(&rd);

                if (c == '%') {
                        int high = hex_digit(p2p_read_u8(&rd));
                        int low = hex_digit(p2p_read_u8(&rd));

                        if (high < 0 || low < 0)
                                return -EBADMSG; /* a missing digit reads as NUL, which is none */
                        p2p_write_u8(out, (uint8_t) (high << 4 | low));
                } else
                        p2p_write_u8(out, c == '+' ? ' ' : c);
        }
        return 0;
}

void p2p_addr_http_path_format(p2p_view value, p2p_writer *out) {
        for (size_t i = 0; i < value.n; i++) {
                uint8_t c = value.data[i];
                char escaped[4];

                if ((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                    (c && strchr("-_.~", c)))
                        p2p_write_u8(out, c);
                else if (c == ' ')
                        p2p_write_u8(out, '+');
                else {
                        (void) snprintf(escaped, sizeof(escaped), "%%%02X", c);
                        write_text(out, escaped);
                }
        }
}
