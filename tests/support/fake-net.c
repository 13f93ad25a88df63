/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "host/host-internal.h"
#include "tests/support/fake-net.h"
#include "tests/support/memory.h"

/* ---- sessions ---- */
static fake_session *session_of(const p2p_session *s) {
        return container_of((p2p_session *) s, fake_session, session);
}

static int session_open(p2p_session *session, p2p_channel **ret) {
        fake_session *s = session_of(session);
        int r;

        if (s->error < 0)
                return s->error;
        assert(s->n_open < FAKE_STREAMS_MAX);
        r = p2p_memory_pair(s->net->loop, NULL, ret, &s->far[s->n_open]);
        if (r >= 0)
                s->n_open++;
        return r;
}

static int session_accept(p2p_session *session _unused_, p2p_channel **ret _unused_) {
        return 0;
}

static int session_error(const p2p_session *session, uint32_t *ret_code) {
        if (ret_code)
                *ret_code = 0;
        return session_of(session)->closed ? -ECONNRESET : 0;
}

static void session_close(p2p_session *session, uint32_t code _unused_) {
        session_of(session)->closed = true;
}

static uint64_t session_rtt(const p2p_session *session) {
        return session_of(session)->rtt;
}

static uint64_t session_heard(const p2p_session *session) {
        return session_of(session)->heard;
}

static uint64_t session_quiet(const p2p_session *session) {
        return session_of(session)->quiet;
}

static void session_set_stream_limit(p2p_session *session _unused_, unsigned n _unused_) {
}

static unsigned session_n_streams(const p2p_session *session) {
        return session_of(session)->n_open;
}

static p2p_session *session_free(p2p_session *session) {
        fake_session *s = session_of(session);

        for (unsigned i = 0; i < s->n_open; i++)
                p2p_channel_free(s->far[i]);
        p2p_list_unlink(&s->sessions);
        free(s);
        return NULL;
}

static const p2p_session_ops session_ops = {
        .open = session_open,
        .accept = session_accept,
        .error = session_error,
        .close = session_close,
        .rtt = session_rtt,
        .heard = session_heard,
        .quiet = session_quiet,
        .set_stream_limit = session_set_stream_limit,
        .n_streams = session_n_streams,
        .free = session_free,
};

/* ---- the transport ---- */
static bool matches(const p2p_addr *addr _unused_) {
        return true;
}

static void dial_free(fake_dial *d) {
        p2p_list_unlink(&d->dials);
        d->net->n_in_flight--;
        p2p_addr_free(d->addr);
        free(d);
}

static int dial(void *transport, const p2p_peer_id *peer, const p2p_addr *addr, p2p_raw_fn done,
                void *userdata, void **ret) {
        fake_net *net = transport;
        fake_dial *d = calloc(1, sizeof(*d));
        int r;

        assert(d);
        *d = (fake_dial){ .net = net, .peer = *peer, .done = done, .userdata = userdata };
        r = p2p_addr_dup(addr, &d->addr);
        assert(r >= 0);
        p2p_list_init(&d->dials);
        p2p_list_append(&net->dials, &d->dials);
        net->n_started++;
        net->n_in_flight++;
        *ret = d;
        return 0;
}

static void free_dial(void *userdata) {
        fake_dial *d = userdata;

        d->net->n_cancelled++;
        dial_free(d);
}

static const p2p_transport transport = {
        .name = "fake",
        .matches = matches,
        .dial = dial,
        .free_dial = free_dial,
};

void fake_net_init(fake_net *net, p2p_loop *loop, p2p_host *host) {
        int r;

        *net = (fake_net){ .loop = loop };
        p2p_list_init(&net->dials);
        p2p_list_init(&net->sessions);
        for (unsigned i = 0; i < TRANSPORTS_MAX; i++)
                if (host->transports[i].ops && host->transports[i].ops->destroy) {
                        host->transports[i].ops->destroy(host->transports[i].transport);
                        host->transports[i] = (transport_slot){};
                } else if (host->transports[i].ops)
                        p2p_host_remove_transport(host, host->transports[i].ops);
        r = p2p_host_add_transport(host, &transport, net);
        assert(r >= 0);
}

fake_dial *fake_find(fake_net *net, const char *text) {
        char buffer[P2P_ADDR_TEXT_MAX];
        fake_dial *d;

        P2P_LIST_FOREACH(d, &net->dials, fake_dial, dials)
                if (!text || strcmp(p2p_addr_format(d->addr, buffer), text) == 0)
                        return d;
        return NULL;
}

void fake_fail(fake_dial *d, int error) {
        p2p_raw_fn done = d->done;
        void *userdata = d->userdata;

        dial_free(d);
        done(NULL, error, userdata);
}

p2p_channel *fake_connect(fake_dial *d) {
        p2p_raw_fn done = d->done;
        void *userdata = d->userdata;
        p2p_channel *far;
        p2p_raw raw = {};
        int r;

        r = p2p_memory_pair(d->net->loop, NULL, &raw.channel, &far);
        assert(r >= 0);
        dial_free(d);
        done(&raw, 0, userdata);
        return far;
}

static fake_session *session_new(fake_net *net, const p2p_peer_id *peer, p2p_raw *ret_raw) {
        fake_session *s = calloc(1, sizeof(*s));

        assert(s);
        *s = (fake_session){ .session.ops = &session_ops, .net = net, .peer = *peer };
        s->heard = p2p_loop_now(net->loop);
        p2p_list_init(&s->sessions);
        p2p_list_append(&net->sessions, &s->sessions);
        *ret_raw = (p2p_raw){ .session = &s->session, .peer = *peer, .security = "/fake", .muxer = "/fake" };
        return s;
}

fake_session *fake_answer(fake_dial *d) {
        p2p_raw_fn done = d->done;
        void *userdata = d->userdata;
        fake_session *s;
        p2p_raw raw;

        s = session_new(d->net, &d->peer, &raw);
        dial_free(d);
        done(&raw, 0, userdata);
        return s;
}

fake_session *fake_come(fake_net *net, p2p_host *host, const p2p_peer_id *peer) {
        fake_session *s;
        p2p_raw raw;
        int r;

        s = session_new(net, peer, &raw);
        r = p2p_host_accept(host, &transport, &raw);
        assert(r >= 0);
        return s;
}
