/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The manager's methods that reach for a peer: Ping, Connect, OpenStream. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/outgoing.h"
#include "daemon/request-bus.h"

static void on_pong(uint64_t rtt, bool relayed, int error, uint32_t code, void *userdata) {
        _cleanup_(request_freep) Request *q = userdata;
        Failure failure = { .error = error,
                            .code = code,
                            .opened = error == -EBADMSG || error == -ECONNABORTED,
                            .alive = true };
        char id[P2P_PEER_ID_TEXT_MAX];

        q->ping = NULL;
        if (error < 0)
                request_fail(q, &failure);
        else
                (void) sd_bus_reply_method_return(q->message, "sts", p2p_peer_id_format(&q->peer, id), rtt,
                                                  relayed ? "RELAYED" : "DIRECT");
}

int method_ping(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(request_freep) Request *q = NULL;
        Api *api = userdata;
        const char *peer;
        p2p_peer_id id;
        int r;

        r = sd_bus_message_read(m, "s", &peer);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_CONNECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = api_resolve(api, peer, &id, error);
        if (r < 0)
                return r;
        r = request_new(api, m, peer, "", &q);
        if (r < 0)
                return r;
        q->peer = id;
        r = ping_new(api->manager, &id, api->manager->config->ping_pong_id, on_pong, q, &q->ping);
        if (r < 0)
                return r;
        TAKE_PTR(q); /* on_pong() or its caller's leaving frees it */
        return 1;
}

static int no_such_service(sd_bus_error *error) {
        return sd_bus_error_setf(error, BUS_ERROR_INVALID_NAME, "A service's name has " SERVICE_NAME_RULE);
}

int method_connect(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        const char *peer, *service;
        Api *api = userdata;
        p2p_peer_id id;
        int64_t number;
        int r, fd;

        r = sd_bus_message_read(m, "ssh", &peer, &service, &fd);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_CONNECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = api_resolve(api, peer, &id, error);
        if (r < 0)
                return r;
        if (!service_name_is_valid(service))
                return no_such_service(error);
        if (socket_check_connected(fd) < 0)
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "A connected stream socket is wanted");
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3); /* the message's */
        if (fd < 0)
                return -errno;
        socket_tune(fd);
        number = outgoing_new(api->manager, NULL, fd, &id, peer, service, sd_bus_message_get_sender(m));
        if (number < 0) {
                (void) close(fd);
                return (int) number;
        }
        return sd_bus_reply_method_return(m, "t", (uint64_t) number);
}

/* The caller's end stays blocking, as a socket usually is; ours is ours alone. */
static int join(Request *q, p2p_stream *stream) {
        int fds[2], r;

        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
                return -errno;
        r = outgoing_new_open(q->api->manager, stream, fds[0], q->peer_text, q->service,
                              sd_bus_message_get_sender(q->message));
        if (r < 0)
                (void) close(fds[0]);
        else
                (void) sd_bus_reply_method_return(q->message, "h", fds[1]); /* duplicated into the message */
        (void) close(fds[1]);
        return r;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        _cleanup_(request_freep) Request *q = userdata;
        Failure failure = { .error = error,
                            .code = code,
                            .opened = error == -ECONNABORTED,
                            .alive = error == -ECONNABORTED };

        q->opening = NULL;
        if (error >= 0) {
                failure.error = join(q, stream);
                if (failure.error >= 0)
                        return;
                p2p_stream_free(stream);
        }
        request_fail(q, &failure);
}

int method_open_stream(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        _cleanup_(request_freep) Request *q = NULL;
        const char *peer, *service;
        Api *api = userdata;
        p2p_peer_id id;
        int r;

        r = sd_bus_message_read(m, "ss", &peer, &service);
        if (r < 0)
                return r;
        r = authorize(m, ACTION_CONNECT, UID_NONE, api->polkit, error);
        if (r <= 0)
                return r < 0 ? r : 1;
        r = api_resolve(api, peer, &id, error);
        if (r < 0)
                return r;
        if (!service_name_is_valid(service))
                return no_such_service(error);
        r = request_new(api, m, peer, service, &q);
        if (r < 0)
                return r;
        q->peer = id;
        r = outgoing_open_stream(api->manager, &id, service, true, on_opened, q, &q->opening);
        if (r < 0)
                return r;
        TAKE_PTR(q); /* on_opened() or its caller's leaving frees it */
        return 1;
}
