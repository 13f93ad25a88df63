/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A GnuTLS session as a channel. libp2p's own TLS has a channel that opens records in place, for 1.3 alone;
 * the Web still speaks 1.2, so here records are GnuTLS's business, whichever its version.
 *
 * Bytes move through a pipe (ws-tls-pipe.c); while something is pending there nothing new is taken.
 *
 * The handshake is arithmetic that a stranger asks for, so it is the worker's: the loop reads what there is,
 * and touches neither session nor pipe until they are back. A server has no session before a first byte has
 * come. Afterwards all is the loop's.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/orphan.h"
#include "io/worker.h"
#include "transport/ws-tls-channel.h"
#include "transport/ws-tls-pipe.h"

#define IDLE_MAX 64u /* arbitrary: records in a row that carry no data */

typedef struct tls_channel {
        p2p_channel channel;
        p2p_loop *loop;                 /* borrowed */
        const p2p_web_tls *credentials; /* borrowed; NULL after the handshake */
        p2p_task below_wake, step;
        p2p_timer linger;
        p2p_job job; /* has the next three, while it is busy */
        gnutls_session_t session;
        p2p_ws_tls_pipe pipe;
        int outcome; /* what GnuTLS said of the handshake */
        char *name;  /* a client's */
        int error;   /* for good */
        bool is_server, is_open, is_ended;
        bool wants_write; /* a writer was told -EAGAIN */
        bool is_shut, is_bye_said, is_shut_below;
        bool is_orphan;
        p2p_orphan orphan;
} tls_channel;

static tls_channel *from_channel(p2p_channel *c) {
        return container_of(c, tls_channel, channel);
}

static tls_channel *destroy(tls_channel *t) {
        if (t->is_orphan)
                p2p_orphan_leave(&t->orphan);
        p2p_job_cancel(&t->job);
        p2p_task_cancel(&t->step);
        p2p_timer_stop(&t->linger);
        p2p_channel_set_wake(t->pipe.below, NULL);
        p2p_channel_free(t->pipe.below);
        p2p_task_cancel(&t->below_wake);
        if (t->session) {
                p2p_web_tls_session_settle(t->session);
                gnutls_deinit(t->session);
        }
        p2p_ws_tls_pipe_drop(&t->pipe);
        free(t->name);
        free(t);
        return NULL;
}

/* ---- errors */

/* Of several faults the gravest: who is vouched for by nobody need not be asked for a name, nor for a
 * date. */
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
        if (t->pipe.error < 0)
                return t->pipe.error;
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

