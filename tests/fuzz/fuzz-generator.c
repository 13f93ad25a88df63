/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A hostile config through the generator: whatever it says, each drop-in has only the lines that it should
 * have, and nothing in them that systemd would read as more. The first byte chooses: the reader before it,
 * or fields taken straight from the input, as if the reader checked nothing.
 */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/generator/drop-in.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        ConfigProblems *problems;
        NodeConfig *config;

        if (n == 0)
                return 0;
        if (data[0] == '!') {
                check_fields(data + 1, n - 1);
                return 0;
        }
        problems = config_problems_new();
        if (node_config_parse("/etc/peerup/config.yaml", P2P_VIEW(data, n), problems, &config) >= 0) {
                for (size_t i = 0; i < config->n_proxies; i++)
                        check(&config->proxies[i]);
                node_config_free(config);
        }
        config_problems_free(problems);
        return 0;
}
