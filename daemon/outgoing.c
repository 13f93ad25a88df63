/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A local connection on its way to a peer. The socket waits in its tunnel until the stream is there; then
 * the tunnel runs, and nothing here is touched until its end.
 *
 * When a tunnel breaks, its socket has been reset at once; the record waits VERDICT_USEC, because the reason
 * may be still on its way: a peer that gates us takes the streams down together with the connection, and the
 * host tells of that later.
 */

#include "daemon/outgoing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/failure.h"
#include "daemon/opening.h"
#include "daemon/peer.h"
#include "daemon/relays.h"
#include "daemon/service.h"
#include "daemon/tunnel.h"
#include "service/journal.h"

#define VERDICT_USEC (100 * USEC_PER_MSEC)

/* failure: it came to nothing; broken: it ran, and did not end in order. A proxy remembers the first only.
 */
static void tell(Outgoing *o, const char *failure, const char *broken) {
        const Manager *m = o->manager;

        if (o->proxy)
                proxy_note_end(o->proxy, o, failure);
        if (o->caller && m->observer && m->observer->connect_ended)
                m->observer->connect_ended(o, failure ? failure : broken, m->observer_userdata);
}

static void end_running(Outgoing *o, const char *reason, bool in_order) {
        audit(AUDIT_SESSION, AUDIT_PEER(&o->peer), AUDIT_TEXT("SERVICE", o->service),
              AUDIT_NUMBER("BYTES_RX", outgoing_bytes_in(o)),
              AUDIT_NUMBER("BYTES_TX", outgoing_bytes_out(o)),
              AUDIT_NUMBER("DURATION_USEC", p2p_loop_now(o->manager->loop) - o->since),
              AUDIT_TEXT("REASON", reason), AUDIT_TEXT("DIRECTION", "outbound"),
              AUDIT_TEXT("PATH", o->relayed ? "RELAYED" : "DIRECT"));
        tell(o, NULL, in_order ? NULL : reason);
        outgoing_free(o);
}

static void end_badly(Outgoing *o) {
        Failure failure = { .error = o->error, .code = o->code, .opened = o->opened, .alive = o->alive,
                            .no_relay = !relays_any(o->manager->relays),
                            .gated = refusals_since(&o->manager->refusals, &o->peer, o->since) };
        char texts[2][FAILURE_TEXT_MAX], whole[2 * FAILURE_TEXT_MAX + 2];
        const char *reason = texts[0], *remedy = texts[1];

        failure_describe(failure_kind(&failure), o->peer_text, o->service,
                         p2p_host_peer_id(o->manager->host), texts[0], texts[1]);
        audit(AUDIT_SESSION_FAILED, AUDIT_PEER(&o->peer), AUDIT_TEXT("SERVICE", o->service),
              AUDIT_TEXT("REASON", reason), AUDIT_TEXT("REMEDY", remedy),
              AUDIT_TEXT("DIRECTION", "outbound"));
        (void) snprintf(whole, sizeof(whole), "%s; %s", texts[0], texts[1]);
        tell(o, whole, NULL);
        outgoing_free(o);
}

static void on_verdict(void *userdata) {
        end_badly(userdata);
}

/* The socket is gone; what came before any byte from the peer is a refusal, later it is just a break. */
static void on_tunnel_done(Tunnel *tunnel, const TunnelResult *result, void *userdata) {
        Outgoing *o = userdata;

        if (result->end == TUNNEL_FINISHED) {
                end_running(o, "closed", true);
                return;
        }
        if (result->end == TUNNEL_LOCAL) {
                end_running(o, "reset by the local application", true);
                return;
        }
        if (tunnel_bytes_in(tunnel) > 0 || result->code == P2P_STREAM_BACKEND_RESET) {
                end_running(o,
                            result->code == P2P_STREAM_BACKEND_RESET ? "reset by the service"
                            : result->code == P2P_STREAM_GATED       ? "no longer authorized there"
                            : p2p_stream_conn(o->stream)             ? "reset by the peer"
                                                         : "the connection to the peer was lost",
                            false);
                return;
        }
        o->error = result->error;
        o->code = result->code;
        o->alive = p2p_stream_conn(o->stream);
        if (p2p_timer_set(&o->verdict, VERDICT_USEC) < 0)
                end_badly(o);
}

static void begin_tunnel(Outgoing *o, p2p_stream *stream) {
        p2p_conn *conn = p2p_stream_conn(stream);

        o->stream = stream;
        o->opened = true;
        o->relayed = conn && p2p_conn_is_circuit(conn);
        tunnel_attach(o->tunnel, p2p_stream_channel(stream));
}

