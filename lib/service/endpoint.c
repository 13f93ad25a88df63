/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * host:port or the path of a UNIX socket. The text comes from config.yaml, which the generator treats as
 * hostile, so only characters that mean nothing to anybody are taken, and a path must be its own canonical
 * form.
 */

#include "service/endpoint.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>

static int parse_path(const char *path, Endpoint *ret) {
        size_t n = strlen(path);

        if (n < 2 || n >= ENDPOINT_PATH_MAX || path[0] != '/' || path[n - 1] == '/')
                return -EINVAL;
        for (size_t i = 0; i < n; i++)
                if (!isalnum((unsigned char) path[i]) && !strchr("/._-@+", path[i]))
                        return -EINVAL;
        if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../"))
                return -EINVAL;
        if (strcmp(path + n - 2, "/.") == 0 || (n >= 3 && strcmp(path + n - 3, "/..") == 0))
                return -EINVAL;

        *ret = (Endpoint){ .is_unix = true };
        memcpy(ret->path, path, n + 1);
        return 0;
}

static int parse_port(const char *text, uint16_t *ret) {
        unsigned port = 0;

        if (!*text || strlen(text) > 5)
                return -EINVAL;
        for (; *text; text++) {
                if (*text < '0' || *text > '9')
                        return -EINVAL;
                port = port * 10 + (unsigned) (*text - '0');
        }
        if (port > UINT16_MAX)
                return -EINVAL;

        *ret = (uint16_t) port;
        return 0;
}

static bool host_is_valid(const char *host, bool bracketed) {
        struct in6_addr in6;

        if (bracketed)
                return inet_pton(AF_INET6, host, &in6) == 1;
        for (const char *p = host; *p; p++)
                if (!isalnum((unsigned char) *p) && *p != '.' && *p != '-')
                        return false;

        return *host != '-' && *host != '.';
}

int endpoint_parse(const char *text, Endpoint *ret) {
        bool bracketed = text[0] == '[';
        Endpoint endpoint = {};
        const char *colon;
        size_t n;
        int r;

        if (strncmp(text, "unix:", 5) == 0)
                return parse_path(text + 5, ret);
        if (text[0] == '/')
                return parse_path(text, ret);

        colon = strrchr(text, ':');
        if (!colon)
                return -EINVAL;
        n = (size_t) (colon - text);
        if (bracketed) {
                if (n < 2 || text[n - 1] != ']')
                        return -EINVAL;
                text++;
                n -= 2;
        }
        if (n >= ENDPOINT_HOST_MAX)
                return -EINVAL;
        memcpy(endpoint.host, text, n);
        if (!host_is_valid(endpoint.host, bracketed))
                return -EINVAL;
        r = parse_port(colon + 1, &endpoint.port);
        if (r < 0)
                return r;

        *ret = endpoint;
        return 0;
}

int endpoint_sockaddr(const Endpoint *endpoint, struct sockaddr_storage *ret, socklen_t *ret_size) {
        const char *host = endpoint->host;
        struct sockaddr_storage ss = {};
        struct sockaddr_in *in = (struct sockaddr_in *) &ss;
        struct sockaddr_in6 *in6 = (struct sockaddr_in6 *) &ss;
        struct sockaddr_un *un = (struct sockaddr_un *) &ss;

        if (!*host || strcmp(host, "localhost") == 0)
                host = "127.0.0.1";

        if (endpoint->is_unix) {
                un->sun_family = AF_UNIX;
                memcpy(un->sun_path, endpoint->path, sizeof(un->sun_path));
                *ret_size =
                        (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(endpoint->path) + 1);
        } else if (inet_pton(AF_INET, host, &in->sin_addr) == 1) {
                in->sin_family = AF_INET;
                in->sin_port = htons(endpoint->port);
                *ret_size = sizeof(*in);
        } else if (inet_pton(AF_INET6, host, &in6->sin6_addr) == 1) {
                in6->sin6_family = AF_INET6;
                in6->sin6_port = htons(endpoint->port);
                *ret_size = sizeof(*in6);
        } else
                return -ENOENT;

        *ret = ss;
        return 0;
}

bool endpoint_is_below_run(const Endpoint *endpoint) {
        return endpoint->is_unix && strncmp(endpoint->path, "/run/peerup/", strlen("/run/peerup/")) == 0;
}
