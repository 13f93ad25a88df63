/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A GnuTLS session as a channel. libp2p's own TLS has a channel that opens records in place, for 1.3 alone;
 * the Web still speaks 1.2, so here records are GnuTLS's business, whichever its version.
 *
 * GnuTLS never waits on us. What it sends is appended to `pending`, which is then offered below as a whole:
 * many records, one system call; while something is left there nothing new is taken. What it reads comes out
 * of `ahead`, so that it does not ask the socket for five bytes. Only pulling can find nothing, and then
 * `is_dry` says so, for GnuTLS also says "again" for reasons of its own.
 *
 * The handshake is driven by a task, a slow one at a server: it costs a signature that a stranger asks for.
 * A server has no session before a first byte has come.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/orphan.h"
#include "transport/ws-tls-channel.h"

#define IDLE_MAX 64u /* arbitrary: records in a row that carry no data */

typedef struct buffer {
        uint8_t *data;
        size_t start, n, size;
} buffer;

typedef struct tls_channel {
        p2p_channel channel;
        p2p_loop *loop;                 /* borrowed */
        p2p_channel *below;
        const p2p_web_tls *credentials; /* borrowed; NULL after the handshake */
        p2p_task below_wake, step;
        p2p_timer linger;
        gnutls_session_t session;
        buffer ahead, pending;
        size_t n_handshake;
        char *name; /* a client's */
        int error;  /* for good */
        int below_error;
        bool is_server, is_open, is_dry, is_ended;
        bool wants_write; /* a writer was told -EAGAIN */
        bool is_shut, is_bye_said, is_shut_below;
        bool is_orphan;
        p2p_orphan orphan;
} tls_channel;

static tls_channel *from_channel(p2p_channel *c) {
        return container_of(c, tls_channel, channel);
}

static void buffer_done(buffer *b) {
        free(b->data);
        *b = (buffer){};
}

static int buffer_reserve(buffer *b, size_t n) {
        size_t size = P2P_MAX(b->start + b->n + n, (size_t) 4096);
        uint8_t *data;

        if (size <= b->size)
                return 0;
        size = P2P_MAX(size, b->size * 2);
        data = realloc(b->data, size);
        if (!data)
                return -ENOMEM;
        b->data = data;
        b->size = size;
        return 0;
}

static tls_channel *destroy(tls_channel *t) {
        if (t->is_orphan)
                p2p_orphan_leave(&t->orphan);
        p2p_task_cancel(&t->step);
        p2p_timer_stop(&t->linger);
        p2p_channel_set_wake(t->below, NULL);
        p2p_channel_free(t->below);
        p2p_task_cancel(&t->below_wake);
        if (t->session) {
                p2p_web_tls_session_settle(t->session);
                gnutls_deinit(t->session);
        }
        buffer_done(&t->ahead);
        buffer_done(&t->pending);
        free(t->name);
        free(t);
        return NULL;
}

/* ---- what GnuTLS calls */

/* > 0: that much lies ahead; else as a read below. */
static ssize_t read_ahead(tls_channel *t) {
        size_t size = t->is_open ? P2P_WS_TLS_AHEAD_MAX : 4096;
        ssize_t k;
        int r;

        if (t->ahead.n > 0)
                return (ssize_t) t->ahead.n;
        t->ahead.start = 0;
        r = buffer_reserve(&t->ahead, size);
        if (r < 0)
                return r;
        k = p2p_channel_read(t->below, t->ahead.data, size);
        if (k <= 0) {
                buffer_done(&t->ahead);
                return k;
        }
        t->ahead.n = (size_t) k;
        if (!t->is_open && (t->n_handshake += (size_t) k) > P2P_WS_TLS_HANDSHAKE_MAX)
                return -EMSGSIZE;
        return k;
}

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t n) {
        tls_channel *t = userdata;
        ssize_t k;

        k = read_ahead(t);
        if (k == 0)
                return 0;
        if (k < 0) {
                t->is_dry = k == -EAGAIN;
                if (k != -EAGAIN)
                        t->below_error = (int) k;
                gnutls_transport_set_errno(t->session, k == -EAGAIN ? EAGAIN : EIO);
                return -1;
        }
        n = P2P_MIN(n, t->ahead.n);
        memcpy(data, t->ahead.data + t->ahead.start, n);
        t->ahead.start += n;
        t->ahead.n -= n;
        return (ssize_t) n;
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const void *data, size_t n) {
        tls_channel *t = userdata;
        int r = -ENOBUFS;

        if (n <= P2P_WS_TLS_PENDING_MAX - t->pending.n)
                r = buffer_reserve(&t->pending, n);
        if (r < 0) {
                t->below_error = r;
                gnutls_transport_set_errno(t->session, EIO);
                return -1;
        }
        memcpy(t->pending.data + t->pending.start + t->pending.n, data, n);
        t->pending.n += n;
        return (ssize_t) n;
}

