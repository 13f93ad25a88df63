/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Multiaddrs. An address is its bytes, one allocation; whatever exists passed p2p_addr_decode(), so
 * everything that reads one later cannot fail. Text is turned into bytes first and judged as those [wire
 * reference 1; multiaddr].
 */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "wire/addr-object.h"

const p2p_addr_protocol *p2p_addr_read_component(p2p_reader *rd, p2p_addr_component *ret) {
        const p2p_addr_protocol *protocol;
        p2p_view value;
        int r;

        protocol = p2p_addr_protocol_by_code(p2p_read_uvarint(rd));
        if (!protocol) {
                p2p_reader_fail(rd, -EBADMSG);
                return NULL;
        }
        if (protocol->size == P2P_ADDR_VARIABLE)
                value = p2p_read_prefixed(rd, SIZE_MAX);
        else
                value = p2p_read_bytes(rd, (size_t) protocol->size);
        if (rd->error < 0)
                return NULL;

        r = p2p_addr_protocol_check(protocol, value);
        if (r < 0) {
                p2p_reader_fail(rd, r);
                return NULL;
        }
        *ret = (p2p_addr_component){ .code = protocol->code, .value = value };
        return protocol;
}

static int count_components(p2p_view in, unsigned *ret) {
        p2p_reader rd = P2P_READER(in);
        unsigned n = 0;

        do {
                const p2p_addr_protocol *protocol;
                p2p_addr_component c;

                if (n == P2P_ADDR_COMPONENTS_MAX)
                        return -EMSGSIZE;
                protocol = p2p_addr_read_component(&rd, &c);
                if (rd.error < 0)
                        return rd.error;
                if (protocol->path && rd.n > 0)
                        return -EBADMSG; /* its text could not be told from the path's */
                n++;
        } while (rd.n > 0);

        *ret = n;
        return 0;
}

int p2p_addr_decode(p2p_view in, p2p_addr **ret) {
        unsigned n_components = 0;
        p2p_addr *addr;
        int r;

        if (in.n > P2P_ADDR_SIZE_MAX)
                return -EMSGSIZE;
        r = count_components(in, &n_components);
        if (r < 0)
                return r;

        addr = malloc(sizeof(*addr) + in.n);
        if (!addr)
                return -ENOMEM;
        addr->n = in.n;
        addr->n_components = n_components;
        memcpy(addr->data, in.data, in.n);
        *ret = addr;
        return 0;
}

/* Takes what stands before the next slash, and the slash. */
static p2p_view take_part(p2p_view *text) {
        const uint8_t *slash = memchr(text->data, '/', text->n);
        p2p_view part = P2P_VIEW(text->data, slash ? (size_t) (slash - text->data) : text->n);
        size_t n = part.n + (slash ? 1 : 0);

        *text = P2P_VIEW(text->data + n, text->n - n);
        return part;
}

/* `text` begins behind the slash. */
static int parse_component(p2p_view *text, p2p_writer *out) {
        const p2p_addr_protocol *protocol;
        uint8_t buf[P2P_ADDR_SIZE_MAX];
        p2p_writer value = P2P_WRITER(buf, sizeof(buf));
        p2p_view part;
        int r;

        protocol = p2p_addr_protocol_by_name(take_part(text));
        if (!protocol)
                return -EINVAL;
        p2p_write_uvarint(out, protocol->code);
        if (protocol->size == P2P_ADDR_NO_VALUE)
                return 0;

        if (text->n == 0)
                return -EINVAL;
        if (protocol->path) {
                part = P2P_VIEW(text->data - 1, text->n + 1); /* with its slash */
                *text = P2P_VIEW(part.data + part.n, 0);
        } else
                part = take_part(text);
        r = protocol->parse(part, &value);
        if (r < 0 || value.error < 0)
                return -EINVAL;

        if (protocol->size == P2P_ADDR_VARIABLE)
                p2p_write_prefixed(out, P2P_VIEW(buf, value.n));
        else
                p2p_write_bytes(out, P2P_VIEW(buf, value.n));
        return 0;
}

