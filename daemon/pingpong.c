/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Answers pings. A stream may say one line of PINGPONG_LINE_MAX bytes within PINGPONG_DEADLINE_USEC; the
 * original waits for ever, without a limit (daemon-api.md 6). Like a service it is for authorized peers
 * only, whoever dialled.
 */

#include "daemon/pingpong.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Answer {
        Pingpong *pingpong; /* borrowed */
        p2p_stream *stream;
        p2p_task wake;
        p2p_timer deadline;
        char line[PINGPONG_LINE_MAX];
        size_t n;
        p2p_list answers;
} Answer;

struct Pingpong {
        Manager *manager; /* borrowed */
        char *protocol;
        unsigned n;
        p2p_list answers;
};

static Answer *answer_free(Answer *a) {
        if (!a)
                return NULL;
        p2p_task_cancel(&a->wake);
        p2p_timer_stop(&a->deadline);
        p2p_stream_free(a->stream);
        p2p_list_unlink(&a->answers);
        a->pingpong->n--;
        free(a);
        return NULL;
}

/* White space around it does not count, as in the original. */
static bool is_ping(const char *line, size_t n) {
        while (n > 0 && isspace((unsigned char) line[0])) {
                line++;
                n--;
        }
        while (n > 0 && isspace((unsigned char) line[n - 1]))
                n--;
        return n == 4 && memcmp(line, "ping", 4) == 0;
}

static void reply(Answer *a, size_t line) {
        const char *text = is_ping(a->line, line) ? "pong\n" : "unknown\n";

        /* Eight bytes fit into any window that a peer opens; where they do not, it wants no answer. */
        if (p2p_channel_write(p2p_stream_channel(a->stream), text, strlen(text)) == (ssize_t) strlen(text))
                (void) p2p_channel_shutdown(p2p_stream_channel(a->stream));
        answer_free(a);
}

static void on_wake(void *userdata) {
        Answer *a = userdata;
        char *end;
        ssize_t n;

        for (;;) {
                end = memchr(a->line, '\n', a->n);
                if (end) {
                        reply(a, (size_t) (end - a->line));
                        return;
                }
                if (a->n == sizeof(a->line)) {
                        p2p_channel_reset(p2p_stream_channel(a->stream), P2P_STREAM_PROTOCOL_VIOLATION);
                        answer_free(a);
                        return;
                }
                n = p2p_channel_read(p2p_stream_channel(a->stream), a->line + a->n, sizeof(a->line) - a->n);
                if (n == -EAGAIN)
                        return;
                if (n <= 0) {
                        if (n == 0)
                                (void) p2p_channel_shutdown(p2p_stream_channel(a->stream));
                        answer_free(a);
                        return;
                }
                a->n += (size_t) n;
        }
}

static void on_deadline(void *userdata) {
        answer_free(userdata);
}

static void refuse(p2p_stream *stream, uint32_t code) {
        p2p_channel_reset(p2p_stream_channel(stream), code);
        p2p_stream_free(stream);
}

static void on_stream(p2p_stream *stream, void *userdata) {
        Pingpong *p = userdata;
        Answer *a;

        if (access_check(p->manager->access, p2p_stream_peer(stream)) != ACCESS_ALLOWED) {
                refuse(stream, P2P_STREAM_GATED);
                return;
        }
        a = p->n < PINGPONG_STREAMS_MAX ? malloc(sizeof(*a)) : NULL;
        if (!a) {
                refuse(stream, P2P_STREAM_RESOURCE_LIMIT_EXCEEDED);
                return;
        }
        *a = (Answer){ .pingpong = p, .stream = stream };
        p->n++;
        p2p_list_init(&a->answers);
        p2p_list_append(&p->answers, &a->answers);
        p2p_task_init(&a->wake, p->manager->loop, on_wake, a);
        p2p_timer_init(&a->deadline, p->manager->loop, on_deadline, a);
        p2p_channel_set_wake(p2p_stream_channel(stream), &a->wake);
        if (p2p_timer_set(&a->deadline, PINGPONG_DEADLINE_USEC) < 0) {
                answer_free(a);
                return;
        }
        p2p_task_post(&a->wake);
}

int pingpong_new(Manager *manager, const char *protocol, Pingpong **ret) {
        _cleanup_(pingpong_freep) Pingpong *p = NULL;
        char *copy;
        int r;

        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (Pingpong){ .manager = manager };
        p2p_list_init(&p->answers);
        copy = strdup(protocol);
        if (!copy)
                return -ENOMEM;
        r = p2p_host_handle(manager->host, protocol, on_stream, p);
        if (r < 0) {
                free(copy);
                return r;
        }
        p->protocol = copy; /* set last: what free() withdraws */
        *ret = TAKE_PTR(p);
        return 0;
}

const char *pingpong_protocol(const Pingpong *p) {
        return p->protocol;
}

Pingpong *pingpong_free(Pingpong *p) {
        Answer *a;

        if (!p)
                return NULL;
        if (p->protocol)
                p2p_host_unhandle(p->manager->host, p->protocol);
        P2P_LIST_FOREACH(a, &p->answers, Answer, answers)
                answer_free(a);
        free(p->protocol);
        free(p);
        return NULL;
}