static int on_pull_timeout(gnutls_transport_ptr_t userdata _unused_, unsigned milliseconds _unused_) {
        return 1; /* nothing ever waits */
}

/* ---- errors */

/* Of several faults the gravest: who is vouched for by nobody need not be asked for a name, nor for a date. */
static int judge_certificate(const tls_channel *t) {
        const unsigned dates = GNUTLS_CERT_EXPIRED | GNUTLS_CERT_NOT_ACTIVATED;
        const unsigned owner = GNUTLS_CERT_UNEXPECTED_OWNER;
        unsigned status = gnutls_session_get_verify_cert_status(t->session) & ~GNUTLS_CERT_INVALID;

        if (status & ~(dates | owner))
                return -ENOKEY;
        if (status & owner)
                return -EREMCHG;
        return status & dates ? -EKEYEXPIRED : -ENOKEY;
}

static int translate(const tls_channel *t, int error) {
        if (t->below_error < 0)
                return t->below_error;
        switch (error) {
        case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
                return judge_certificate(t);
        case GNUTLS_E_CERTIFICATE_ERROR:
        case GNUTLS_E_NO_CERTIFICATE_FOUND:
                return -ENOKEY;
        case GNUTLS_E_NO_CIPHER_SUITES:
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        case GNUTLS_E_INSUFFICIENT_SECURITY:
                return -EPROTONOSUPPORT;
        case GNUTLS_E_PREMATURE_TERMINATION:
                return -ECONNRESET;
        case GNUTLS_E_MEMORY_ERROR:
                return -ENOMEM;
        case GNUTLS_E_DECRYPTION_FAILED:
        case GNUTLS_E_UNEXPECTED_PACKET_LENGTH:
        case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
                return -EBADMSG;
        }
        return -EPROTO;
}

static bool is_again(int error) {
        return error == GNUTLS_E_AGAIN || error == GNUTLS_E_INTERRUPTED;
}

/* ---- the way down */

static int flush_pending(tls_channel *t) {
        while (t->pending.n > 0) {
                ssize_t k = p2p_channel_write(t->below, t->pending.data + t->pending.start, t->pending.n);

                if (k < 0)
                        return (int) k;
                t->pending.start += (size_t) k;
                t->pending.n -= (size_t) k;
        }
        buffer_done(&t->pending);
        return 0;
}

/* Everything that is due, in order: records, our end, the end below. */
static int flush(tls_channel *t) {
        int r;

        r = flush_pending(t);
        if (r >= 0 && t->is_shut && t->is_open && !t->is_bye_said && t->error == 0) {
                t->is_bye_said = true;
                (void) gnutls_bye(t->session, GNUTLS_SHUT_WR);
                r = flush_pending(t);
        }
        if (r < 0)
                return r;
        if (t->wants_write) {
                t->wants_write = false;
                p2p_task_post(t->channel.wake);
        }
        if (!t->is_shut || t->is_shut_below)
                return 0;
        t->is_shut_below = true;
        return p2p_channel_shutdown(t->below);
}

/* Broken: the far side is told why, if it can still be told. */
static int fail(tls_channel *t, int error, int tls_error) {
        t->error = error;
        if (tls_error < 0 && t->below_error == 0 && tls_error != GNUTLS_E_FATAL_ALERT_RECEIVED &&
            tls_error != GNUTLS_E_PREMATURE_TERMINATION)
                (void) gnutls_alert_send_appropriate(t->session, tls_error);
        if (t->below_error == 0) {
                t->is_shut = true;
                (void) flush(t);
        }
        return error;
}

