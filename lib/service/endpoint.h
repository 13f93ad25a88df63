/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The local end of a service or a proxy: host:port, or a UNIX socket's path. Pure text, nothing is resolved.
 * */

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define ENDPOINT_HOST_MAX 254u
#define ENDPOINT_PATH_MAX 108u /* sun_path */

typedef struct Endpoint {
        bool is_unix;
        char host[ENDPOINT_HOST_MAX]; /* without brackets; "" (":22"): this machine */
        uint16_t port;
        char path[ENDPOINT_PATH_MAX]; /* absolute */
} Endpoint;

/* "host:port", "[::1]:22", ":22", "/run/x.sock", "unix:/run/x.sock". -EINVAL. A host is an IP address or
 * [A-Za-z0-9.-]; a port is a number, 0 allowed. A path has no "..", no doubled or final slash, no control
 * character. */
int endpoint_parse(const char *text, Endpoint *ret);
/* The address itself where no look-up is needed: UNIX, an IP, localhost or nothing (127.0.0.1; [::1] is not
 * tried). -ENOENT else. */
int endpoint_sockaddr(const Endpoint *endpoint, struct sockaddr_storage *ret, socklen_t *ret_size);
/* Below /run/peerup: the only place where a generated listener may be. */
bool endpoint_is_below_run(const Endpoint *endpoint);
