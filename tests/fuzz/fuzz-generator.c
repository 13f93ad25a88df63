/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile config through the generator: whatever it says, each unit and drop-in has only the lines that
 * it should have, and nothing in them that systemd would read as more. The first byte chooses: the reader of
 * the node's config before it; '~', that of the relay's; '!', fields taken straight from the input, as if
 * the reader checked nothing.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/generator/drop-in.h"
#include "daemon/generator/ports.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check_lines(const char *text, const char *section, const char *const *keys) {
        static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-/:[]";
        char copy[DROP_IN_MAX], *rest = copy, *line;
        unsigned i = 0;

        (void) strcpy(copy, text);
        line = strsep(&rest, "\n");
        if (line[0] != '#' || strcmp(strsep(&rest, "\n"), section) != 0)
                abort();
        while ((line = strsep(&rest, "\n")) && *line) {
                const char *value;

                if (!keys[i] || strncmp(line, keys[i], strlen(keys[i])) != 0)
                        abort();
                value = line + strlen(keys[i++]);
                if (*value == '\0' || strspn(value, plain) != strlen(value))
                        abort();
                if (strncmp(value, "/", 1) == 0 &&
                    (strncmp(value, "/run/peerup/", 12) != 0 || strstr(value, "..")))
                        abort();
        }
        if (keys[i] || (rest && *rest))
                abort();
}

static void check(const ConfigProxy *proxy) {
        static const char *const socket_keys[] = { "ListenStream=", NULL };
        static const char *const service_keys[] = { "Environment=PEERUP_PEER=",
                                                    "Environment=PEERUP_SERVICE=", NULL };
        const char *why;
        DropIns text;

        if (drop_ins_format(proxy, &text, &why) < 0) {
                if (!why)
                        abort();
                return;
        }
        if (strchr(proxy->name, '/') || proxy->name[0] == '.')
                abort();
        check_lines(text.socket, "[Socket]", socket_keys);
        check_lines(text.service, "[Service]", service_keys);
}

/* Every value of Listen...= is an address and a port, all other lines are those of a unit without ports. */
static void check_unit(const PortOwner *owner, int type, const ConfigAddr *addrs, size_t n) {
        static const char *const keys[] = { "ListenStream=", "ListenDatagram=" };
        const char *key = keys[type == SOCK_DGRAM], *at;
        PortUnit unit;
        unsigned listens = 0, lines = 0;

        port_unit_format(owner, type, addrs, n, NULL, &unit);
        if (unit.n == 0 && unit.text[0] == '\0')
                return;
        if (unit.n == 0 || unit.n > PORTS_MAX)
                abort();
        for (at = unit.text; *at; at = strchr(at, '\n') + 1, lines++) {
                size_t length = strcspn(at, "\n");

                if (at[length] != '\n')
                        abort();
                if (strncmp(at, "Listen", 6) != 0)
                        continue;
                if (strncmp(at, key, strlen(key)) != 0 ||
                    strspn(at + strlen(key), "0123456789abcdef.:[]") + strlen(key) != length)
                        abort();
                listens++;
        }
        if (listens != unit.n || lines != unit.n + (type == SOCK_STREAM ? 14 : 15))
                abort();
}

static void check_ports(const PortOwner *owner, const ConfigAddr *addrs, size_t n) {
        check_unit(owner, SOCK_STREAM, addrs, n);
        check_unit(owner, SOCK_DGRAM, addrs, n);
}

/* As far as it goes in; what is too long has no NUL at its end, as a struct that nobody checked. */
static void fill(char *to, size_t size, const char *from) {
        memcpy(to, from, strlen(from) + 1 < size ? strlen(from) + 1 : size);
}

/* name \0 peer \0 service \0 host-or-path \0 port */
static void check_fields(const uint8_t *data, size_t n) {
        char *fields[4], *text = malloc(n + 5), *at = text;
        ConfigProxy proxy = {};

        if (!text)
                return;
        if (n > 0)
                memcpy(text, data, n);
        memset(text + n, 0, 5);
        for (size_t i = 0; i < 4; i++) {
                fields[i] = at;
                at += strlen(at) + (at < text + n ? 1 : 0);
        }
        proxy.name = fields[0];
        proxy.peer = fields[1];
        proxy.service = fields[2];
        proxy.listen.is_unix = fields[3][0] == '/';
        if (proxy.listen.is_unix)
                fill(proxy.listen.path, sizeof(proxy.listen.path), fields[3]);
        else
                fill(proxy.listen.host, sizeof(proxy.listen.host), fields[3]);
        proxy.listen.port = (uint16_t) atoi(at);
        check(&proxy);
        free(text);
}

static void check_relay(p2p_view text, ConfigProblems *problems) {
        static const PortOwner owner = { .name = "peerup-relay",
                                         .manual = "peerup-relay(8)",
                                         .plain_tcp = true };
        RelayConfig *config;

        if (relay_config_parse("/etc/peerup-relay/relay-server.yaml", text, problems, &config) < 0)
                return;
        check_ports(&owner, config->listen_addresses, config->n_listen_addresses);
        relay_config_free(config);
}

static void check_node(p2p_view text, ConfigProblems *problems) {
        static const PortOwner owner = { .name = "peerup-daemon", .manual = "peerup-daemon(8)" };
        NodeConfig *config;

        if (node_config_parse("/etc/peerup/config.yaml", text, problems, &config) < 0)
                return;
        for (size_t i = 0; i < config->n_proxies; i++)
                check(&config->proxies[i]);
        check_ports(&owner, config->listen_addresses, config->n_listen_addresses);
        node_config_free(config);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        ConfigProblems *problems;

        if (n == 0)
                return 0;
        if (data[0] == '!') {
                check_fields(data + 1, n - 1);
                return 0;
        }
        problems = config_problems_new();
        if (data[0] == '~')
                check_relay(P2P_VIEW(data + 1, n - 1), problems);
        else
                check_node(P2P_VIEW(data, n), problems);
        config_problems_free(problems);
        return 0;
}
