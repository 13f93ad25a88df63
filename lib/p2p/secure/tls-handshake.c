/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Drives a TLS 1.3 handshake over a channel (wire reference 6) [specs/tls].
 *
 * The loop reads one record, the worker lets GnuTLS have it (tls-session.c), the loop sends what came of it.
 * So no arithmetic is in the way of whoever is in already, and what follows the handshake stays in the
 * channel: it is the sealed channel's. While the worker has the session nothing here is touched, and the
 * channel's wakes say nothing: both ways are tried when the session is back. What fails is told by an alert,
 * and the channel then ends in order so that the alert arrives. A server's refusal of a client reaches it
 * behind the handshake: as the sealed channel's error.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "io/worker.h"
#include "secure/sealed-channel.h"
#include "secure/secure.h"
#include "secure/tls-session.h"
#include "wire/reader.h"

#define HANDSHAKE_MAX (64u * 1024u) /* wire reference 6: bytes that are read of one */
#define TYPE_MIN      20u           /* RFC 8446, 5.1: change_cipher_spec */
#define TYPE_MAX      24u           /* heartbeat */
#define MAJOR         3u

struct p2p_secure {
        p2p_loop *loop;
        p2p_channel *channel;
        p2p_secure_fn done;
        void *userdata;
        p2p_task wake;
        p2p_job job;
        p2p_tls_session *session; /* the job's, while that is busy; so are record and n */
        int outcome;              /* of the last step */
        bool speaks_first;        /* and has not done so yet */
        uint8_t head[P2P_TLS_HEAD_SIZE];
        uint8_t *record; /* size bytes with their head, once that is complete */
        size_t n, size;  /* n: bytes of it that have come; size 0: it cannot be one */
        size_t n_read;   /* of the handshake */
};

static p2p_secure *tls_free(p2p_secure *s) {
        if (!s)
                return NULL;
        p2p_job_cancel(&s->job);
        p2p_channel_free(s->channel);
        p2p_task_cancel(&s->wake);
        p2p_tls_session_free(s->session);
        free(s->record);
        free(s);
        return NULL;
}

/* The sealed channel takes the one below over, and the keys. */
static int seal_channel(p2p_secure *s, p2p_secure_result *ret) {
        p2p_tls_state *state;
        int r;

        p2p_tls_session_take(s->session, &ret->peer, &ret->muxer, &state);
        r = p2p_sealed_channel_new(s->loop, s->channel, &p2p_tls_format, state, &ret->channel);
        if (r < 0) {
                p2p_tls_format.free(state);
                return r;
        }
        s->channel = NULL;
        return 0;
}

static void finish(p2p_secure *s, int error) {
        p2p_secure_result result = {};
        p2p_secure_fn done = s->done;
        void *userdata = s->userdata;

        if (error >= 0)
                error = seal_channel(s, &result);
        tls_free(s);
        done(error < 0 ? NULL : &result, error < 0 ? error : 0, userdata);
}

/* 0: all has left; -EAGAIN: the wake follows. */
static int flush(p2p_secure *s) {
        for (;;) {
                p2p_view out = p2p_tls_session_out(s->session);
                ssize_t k;

                if (out.n == 0)
                        return 0;
                k = p2p_channel_write(s->channel, out.data, out.n);
                if (k < 0)
                        return (int) k;
                p2p_tls_session_sent(s->session, (size_t) k);
                s->job.stranger = false;
        }
}

/* Behind an alert, as far as the channel takes that. */
static void fail(p2p_secure *s, int error) {
        (void) flush(s);
        (void) p2p_channel_shutdown(s->channel);
        finish(s, error);
}

/* ---- a record */

/* Reads up to `end` bytes of it. 1: they are there; 0: dry. */
static int read_until(p2p_secure *s, uint8_t *to, size_t end) {
        if (end - s->n > HANDSHAKE_MAX - s->n_read)
                return -EMSGSIZE;
        while (s->n < end) {
                ssize_t k;

                k = p2p_channel_read(s->channel, to + s->n, end - s->n);
                if (k == -EAGAIN)
                        return 0;
                if (k < 0)
                        return (int) k;
                if (k == 0) {
                        (void) p2p_channel_shutdown(s->channel);
                        return -ECONNRESET;
                }
                s->n += (size_t) k;
                s->n_read += (size_t) k;
        }
        return 1;
}

