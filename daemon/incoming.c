/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A stream of a peer to a service of ours.
 *
 * Who may: authorized_keys again, whoever dialled the connection (a relay that we dialled must not reach our
 * ssh through it), and by the clock of now; then the service's own list (architecture.md 8). Only then the
 * backend is dialled; what the peer sends meanwhile stays in the stream. A dead backend is reset 0x2001, so
 * that the other side can name the reason.
 */

#include "daemon/incoming.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/peer.h"
#include "daemon/tunnel.h"
#include "service/journal.h"

struct Incoming {
        Manager *manager; /* borrowed */
        Service *service; /* borrowed; NULL: withdrawn meanwhile */
        p2p_peer_id peer;
        char name[SERVICE_NAME_MAX + 1];
        uint64_t since;
        bool relayed;
        p2p_stream *stream;
        Backend *backend;
        Tunnel *tunnel;
        p2p_list incoming, of_service;
};

static Incoming *incoming_free(Incoming *in) {
        if (!in)
                return NULL;
        tunnel_free(in->tunnel);
        backend_free(in->backend);
        p2p_stream_free(in->stream);
        if (in->service) {
                in->service->n_incoming--;
                service_changed(in->service);
        }
        p2p_list_unlink(&in->of_service);
        p2p_list_unlink(&in->incoming);
        in->manager->n_tunnels--;
        manager_note_end(in->manager);
        free(in);
        return NULL;
}

/* As its other end sees it, RX is what came from the peer. */
static void incoming_end(Incoming *in, const char *reason) {
        audit(AUDIT_SESSION, AUDIT_PEER(&in->peer), AUDIT_TEXT("SERVICE", in->name),
              AUDIT_NUMBER("BYTES_RX", in->tunnel ? tunnel_bytes_in(in->tunnel) : 0),
              AUDIT_NUMBER("BYTES_TX", in->tunnel ? tunnel_bytes_out(in->tunnel) : 0),
              AUDIT_NUMBER("DURATION_USEC", p2p_loop_now(in->manager->loop) - in->since),
              AUDIT_TEXT("REASON", reason), AUDIT_TEXT("DIRECTION", "inbound"),
              AUDIT_TEXT("PATH", in->relayed ? "RELAYED" : "DIRECT"));
        incoming_free(in);
}

/* A tunnel that never was: the record of why. */
static void record_failure(const p2p_peer_id *peer, const char *service, const char *address, int error) {
        char text[2][512] = {};
        const char *reason = text[0], *remedy = text[1];

        if (error == -ENOBUFS)
                (void) snprintf(text[0], sizeof(text[0]), "there are %u tunnels, which is the limit",
                                TUNNELS_MAX);
        else {
                (void) snprintf(text[0], sizeof(text[0]), "%s: %s", address, strerror(-error));
                (void) snprintf(text[1], sizeof(text[1]),
                                "start what listens on %s, or change the address: peerupctl "
                                "service remove %s; peerupctl service add %s ADDRESS",
                                address, service, service);
        }
        audit(AUDIT_SESSION_FAILED, AUDIT_PEER(peer), AUDIT_TEXT("SERVICE", service),
              AUDIT_TEXT("REASON", reason), AUDIT_TEXT("REMEDY", remedy),
              AUDIT_TEXT("DIRECTION", "inbound"));
}

static void on_tunnel_done(Tunnel *tunnel, const TunnelResult *result, void *userdata) {
        static const char *const reasons[] = { [TUNNEL_FINISHED] = "closed",
                                               [TUNNEL_LOCAL] = "reset by the backend",
                                               [TUNNEL_REMOTE] = "reset by the peer" };
        Incoming *in = userdata;

        (void) tunnel;
        if (result->end == TUNNEL_REMOTE && !p2p_stream_conn(in->stream))
                incoming_end(in, "the connection to the peer was lost");
        else
                incoming_end(in, reasons[result->end]);
}

