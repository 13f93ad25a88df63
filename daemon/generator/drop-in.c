/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * config.yaml belongs to the user peerup, and the generator runs as root: a newline in a string would be a
 * unit of the attacker's (architecture.md 8). So nothing is copied. A port is printed from its number, an
 * address from its bytes, a name only after each of its characters was found in a list; '%', which systemd
 * expands, is in none. What the config reader checked before does not count here.
 */

#include "daemon/generator/drop-in.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-"
#define RUN_DIRECTORY "/run/peerup/"
#define LISTEN_MAX 128u

static bool is_plain(const char *text, size_t max) {
        size_t n;

        if (!text)
                return false;
        n = strnlen(text, max + 1);
        return n > 0 && n <= max && strspn(text, NAME_CHARACTERS) == n && text[0] != '.' && text[0] != '-';
}

/* One name below the directory: nobody else's socket, and no way out. */
static int format_path(const Endpoint *e, char out[static LISTEN_MAX]) {
        const char *name;

        if (strnlen(e->path, sizeof(e->path)) == sizeof(e->path) ||
            strncmp(e->path, RUN_DIRECTORY, strlen(RUN_DIRECTORY)) != 0)
                return -EINVAL;
        name = e->path + strlen(RUN_DIRECTORY);
        if (!is_plain(name, 64) || strstr(name, ".."))
                return -EINVAL;
        (void) snprintf(out, LISTEN_MAX, RUN_DIRECTORY "%s", name);
        return 0;
}

static int format_listen(const Endpoint *e, char out[static LISTEN_MAX]) {
        char text[INET6_ADDRSTRLEN];
        struct in6_addr in6;
        struct in_addr in;

        if (e->is_unix)
                return format_path(e, out);
        if (e->port == 0 || strnlen(e->host, sizeof(e->host)) == sizeof(e->host))
                return -EINVAL;
        if (e->host[0] == '\0' || strcmp(e->host, "localhost") == 0) {
                (void) snprintf(out, LISTEN_MAX, "127.0.0.1:%u", e->port);
                return 0;
        }
        if (inet_pton(AF_INET, e->host, &in) == 1 && inet_ntop(AF_INET, &in, text, sizeof(text))) {
                (void) snprintf(out, LISTEN_MAX, "%s:%u", text, e->port);
                return 0;
        }
        if (inet_pton(AF_INET6, e->host, &in6) == 1 && inet_ntop(AF_INET6, &in6, text, sizeof(text))) {
                (void) snprintf(out, LISTEN_MAX, "[%s]:%u", text, e->port);
                return 0;
        }
        return -EINVAL;
}

int drop_ins_format(const ConfigProxy *proxy, DropIns *ret, const char **ret_why) {
        char listen[LISTEN_MAX];

        *ret_why = "name";
        if (!is_plain(proxy->name, 64))
                return -EINVAL;
        *ret_why = "peer";
        if (!is_plain(proxy->peer, 127))
                return -EINVAL;
        *ret_why = "service";
        if (!is_plain(proxy->service, 63))
                return -EINVAL;
        *ret_why = "listen";
        if (format_listen(&proxy->listen, listen) < 0)
                return -EINVAL;

        (void) snprintf(ret->socket, sizeof(ret->socket),
                        "# Generated from proxies: in config.yaml.\n"
                        "[Socket]\n"
                        "ListenStream=%s\n",
                        listen);
        (void) snprintf(ret->service, sizeof(ret->service),
                        "# Generated from proxies: in config.yaml.\n"
                        "[Service]\n"
                        "Environment=PEERUP_PEER=%s\n"
                        "Environment=PEERUP_SERVICE=%s\n",
                        proxy->peer, proxy->service);
        *ret_why = NULL;
        return 0;
}
