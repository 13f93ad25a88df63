/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What DNS says, as addresses: text records of _dnsaddr.NAME that begin with "dnsaddr=", and IP addresses in
 * the place of a name [multiaddr spec; wire reference 1]. Whoever answers a query is a stranger: a record
 * that is not an address is skipped, and names are held to the letters of host names, since c-ares gives a
 * meaning to backslashes.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "transport/resolve-private.h"
#include "wire/writer.h"

#define PREFIX "dnsaddr="

int dnsaddr_parse(p2p_view text, p2p_addr **ret) {
        const size_t n_prefix = sizeof(PREFIX) - 1;
        char addr[P2P_ADDR_TEXT_MAX];
        int r;

        if (text.n < n_prefix || memcmp(text.data, PREFIX, n_prefix) != 0)
                return -ENOENT;

        text = P2P_VIEW(text.data + n_prefix, text.n - n_prefix);
        if (text.n >= sizeof(addr) || memchr(text.data, 0, text.n))
                return -EBADMSG;
        memcpy(addr, text.data, text.n);
        addr[text.n] = 0;

        r = p2p_addr_parse(addr, ret);
        return r == -EINVAL ? -EBADMSG : r;
}

bool dnsaddr_matches(const p2p_addr *asked, const p2p_addr *found) {
        unsigned n_rest = p2p_addr_n_components(asked) - 1, n_found = p2p_addr_n_components(found);

        if (n_found <= n_rest)
                return n_rest == 0;
        for (unsigned i = 0; i < n_rest; i++) {
                p2p_addr_component a, b;

                if (!p2p_addr_component_at(asked, 1 + i, &a) ||
                    !p2p_addr_component_at(found, n_found - n_rest + i, &b) ||
                    a.code != b.code || !p2p_view_equal(a.value, b.value))
                        return false;
        }
        return true;
}

/* A record is one or more strings of at most 255 bytes, to be joined: takes those of the first record. */
static const struct ares_txt_ext *join(const struct ares_txt_ext *txt, p2p_writer *out) {
        do {
                p2p_write_bytes(out, P2P_VIEW(txt->txt, txt->length));
                txt = txt->next;
        } while (txt && !txt->record_start);
        return txt;
}

int dnsaddr_reply_parse(p2p_view reply, dnsaddr_fn fn, void *userdata) {
        struct ares_txt_ext *list = NULL;
        const struct ares_txt_ext *next;
        int r;

        if (reply.n > UINT16_MAX)
                return -EMSGSIZE;
        r = ares_parse_txt_reply_ext(reply.data, (int) reply.n, &list);
        if (r != ARES_SUCCESS)
                return r == ARES_ENOMEM ? -ENOMEM : r == ARES_ENODATA ? -ENOENT : -EBADMSG;

        r = 0;
        next = list;
        while (next) {
                uint8_t buf[P2P_ADDR_TEXT_MAX + sizeof(PREFIX)];
                p2p_writer out = P2P_WRITER(buf, sizeof(buf));
                p2p_addr *addr;

                next = join(next, &out);
                r = out.error < 0 ? -EBADMSG : dnsaddr_parse(P2P_VIEW(buf, out.n), &addr);
                if (r == -ENOMEM)
                        break;
                if (r < 0)
                        continue;
                if (!fn(addr, userdata))
                        break;
        }
        ares_free_data(list);
        return r == -ENOMEM ? r : 0;
}

static bool is_name_character(uint8_t c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '.' || c == '-' || c == '_';
}

int dns_name(const char *prefix, p2p_view value, char ret[static DNS_NAME_SIZE_MAX]) {
        if (value.n == 0 || strlen(prefix) + value.n >= DNS_NAME_SIZE_MAX)
                return -EINVAL;
        for (size_t i = 0; i < value.n; i++)
                if (!is_name_character(value.data[i]))
                        return -EINVAL;

        (void) snprintf(ret, DNS_NAME_SIZE_MAX, "%s%.*s", prefix, (int) value.n, (const char *) value.data);
        return 0;
}

/* Whether TLS of the Web will want the name that is being replaced: /wss and /tls/ws, not
 * /tls/sni/NAME/ws. */
static bool wants_name(const p2p_addr *asked) {
        p2p_addr_component c;

        return p2p_addr_stack(asked) == P2P_STACK_WSS &&
               !(p2p_addr_component_at(asked, 3, &c) && c.code == P2P_ADDR_SNI);
}

static void write_sni(p2p_writer *out, p2p_view name) {
        if (name.n > 0 && name.data[name.n - 1] == '.') /* which no certificate has */
                name.n--;
        p2p_write_uvarint(out, P2P_ADDR_TLS);
        p2p_write_uvarint(out, P2P_ADDR_SNI);
        p2p_write_prefixed(out, name);
}

/* What stands behind the name, as it is but for /wss and /tls/ws, which become /tls/sni/NAME/ws
 * [go-libp2p]. */
static void write_rest(p2p_writer *out, const p2p_addr *asked, p2p_view name) {
        bool named = !wants_name(asked);
        const uint8_t *at = name.data + name.n;
        p2p_addr_component c;

        for (unsigned i = 1; p2p_addr_component_at(asked, i, &c); at = c.value.data + c.value.n, i++) {
                if (named || (c.code != P2P_ADDR_WSS && c.code != P2P_ADDR_TLS)) {
                        p2p_write_bytes(out, P2P_VIEW(at, (size_t) (c.value.data + c.value.n - at)));
                        continue;
                }
                write_sni(out, name);
                if (c.code == P2P_ADDR_WSS)
                        p2p_write_uvarint(out, P2P_ADDR_WS);
                named = true;
        }
}

int dns_replace(const p2p_addr *asked, const struct sockaddr *sa, p2p_addr **ret) {
        uint8_t buf[P2P_ADDR_SIZE_MAX];
        p2p_writer out = P2P_WRITER(buf, sizeof(buf));
        p2p_addr_component name;
        struct sockaddr_in6 in6;
        struct sockaddr_in in;

        if (!p2p_addr_component_at(asked, 0, &name))
                return -EINVAL;

        if (sa->sa_family == AF_INET) {
                memcpy(&in, sa, sizeof(in));
                p2p_write_uvarint(&out, P2P_ADDR_IP4);
                p2p_write_bytes(&out, P2P_VIEW(&in.sin_addr, sizeof(in.sin_addr)));
        } else if (sa->sa_family == AF_INET6) {
                memcpy(&in6, sa, sizeof(in6));
                p2p_write_uvarint(&out, P2P_ADDR_IP6);
                p2p_write_bytes(&out, P2P_VIEW(&in6.sin6_addr, sizeof(in6.sin6_addr)));
        } else
                return -EAFNOSUPPORT;

        write_rest(&out, asked, name.value);
        if (out.error < 0)
                return -EMSGSIZE;
        return p2p_addr_decode(P2P_VIEW(buf, out.n), ret);
}