/* ---- the handshake */

static int make_session(tls_channel *t) {
        int r;

        if (t->is_server)
                r = p2p_web_tls_session_new_server(t->credentials, &t->session);
        else
                r = p2p_web_tls_session_new_client(t->credentials, t->name, &t->session);
        if (r < 0)
                return r;
        gnutls_transport_set_ptr(t->session, t);
        gnutls_transport_set_pull_function(t->session, on_pull);
        gnutls_transport_set_push_function(t->session, on_push);
        gnutls_transport_set_pull_timeout_function(t->session, on_pull_timeout);
        return 0;
}

/* 1: over; -EAGAIN: when the channel below wakes. */
static int handshake(tls_channel *t) {
        ssize_t k = 1;
        int r;

        if (!t->session) {
                if (t->is_server)
                        k = read_ahead(t);
                r = k > 0 ? make_session(t) : k < 0 ? (int) k : -ECONNRESET;
                if (r < 0)
                        return r == -EAGAIN ? r : fail(t, r, 0);
        }
        for (unsigned i = 0;; i++) {
                t->is_dry = false;
                r = gnutls_handshake(t->session);
                if (r >= 0)
                        break;
                if (is_again(r) && t->is_dry) {
                        r = flush_pending(t);
                        return r < 0 && r != -EAGAIN ? fail(t, r, 0) : -EAGAIN;
                }
                if (gnutls_error_is_fatal(r) || i >= IDLE_MAX)
                        return fail(t, translate(t, r), r);
        }
        p2p_web_tls_session_settle(t->session);
        t->credentials = NULL;
        t->is_open = true;
        r = flush(t);
        return r < 0 && r != -EAGAIN ? fail(t, r, 0) : 1;
}

static void on_step(void *userdata) {
        tls_channel *t = userdata;

        if (t->error == 0 && !t->is_open && handshake(t) == -EAGAIN)
                return;
        p2p_task_pass(t->channel.wake);
}

/* ---- the channel */

/* One record's worth. 0: the end. */
static ssize_t read_record(tls_channel *t, void *data, size_t n) {
        if (t->error < 0)
                return t->error;
        if (!t->is_open)
                return -EAGAIN;
        for (unsigned i = 0; !t->is_ended; i++) {
                ssize_t k;

                t->is_dry = false;
                k = gnutls_record_recv(t->session, data, n);
                t->is_ended = k == 0;
                if (k >= 0)
                        return k;
                if (is_again((int) k) && t->is_dry)
                        return -EAGAIN;
                if (gnutls_error_is_fatal((int) k) || k == GNUTLS_E_REHANDSHAKE || i >= IDLE_MAX)
                        return fail(t, translate(t, (int) k), (int) k);
        }
        return 0;
}

static ssize_t tls_readv(p2p_channel *c, const struct iovec *iov, int n) {
        tls_channel *t = from_channel(c);
        size_t done = 0, at = 0;
        ssize_t k = 1;

        for (int i = 0; i < n && k > 0;) {
                if (at == iov[i].iov_len) {
                        at = 0;
                        i++;
                        continue;
                }
                k = read_record(t, (uint8_t *) iov[i].iov_base + at, iov[i].iov_len - at);
                if (k > 0) {
                        at += (size_t) k;
                        done += (size_t) k;
                }
        }
        if (t->pending.n > 0 && t->error == 0)
                (void) flush(t); /* GnuTLS answered something */
        return done > 0 || k > 0 ? (ssize_t) done : k;
}

/* GnuTLS takes everything: push never says no. */
static ssize_t seal(tls_channel *t, const struct iovec *iov, int n) {
        size_t taken = 0;

        for (int i = 0; i < n && taken < P2P_WS_TLS_WRITE_MAX; i++) {
                size_t part = P2P_MIN(iov[i].iov_len, P2P_WS_TLS_WRITE_MAX - taken);

                for (size_t at = 0; at < part;) {
                        ssize_t k = gnutls_record_send(t->session, (const uint8_t *) iov[i].iov_base + at,
                                                       part - at);

                        if (k <= 0)
                                return fail(t, translate(t, (int) k), (int) k);
                        at += (size_t) k;
                }
                taken += part;
        }
        return (ssize_t) taken;
}