static void on_opened(p2p_stream *stream, int error, uint32_t code, void *userdata) {
        Outgoing *o = userdata;

        o->opening = NULL;
        if (error >= 0) {
                begin_tunnel(o, stream);
                tunnel_start(o->tunnel); /* what the application said already leaves with the proposal */
                return;
        }
        o->error = error;
        o->code = code;
        tunnel_abort(o->tunnel, P2P_STREAM_NO_ERROR); /* the application is told at once */
        end_badly(o);
}

int outgoing_open_stream(Manager *m, const p2p_peer_id *peer, const char *service, bool confirm,
                         OpeningDone done, void *userdata, Opening **ret) {
        char protocol[SERVICE_PROTOCOL_MAX];

        if (!service_name_is_valid(service))
                return -EINVAL;
        service_format_protocol(service, protocol);
        relays_add_paths(m->relays, peer);
        return opening_new(m->host, &m->refusals, peer, protocol, confirm, done, userdata, ret);
}

static int outgoing_make(Manager *m, const p2p_peer_id *peer, const char *peer_text, const char *service,
                         const char *caller, Outgoing **ret) {
        _cleanup_(outgoing_freep) Outgoing *o = NULL;

        if (!service_name_is_valid(service))
                return -EINVAL;
        if (m->n_tunnels >= TUNNELS_MAX)
                return -ENOBUFS;
        o = malloc(sizeof(*o));
        if (!o)
                return -ENOMEM;
        *o = (Outgoing){
                .manager = m, .peer = *peer, .since = p2p_loop_now(m->loop), .number = ++m->last_number
        };
        (void) strcpy(o->service, service);
        p2p_timer_init(&o->verdict, m->loop, on_verdict, o);
        p2p_list_init(&o->of_proxy);
        p2p_list_init(&o->outgoing);
        p2p_list_append(&m->outgoing, &o->outgoing);
        m->n_tunnels++;
        o->peer_text = strdup(peer_text);
        o->caller = caller ? strdup(caller) : NULL;
        if (!o->peer_text || (caller && !o->caller))
                return -ENOMEM;
        *ret = TAKE_PTR(o);
        return 0;
}

int64_t outgoing_new(Manager *m, Proxy *proxy, int fd, const p2p_peer_id *peer, const char *peer_text,
                     const char *service, const char *caller) {
        _cleanup_(outgoing_freep) Outgoing *o = NULL;
        int r;

        r = outgoing_make(m, peer, peer_text, service, caller, &o);
        if (r < 0)
                return r;
        r = outgoing_open_stream(m, peer, service, false, on_opened, o, &o->opening);
        if (r < 0)
                return r;
        r = tunnel_new(m->loop, m->scratch, fd, on_tunnel_done, o, &o->tunnel);
        if (r < 0)
                return r;
        if (proxy) {
                o->proxy = proxy;
                p2p_list_append(&proxy->outgoing, &o->of_proxy);
        }
        return (int64_t) TAKE_PTR(o)->number;
}

int outgoing_new_open(Manager *m, p2p_stream *stream, int fd, const char *peer_text, const char *service,
                      const char *caller) {
        _cleanup_(outgoing_freep) Outgoing *o = NULL;
        int r;

        r = outgoing_make(m, p2p_stream_peer(stream), peer_text, service, caller, &o);
        if (r < 0)
                return r;
        r = tunnel_new(m->loop, m->scratch, fd, on_tunnel_done, o, &o->tunnel);
        if (r < 0)
                return r;
        begin_tunnel(TAKE_PTR(o), stream);
        return 0;
}

Outgoing *outgoing_free(Outgoing *o) {
        if (!o)
                return NULL;
        p2p_timer_stop(&o->verdict);
        opening_free(o->opening);
        tunnel_free(o->tunnel);
        p2p_stream_free(o->stream);
        p2p_list_unlink(&o->of_proxy);
        p2p_list_unlink(&o->outgoing);
        o->manager->n_tunnels--;
        manager_note_end(o->manager);
        free(o->peer_text);
        free(o->caller);
        free(o);
        return NULL;
}

void outgoing_forget_proxy(Proxy *proxy) {
        Outgoing *o;

        P2P_LIST_FOREACH(o, &proxy->outgoing, Outgoing, of_proxy) {
                p2p_list_unlink(&o->of_proxy);
                o->proxy = NULL;
        }
}

void outgoing_abort(Outgoing *o, const char *reason) {
        tunnel_abort(o->tunnel, P2P_STREAM_SHUTDOWN);
        end_running(o, reason, false);
}

void outgoing_free_all(Manager *manager) {
        Outgoing *o;

        P2P_LIST_FOREACH(o, &manager->outgoing, Outgoing, outgoing)
                outgoing_free(o);
}

uint64_t outgoing_bytes_in(const Outgoing *o) {
        return o->tunnel ? tunnel_bytes_in(o->tunnel) : 0;
}

uint64_t outgoing_bytes_out(const Outgoing *o) {
        return o->tunnel ? tunnel_bytes_out(o->tunnel) : 0;
}