int p2p_addr_parse(const char *text, p2p_addr **ret) {
        uint8_t buf[P2P_ADDR_SIZE_MAX];
        p2p_writer out = P2P_WRITER(buf, sizeof(buf));
        p2p_view left;
        int r;

        left = P2P_VIEW(text, strnlen(text, P2P_ADDR_TEXT_MAX));
        if (left.n == 0 || left.n == P2P_ADDR_TEXT_MAX || left.data[0] != '/')
                return -EINVAL;
        while (left.n > 0 && left.data[left.n - 1] == '/')
                left.n--; /* go-multiaddr tolerates them */
        if (left.n == 0)
                return -EINVAL;

        left = P2P_VIEW(left.data + 1, left.n - 1);
        while (left.n > 0) {
                r = parse_component(&left, &out);
                if (r < 0)
                        return r;
        }
        if (out.error < 0)
                return -EINVAL;

        r = p2p_addr_decode(P2P_VIEW(buf, out.n), ret);
        return r == -EBADMSG || r == -EMSGSIZE ? -EINVAL : r;
}

const char *p2p_addr_format(const p2p_addr *addr, char text[static P2P_ADDR_TEXT_MAX]) {
        p2p_writer out = P2P_WRITER((uint8_t *) text, P2P_ADDR_TEXT_MAX);
        p2p_reader rd = P2P_READER(p2p_addr_view(addr));

        while (rd.n > 0) {
                const p2p_addr_protocol *protocol;
                p2p_addr_component c;

                protocol = p2p_addr_read_component(&rd, &c);
                assert(protocol);
                p2p_write_u8(&out, '/');
                p2p_write_bytes(&out, P2P_VIEW_STR(protocol->name));
                if (!protocol->format)
                        continue;
                p2p_write_u8(&out, '/');
                protocol->format(c.value, &out);
        }
        p2p_write_u8(&out, '\0');
        assert(out.error == 0); /* 1024 bytes, each three characters at most, and 20 names */
        return text;
}

p2p_view p2p_addr_view(const p2p_addr *addr) {
        return P2P_VIEW(addr->data, addr->n);
}

int p2p_addr_dup(const p2p_addr *addr, p2p_addr **ret) {
        return p2p_addr_decode(p2p_addr_view(addr), ret);
}

p2p_addr *p2p_addr_free(p2p_addr *addr) {
        free(addr);
        return NULL;
}

unsigned p2p_addr_n_components(const p2p_addr *addr) {
        return addr->n_components;
}

bool p2p_addr_component_at(const p2p_addr *addr, unsigned i, p2p_addr_component *ret) {
        p2p_reader rd = P2P_READER(p2p_addr_view(addr));

        if (i >= addr->n_components)
                return false;
        do
                (void) p2p_addr_read_component(&rd, ret);
        while (i-- > 0);
        return true;
}

unsigned p2p_addr_code_at(const p2p_addr *addr, unsigned i) {
        p2p_addr_component c;

        return p2p_addr_component_at(addr, i, &c) ? c.code : 0;
}

p2p_view p2p_addr_head(const p2p_addr *addr, unsigned n) {
        p2p_reader rd = P2P_READER(p2p_addr_view(addr));
        p2p_addr_component c;

        while (n-- > 0)
                (void) p2p_addr_read_component(&rd, &c);
        return P2P_VIEW(addr->data, addr->n - rd.n);
}

unsigned p2p_addr_n_before_peer(const p2p_addr *addr) {
        unsigned n = addr->n_components;

        return p2p_addr_code_at(addr, n - 1) == P2P_ADDR_P2P ? n - 1 : n;
}

/* With every /wss written out as /tls/ws. */
static p2p_view normalize(const p2p_addr *addr, p2p_writer *out) {
        p2p_reader rd = P2P_READER(p2p_addr_view(addr));
        p2p_addr_component c;

        while (rd.n > 0) {
                p2p_view rest = P2P_VIEW(rd.data, rd.n);

                (void) p2p_addr_read_component(&rd, &c);
                if (c.code == P2P_ADDR_WSS) {
                        p2p_write_uvarint(out, P2P_ADDR_TLS);
                        p2p_write_uvarint(out, P2P_ADDR_WS);
                } else
                        p2p_write_bytes(out, P2P_VIEW(rest.data, rest.n - rd.n));
        }
        return P2P_VIEW(out->data, out->n);
}

bool p2p_addr_equal(const p2p_addr *a, const p2p_addr *b) {
        /* Each of at most 20 components grows by two bytes. */
        uint8_t buf_a[P2P_ADDR_SIZE_MAX + 2 * P2P_ADDR_COMPONENTS_MAX], buf_b[sizeof(buf_a)];
        p2p_writer wa = P2P_WRITER(buf_a, sizeof(buf_a)), wb = P2P_WRITER(buf_b, sizeof(buf_b));

        return p2p_view_equal(normalize(a, &wa), normalize(b, &wb));
}