/* Everything that is due, in order: records, our end, the end below. */
static int flush(tls_channel *t) {
        int r;

        r = p2p_ws_tls_pipe_flush(&t->pipe);
        if (r >= 0 && t->is_shut && t->is_open && !t->is_bye_said && t->error == 0) {
                t->is_bye_said = true;
                (void) gnutls_bye(t->session, GNUTLS_SHUT_WR);
                r = p2p_ws_tls_pipe_flush(&t->pipe);
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
        return p2p_channel_shutdown(t->pipe.below);
}

/* Broken: the far side is told why, if it can still be told. */
static int fail(tls_channel *t, int error, int tls_error) {
        t->error = error;
        if (tls_error < 0 && t->pipe.error == 0 && tls_error != GNUTLS_E_FATAL_ALERT_RECEIVED &&
            tls_error != GNUTLS_E_PREMATURE_TERMINATION)
                (void) gnutls_alert_send_appropriate(t->session, tls_error);
        if (t->pipe.error == 0) {
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
        p2p_ws_tls_pipe_attach(&t->pipe, t->session);
        return 0;
}

/* The worker's: as far as it goes with what lies ahead. */
static void run_handshake(void *userdata) {
        tls_channel *t = userdata;

        for (unsigned i = 0; i <= IDLE_MAX; i++) {
                t->pipe.is_dry = false;
                t->outcome = gnutls_handshake(t->session);
                if (t->outcome >= 0 || gnutls_error_is_fatal(t->outcome) || t->pipe.is_dry)
                        return;
        }
}

/* The worker has it from here on, unless nothing has come (-EAGAIN) or it failed. */
static int advance(tls_channel *t) {
        ssize_t k;
        int r;

        if (t->pipe.pending.n > 0)
                t->job.stranger = false;
        k = p2p_ws_tls_pipe_flush(&t->pipe);
        if (k == 0 || k == -EAGAIN) /* a client speaks first */
                k = t->is_server || t->session ? p2p_ws_tls_pipe_fill(&t->pipe) : 1;
        if (k < 0 && k != -EAGAIN)
                t->pipe.error = (int) k;
        r = k < 0 ? (int) k : 0;
        if (r == 0 && !t->session)
                r = k > 0 ? make_session(t) : -ECONNRESET;
        t->pipe.is_held = r == 0;
        if (r == 0)
                r = p2p_job_start(&t->job);
        if (r < 0)
                t->pipe.is_held = false;
        return r < 0 && r != -EAGAIN ? fail(t, r, 0) : r;
}

static void on_step(void *userdata) {
        tls_channel *t = userdata;
        int r;

        if (p2p_job_is_busy(&t->job))
                return;
        if (t->error == 0 && !t->is_open) {
                r = advance(t);
                if (r == 0 || r == -EAGAIN)
                        return;
        }
        p2p_task_pass(t->channel.wake);
}

/* 1: the handshake is over; 0: there is more of it. */
static int settle(tls_channel *t) {
        int r = t->outcome;

        if (r < 0 && !(is_again(r) && t->pipe.is_dry))
                return fail(t, translate(t, r), r);
        if (r >= 0) {
                p2p_web_tls_session_settle(t->session);
                t->credentials = NULL;
                t->is_open = t->pipe.is_open = true;
        }
        r = t->is_open || t->is_shut ? flush(t) : 0;
        return r < 0 && r != -EAGAIN ? fail(t, r, 0) : t->is_open;
}

/* The worker gave it back. */
static void on_stepped(void *userdata) {
        tls_channel *t = userdata;

        t->pipe.is_held = false;
        if (settle(t) == 0)
                return on_step(t);
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

                t->pipe.is_dry = false;
                k = gnutls_record_recv(t->session, data, n);
                t->is_ended = k == 0;
                if (k >= 0)
                        return k;
                if (is_again((int) k) && t->pipe.is_dry)
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
        if (t->is_open && t->pipe.pending.n > 0 && t->error == 0)
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
        r = p2p_ws_tls_pipe_flush(&t->pipe);
        return r < 0 && r != -EAGAIN ? fail(t, r, 0) : taken;
}

static int tls_shutdown(p2p_channel *c) {
        tls_channel *t = from_channel(c);
        int r;

        t->is_shut = true;
        if (t->pipe.is_held)
                return 0; /* when it is back */
        r = flush(t);
        return r == -EAGAIN ? 0 : r;
}

static void tls_reset(p2p_channel *c, uint32_t code) {
        tls_channel *t = from_channel(c);

        p2p_job_cancel(&t->job);
        t->pipe.is_held = false;
        t->error = t->pipe.error = -ECONNRESET;
        p2p_ws_tls_pipe_drop(&t->pipe);
        p2p_task_cancel(&t->step);
        p2p_channel_reset(t->pipe.below, code);
}

static uint64_t tls_quiet(const p2p_channel *c) {
        return p2p_channel_quiet(container_of(c, const tls_channel, channel)->pipe.below);
}

static void on_orphan_free(p2p_orphan *orphan) {
        destroy(container_of(orphan, tls_channel, orphan));
}

static p2p_channel *tls_free(p2p_channel *c) {
        tls_channel *t = from_channel(c);

        c->wake = NULL;
        p2p_job_cancel(&t->job);
        t->pipe.is_held = false;
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
                .quiet = tls_quiet,
                .free = tls_free,
        };
        tls_channel *t;

        t = calloc(1, sizeof(*t));
        if (!t)
                return -ENOMEM;
        t->channel.ops = &ops;
        t->loop = loop;
        t->pipe.below = below;
        t->credentials = credentials;
        t->is_server = !name;
        if (name)
                t->name = strdup(name);
        if (name && !t->name) {
                free(t);
                return -ENOMEM;
        }
        p2p_job_init(&t->job, loop, run_handshake, on_stepped, t);
        t->job.stranger = t->is_server;
        t->job.own = !t->is_server;
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
