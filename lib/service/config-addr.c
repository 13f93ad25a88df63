/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Lists of multiaddrs. One that is not a multiaddr at all is an error where the original could not start
 * with it, and a warning where it would go on without it; one of a transport that we lack is kept and
 * reported, never used.
 */

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config-parse.h"

static const struct {
        const char *example;
        bool named;  /* must end in /p2p/ID */
        bool strict; /* the original does not start with a bad one */
} uses[_CONFIG_ADDR_USE_MAX] = {
        [CONFIG_ADDR_LISTEN] = { "/ip4/0.0.0.0/tcp/9000", false, true },
        [CONFIG_ADDR_RELAY] = { "/ip4/203.0.113.7/tcp/7777/p2p/12D3Koo...", true, true },
        [CONFIG_ADDR_BOOTSTRAP] = { "/ip4/203.0.113.7/tcp/7777/p2p/12D3Koo...", true, false },
};

void config_addrs_free(ConfigAddr *items, size_t n) {
        for (size_t i = 0; i < n; i++) {
                p2p_addr_free(items[i].addr);
                free(items[i].text);
        }
        free(items);
}

static bool is_supported(const p2p_addr *addr, ConfigAddrUse use) {
        if (use == CONFIG_ADDR_LISTEN && p2p_addr_needs_dns(addr))
                return false;

        switch (p2p_addr_stack(addr)) {
        case P2P_STACK_TCP:
        case P2P_STACK_QUIC:
        case P2P_STACK_WS:
        case P2P_STACK_WSS:
                return true;
        default:
                /* dnsaddr: who knows */
                return p2p_addr_needs_dns(addr) && p2p_addr_stack(addr) == P2P_STACK_OTHER;
        }
}

/* Takes addr->addr, on failure too; copies the text. */
static int append(ConfigAddr **items, size_t *n, const ConfigAddr *addr) {
        ConfigAddr *grown = reallocarray(*items, *n + 1, sizeof(*grown));
        char *text = strdup(addr->text);

        if (grown)
                *items = grown;
        if (!grown || !text) {
                p2p_addr_free(addr->addr);
                free(text);
                return -ENOMEM;
        }

        grown[*n] = *addr;
        grown[(*n)++].text = text;
        return 0;
}

_printf_(4, 5) static void complain(ConfigReader *reader, unsigned line, ConfigAddrUse use,
                                    const char *format, ...) {
        char text[512];
        va_list ap;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        if (uses[use].strict)
                config_error(reader->problems, line, "%s", text);
        else
                config_warning(reader->problems, line, "%s", text);
}

/* QUIC before its standard: written by old nodes, and an easy slip. */
static bool is_draft_quic(const char *text) {
        const char *at = strstr(text, "/quic");

        return at && (at[strlen("/quic")] == '\0' || at[strlen("/quic")] == '/');
}

static void warn_unsupported(ConfigReader *reader, unsigned line, const char *name, const char *text,
                             ConfigAddrUse use, bool needs_dns) {
        if (is_draft_quic(text))
                config_warning(
                        reader->problems, line,
                        "%s: '%s' is QUIC before its standard, which this peer-up does not speak, not "
                        "used; write /quic-v1 for /quic",
                        name, text);
        else if (use == CONFIG_ADDR_LISTEN && needs_dns)
                config_warning(reader->problems, line,
                               "%s: '%s' is a name, not used; write an address of this machine, e.g. %s",
                               name, text, uses[use].example);
        else
                config_warning(reader->problems, line,
                               "%s: '%s' is of a transport that this peer-up does not speak, not used; add "
                               "one like %s",
                               name, text, uses[use].example);
}

/* 1: *ret is to be kept, its text is borrowed. */
static int read_addr(ConfigReader *reader, const YamlNode *node, const char *name, ConfigAddrUse use,
                     ConfigAddr *ret) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        const char *text = config_get_text(reader, node, name);
        p2p_peer_id peer;
        bool supported;
        int r;

        if (!text)
                return 0;
        r = p2p_addr_parse(text, &addr);
        if (r == -ENOMEM)
                return r;
        if (r < 0) {
                complain(reader, node->line, use, "%s: '%s' is not a multiaddr; write e.g. %s", name, text,
                         uses[use].example);
                return 0;
        }
        if (uses[use].named && p2p_addr_peer(addr, &peer) < 0) {
                complain(reader, node->line, use,
                         "%s: '%s' does not say who is there; add /p2p/ and its peer id, "
                         "e.g. %s",
                         name, text, uses[use].example);
                return 0;
        }
        supported = is_supported(addr, use);
        if (!supported)
                warn_unsupported(reader, node->line, name, text, use, p2p_addr_needs_dns(addr));

        *ret = (ConfigAddr){
                .text = (char *) text,
                .addr = TAKE_PTR(addr),
                .supported = supported,
                .line = node->line,
        };
        return 1;
}

int config_read_addrs(ConfigReader *reader, const YamlNode *node, const char *name, ConfigAddrUse use,
                      ConfigAddr **items, size_t *n) {
        int r;

        if (node->kind != YAML_LIST) {
                config_error(reader->problems, node->line,
                             "%s: must be a list; write '- %s' on a line of its own", name,
                             uses[use].example);
                return 0;
        }
        if (node->n > CONFIG_ENTRIES_MAX) {
                config_error(reader->problems, node->line, "%s: more than %u addresses; remove some", name,
                             CONFIG_ENTRIES_MAX);
                return 0;
        }
        for (size_t i = 0; i < node->n; i++) {
                ConfigAddr addr;

                if (node->items[i]->kind == YAML_NULL)
                        continue;
                r = read_addr(reader, node->items[i], name, use, &addr);
                if (r > 0)
                        r = append(items, n, &addr);
                if (r < 0)
                        return r;
        }

        return 0;
}

int config_default_addrs(const char *const *texts, size_t n_texts, ConfigAddr **items, size_t *n) {
        for (size_t i = 0; i < n_texts; i++) {
                ConfigAddr addr = { .text = (char *) texts[i], .supported = true };
                int r;

                r = p2p_addr_parse(texts[i], &addr.addr);
                if (r >= 0)
                        r = append(items, n, &addr);
                if (r < 0)
                        return r;
        }

        return 0;
}