static ssize_t tls_writev(p2p_channel *c, const struct iovec *iov, int n, bool more _unused_) {
        tls_channel *t = from_channel(c);
        ssize_t taken;
        int r;

        if (t->error < 0)
                return t->error;
        if (t->is_shut)
                return -EPIPE;
        r = t->is_open ? flush(t) : -EAGAIN;
        t->wants_write = r == -EAGAIN;
        if (r < 0)
                return r == -EAGAIN ? r : fail(t, r, 0);
        taken = seal(t, iov, n);
        if (taken < 0)
                return taken;
        r = flush_pending(t);
        return r < 0 && r != -EAGAIN ? fail(t, r, 0) : taken;
}

static int tls_shutdown(p2p_channel *c) {
        tls_channel *t = from_channel(c);
        int r;

        t->is_shut = true;
        r = flush(t);
        return r == -EAGAIN ? 0 : r;
}

static void tls_reset(p2p_channel *c, uint32_t code) {
        tls_channel *t = from_channel(c);

        t->error = t->below_error = -ECONNRESET;
        buffer_done(&t->ahead);
        buffer_done(&t->pending);
        p2p_task_cancel(&t->step);
        p2p_channel_reset(t->below, code);
}

static void on_orphan_free(p2p_orphan *orphan) {
        destroy(container_of(orphan, tls_channel, orphan));
}

static p2p_channel *tls_free(p2p_channel *c) {
        tls_channel *t = from_channel(c);

        c->wake = NULL;
        t->credentials = NULL; /* they may go now, and there is no handshake any more */
        p2p_task_cancel(&t->step);
        if (t->is_shut && flush(t) == -EAGAIN && p2p_timer_set(&t->linger, P2P_WS_TLS_LINGER_USEC) >= 0) {
                p2p_orphan_adopt(&t->orphan, t->loop, on_orphan_free);
                t->is_orphan = true;
                return NULL;
        }
        destroy(t);
        return NULL;
}

/* Passing the wake on is the last thing on this stack: the woken side may free us. */
static void on_below_wake(void *userdata) {
        tls_channel *t = userdata;
        int r;

        if (!t->is_open && !t->is_orphan && t->error == 0) {
                p2p_task_post(&t->step);
                return;
        }
        r = flush(t);
        if (t->is_orphan) {
                if (r != -EAGAIN)
                        destroy(t);
                return;
        }
        p2p_task_pass(t->channel.wake);
}

static void on_linger_over(void *userdata) {
        destroy(userdata);
}

static int channel_new(p2p_loop *loop, p2p_channel *below, const p2p_web_tls *credentials, const char *name,
                       p2p_channel **ret) {
        static const p2p_channel_ops ops = {
                .readv = tls_readv,
                .writev = tls_writev,
                .shutdown = tls_shutdown,
                .reset = tls_reset,
                .free = tls_free,
        };
        tls_channel *t;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->channel.ops = &ops;
        t->loop = loop;
        t->below = below;
        t->credentials = credentials;
        t->is_server = !name;
        if (name)
                t->name = strdup(name);
        if (name && !t->name) {
                free(t);
                return -ENOMEM;
        }
        p2p_task_init(&t->below_wake, loop, on_below_wake, t);
        p2p_task_init(&t->step, loop, on_step, t);
        t->step.slow = t->is_server;
        p2p_timer_init(&t->linger, loop, on_linger_over, t);
        p2p_channel_set_wake(below, &t->below_wake);
        p2p_task_post(&t->step);

        *ret = &t->channel;
        return 0;
}

int p2p_ws_tls_channel_new_server(p2p_loop *loop, p2p_channel *below, const p2p_web_tls *credentials,
                                  p2p_channel **ret) {
        if (!p2p_web_tls_can_serve(credentials))
                return -EINVAL;
        return channel_new(loop, below, credentials, NULL, ret);
}

int p2p_ws_tls_channel_new_client(p2p_loop *loop, p2p_channel *below, const p2p_web_tls *credentials,
                                  const char *name, p2p_channel **ret) {
        return channel_new(loop, below, credentials, name, ret);
}