/* 0: it cannot be one. That is GnuTLS's to refuse, which gets the head alone. */
static size_t size_of_record(const uint8_t head[static P2P_TLS_HEAD_SIZE]) {
        p2p_reader rd = P2P_READER(P2P_VIEW(head, P2P_TLS_HEAD_SIZE));
        uint8_t type = p2p_read_u8(&rd), major = p2p_read_u8(&rd);
        size_t size;

        (void) p2p_read_u8(&rd); /* minor */
        size = P2P_TLS_HEAD_SIZE + (size_t) p2p_read_be16(&rd);
        if (type < TYPE_MIN || type > TYPE_MAX || major != MAJOR || size > P2P_TLS_RECORD_MAX)
                return 0;
        return size;
}

/* 1: a whole one is there, or a head that none can follow. */
static int read_record(p2p_secure *s) {
        int r;

        if (!s->record) {
                r = read_until(s, s->head, sizeof(s->head));
                if (r <= 0)
                        return r;
                s->size = size_of_record(s->head);
                s->record = malloc(P2P_MAX(s->size, sizeof(s->head))); /* resident only as far as it comes */
                if (!s->record)
                        return -ENOMEM;
                memcpy(s->record, s->head, sizeof(s->head));
        }
        return s->size > 0 ? read_until(s, s->record, s->size) : 1;
}

/* ---- the steps */

static void run_step(void *userdata) {
        p2p_secure *s = userdata;

        s->outcome = p2p_tls_session_step(s->session, P2P_VIEW(s->record, s->n));
        if (s->outcome == 0 && s->n > 0 && s->size == 0)
                s->outcome = -EBADMSG; /* GnuTLS would read on: an older kind of record */
        free(s->record);
        s->record = NULL;
        s->n = 0;
}

/* What is there, and not the first: compatibility's record means nothing, and costs nothing [RFC 8446,
 * D.4]. */
static bool is_trifle(const p2p_secure *s) {
        return s->n > 0 && s->record[0] == TYPE_MIN && s->n_read > s->n;
}

/* 1: complete; 0: the wake, or the job, tells when there is more to do. */
static int advance(p2p_secure *s) {
        int r;

        r = flush(s);
        if (r < 0)
                return r == -EAGAIN ? 0 : r;
        if (s->outcome > 0)
                return 1;
        r = s->speaks_first ? 1 : read_record(s);
        if (r <= 0)
                return r;
        s->speaks_first = false;
        if (!is_trifle(s))
                return p2p_job_start(&s->job);
        run_step(s);
        p2p_task_post(&s->wake);
        return 0;
}

static void on_wake(void *userdata) {
        p2p_secure *s = userdata;
        int r;

        if (p2p_job_is_busy(&s->job))
                return;
        if (s->outcome < 0)
                return fail(s, s->outcome);
        r = advance(s);
        if (r != 0)
                finish(s, r);
}

static int tls_start(p2p_loop *loop, p2p_channel *channel, const p2p_secure_options *options,
                     p2p_secure_fn done, void *userdata, p2p_secure **ret) {
        p2p_secure *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        r = p2p_tls_session_new(options, &s->session);
        if (r < 0) {
                free(s);
                return r;
        }
        s->loop = loop;
        s->channel = channel;
        s->done = done;
        s->userdata = userdata;
        s->speaks_first = options->initiator;

        p2p_job_init(&s->job, loop, run_step, on_wake, s);
        s->job.stranger = !options->initiator;
        s->job.own = options->initiator;
        p2p_task_init(&s->wake, loop, on_wake, s);
        s->wake.slow = true; /* whoever connects can have it run */
        p2p_channel_set_wake(channel, &s->wake);
        p2p_task_post(&s->wake);

        *ret = s;
        return 0;
}

bool p2p_tls_is_fast(void) {
        return p2p_cert_prefers_aes();
}

const p2p_security p2p_tls = {
        .protocol = "/tls/1.0.0",
        .start = tls_start,
        .free = tls_free,
};
