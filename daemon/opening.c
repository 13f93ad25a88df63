/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * An opening repeats one attempt until it has a stream, an answer that will not change, or no time left.
 *
 * What will not change: another identity, no such protocol, a certificate that is not good, a limit of ours,
 * a reset that says why. What may: no path yet, a relay that is coming back, a connection that broke while
 * it was used. A limit of the peer (0x1002) says that it is there and has no room for one more stream: a
 * person's connection (without confirm) waits for that as long as it takes. A peer that refuses us by gating
 * lets the handshake finish and says so afterwards, on the connection; so after every break the Refusals are
 * asked before the next try.
 */

#include "daemon/opening.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAUSE_MIN_USEC (200 * USEC_PER_MSEC)
#define PAUSE_MAX_USEC (2 * USEC_PER_SEC) /* tuned for "works within 10 s of its return" */

struct Opening {
        p2p_host *host;           /* borrowed */
        const Refusals *refusals; /* borrowed */
        p2p_peer_id peer;
        char protocol[P2P_PROTOCOL_MAX + 1];
        bool confirm;
        uint64_t since, pause;
        int error;     /* of the last attempt */
        uint32_t code; /* and of its reset */
        bool reset;    /* the stream was, and not with its connection: if that still stands after a pause, it
                          is an answer */
        p2p_open *open;
        p2p_timer timer;
        OpeningDone done;
        void *userdata;
};

static void opening_finish(Opening *o, p2p_stream *stream, int error) {
        OpeningDone done = o->done;
        void *userdata = o->userdata;
        uint32_t code = o->code;

        opening_free(o);
        done(stream, error, error < 0 ? code : P2P_STREAM_NO_ERROR, userdata);
}

static bool is_final(int error, uint32_t code) {
        switch (code) {
        case P2P_STREAM_GATED:
        case P2P_STREAM_BACKEND_UNREACHABLE:
        case P2P_STREAM_BACKEND_RESET:
        case P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED:
                return true;
        }
        switch (error) {
        case -EKEYREJECTED:
        case -EPROTONOSUPPORT:
        case -ENOKEY:
        case -EKEYEXPIRED:
        case -EREMCHG:
        case -EACCES:
        case -ENOBUFS:
        case -ENOMEM:
        case -EINVAL:
                return true;
        }
        return false;
}

/* Its limit, not ours: there is room when others have ended. */
static bool is_full(uint32_t code) {
        return code == P2P_STREAM_RESOURCE_LIMIT_EXCEEDED || code == P2P_STREAM_RATE_LIMITED;
}

static uint64_t time_left(const Opening *o) {
        uint64_t spent = p2p_loop_now(p2p_host_loop(o->host)) - o->since;

        return spent < OPENING_TIMEOUT_USEC ? OPENING_TIMEOUT_USEC - spent : 0;
}

static int attempt(Opening *o);

/* After a pause: an attempt, or the end. */
static void on_timer(void *userdata) {
        Opening *o = userdata;
        int r;

        if (refusals_since(o->refusals, &o->peer, o->since)) {
                opening_finish(o, NULL, -EKEYREJECTED);
                return;
        }
        if (o->reset && p2p_host_find_conn(o->host, &o->peer)) {
                opening_finish(o, NULL, -ECONNABORTED);
                return;
        }
        if (time_left(o) == 0) {
                opening_finish(o, NULL, o->error);
                return;
        }
        r = attempt(o);
        if (r < 0)
                opening_finish(o, NULL, r);
}

static void on_open(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        Opening *o = userdata;
        bool had_conn = p2p_host_find_conn(o->host, &o->peer);
        uint64_t pause;
        int r;

        o->open = NULL; /* it freed itself */
        o->error = error;
        o->code = code;
        if (error >= 0 || is_final(error, code)) {
                opening_finish(o, stream, error);
                return;
        }
        o->reset = o->confirm && error == -ECONNRESET && had_conn && !is_full(code);
        if (is_full(code) && !o->confirm)
                o->since = p2p_loop_now(p2p_host_loop(o->host));
        pause = P2P_MIN(o->pause, time_left(o));
        o->pause = P2P_MIN(o->pause * 2, PAUSE_MAX_USEC);
        r = p2p_timer_set(&o->timer, pause);
        if (r < 0)
                opening_finish(o, NULL, r);
}

static int attempt(Opening *o) {
        p2p_open_options options = { .timeout_usec = time_left(o), .confirm = o->confirm };

        return p2p_open_new(o->host, &o->peer, o->protocol, &options, on_open, o, &o->open);
}

int opening_new(p2p_host *host, const Refusals *refusals, const p2p_peer_id *peer, const char *protocol,
                bool confirm, OpeningDone done, void *userdata, Opening **ret) {
        _cleanup_(opening_freep) Opening *o = NULL;
        int r;

        if (strlen(protocol) > P2P_PROTOCOL_MAX)
                return -EINVAL;
        o = malloc(sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Opening){ .host = host,
                        .refusals = refusals,
                        .peer = *peer,
                        .confirm = confirm,
                        .pause = PAUSE_MIN_USEC,
                        .since = p2p_loop_now(p2p_host_loop(host)),
                        .done = done,
                        .userdata = userdata };
        (void) strcpy(o->protocol, protocol);
        p2p_timer_init(&o->timer, p2p_host_loop(host), on_timer, o);

        r = attempt(o);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(o);
        return 0;
}

Opening *opening_free(Opening *o) {
        if (!o)
                return NULL;
        p2p_open_free(o->open);
        p2p_timer_stop(&o->timer);
        free(o);
        return NULL;
}