static void on_backend(int fd, int error, void *userdata) {
        Incoming *in = userdata;
        int r = error;

        in->backend = NULL;
        if (r >= 0)
                r = tunnel_new(in->manager->loop, in->manager->scratch, fd, on_tunnel_done, in, &in->tunnel);
        if (r < 0) {
                if (fd >= 0)
                        (void) close(fd);
                p2p_channel_reset(p2p_stream_channel(in->stream), P2P_STREAM_BACKEND_UNREACHABLE);
                record_failure(&in->peer, in->name, in->service ? in->service->address : "its address", r);
                incoming_free(in);
                return;
        }
        tunnel_attach(in->tunnel, p2p_stream_channel(in->stream));
        tunnel_start(in->tunnel);
}

static void refuse(p2p_stream *stream, uint32_t code) {
        p2p_channel_reset(p2p_stream_channel(stream), code);
        p2p_stream_free(stream);
}

static int incoming_new(Service *service, p2p_stream *stream, Incoming **ret) {
        Manager *m = service->manager;
        Incoming *in;
        int r;

        if (m->n_tunnels >= TUNNELS_MAX)
                return -ENOBUFS;
        in = malloc(sizeof(*in));
        if (!in)
                return -ENOMEM;
        *in = (Incoming){ .manager = m, .peer = *p2p_stream_peer(stream), .since = p2p_loop_now(m->loop) };
        (void) strcpy(in->name, service->name);
        p2p_list_init(&in->incoming);
        p2p_list_init(&in->of_service);

        r = backend_new(m->loop, &service->endpoint, on_backend, in, &in->backend);
        if (r < 0) {
                free(in);
                return r;
        }
        in->stream = stream; /* taken last */
        in->relayed = p2p_stream_conn(stream) && p2p_conn_is_circuit(p2p_stream_conn(stream));
        in->service = service;
        service->n_incoming++;
        m->n_tunnels++;
        p2p_list_append(&m->incoming, &in->incoming);
        p2p_list_append(&service->incoming, &in->of_service);
        *ret = in;
        return 0;
}

void incoming_begin(Service *service, p2p_stream *stream) {
        Manager *m = service->manager;
        const p2p_peer_id *peer = p2p_stream_peer(stream);
        p2p_conn *conn = p2p_stream_conn(stream);
        AccessVerdict verdict;
        Incoming *in;
        int r;

        verdict = access_check(m->access, peer);
        if (verdict == ACCESS_ALLOWED && !service_allows(service, peer))
                verdict = ACCESS_NOT_LISTED;
        if (verdict != ACCESS_ALLOWED) {
                audit(AUDIT_SERVICE_DENIED, AUDIT_PEER(peer), AUDIT_TEXT("SERVICE", service->name),
                      AUDIT_TEXT("PATH", conn ? peer_path_type(conn) : ""),
                      AUDIT_TEXT("REASON", access_verdict_text(verdict)));
                refuse(stream, P2P_STREAM_GATED);
                return;
        }
        r = incoming_new(service, stream, &in);
        if (r < 0) {
                record_failure(peer, service->name, service->address, r);
                refuse(stream,
                       r == -ENOBUFS ? P2P_STREAM_RESOURCE_LIMIT_EXCEEDED : P2P_STREAM_BACKEND_UNREACHABLE);
                return;
        }
        service_changed(service);
        backend_start(in->backend);
}

void incoming_forget_service(Service *service) {
        Incoming *in;

        P2P_LIST_FOREACH(in, &service->incoming, Incoming, of_service) {
                p2p_list_unlink(&in->of_service);
                in->service = NULL;
        }
}

void incoming_drop_peer(Manager *manager, const p2p_peer_id *peer) {
        Incoming *in;

        P2P_LIST_FOREACH(in, &manager->incoming, Incoming, incoming) {
                if (!p2p_peer_id_equal(&in->peer, peer))
                        continue;
                if (in->tunnel)
                        tunnel_abort(in->tunnel, P2P_STREAM_GATED);
                p2p_channel_reset(p2p_stream_channel(in->stream), P2P_STREAM_GATED);
                incoming_end(in, "no longer authorized");
        }
}

void incoming_free_all(Manager *manager) {
        Incoming *in;

        P2P_LIST_FOREACH(in, &manager->incoming, Incoming, incoming)
                incoming_free(in);
}
