/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A QUIC connection is born, in either role: its ids in the table, the library's half with our transport
 * parameters (wire reference 7), TLS in it. The id that a client made up for us leads to its connection too:
 * it knows no other until it hears from us.
 */

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include "quic/quic-internal.h"

#define LOCAL_CIDS 4 /* of the far side's that we keep, so that it or we can change the path */

static int conn_new(quic_endpoint *e, const quic_address *local, const quic_address *remote,
                    quic_conn **ret) {
        quic_transport *t = e->transport;
        quic_conn *c;

        c = malloc(sizeof(*c));
        if (!c)
                return -ENOMEM;
        *c = (quic_conn) {
                .session.ops = &quic_session_ops,
                .transport = t,
                .endpoint = e,
                .limit = t->streams,
                .credit = t->streams,
                .window = P2P_QUIC_CONN_WINDOW,
                .window_max = P2P_MIN(P2P_QUIC_WINDOW_MAX, t->conn_buffer / 2),
                .local = *local,
                .remote = *remote,
                .heard = p2p_loop_now(t->loop),
        };
        p2p_list_init(&c->conns);
        p2p_list_init(&c->half_open);
        p2p_list_init(&c->blocked);
        p2p_list_init(&c->streams);
        p2p_list_init(&c->incoming);
        p2p_list_init(&c->lingering);
        p2p_list_init(&c->sending);
        p2p_list_init(&c->held);
        quic_conn_init_tasks(c);
        p2p_list_append(&e->conns, &c->conns);
        *ret = c;
        return 0;
}

/* Before the library knows of it. */
static int discard(quic_conn *c, int error) {
        quic_conn_end(c, error, 0);
        quic_conn_free(c);
        return error;
}

static void fill_settings(const quic_conn *c, ngtcp2_settings *settings, ngtcp2_transport_params *params) {
        ngtcp2_settings_default(settings);
        settings->initial_ts = quic_conn_now(c);
        settings->cc_algo = QUIC_SHIM_BBR;
        settings->handshake_timeout = P2P_QUIC_HANDSHAKE_USEC * NGTCP2_MICROSECONDS;

        ngtcp2_transport_params_default(params);
        params->initial_max_stream_data_bidi_local = P2P_QUIC_STREAM_WINDOW;
        params->initial_max_stream_data_bidi_remote = P2P_QUIC_STREAM_WINDOW;
        params->initial_max_stream_data_uni = P2P_QUIC_STREAM_WINDOW;
        params->initial_max_data = P2P_QUIC_CONN_WINDOW;
        params->initial_max_streams_bidi = c->limit;
        params->initial_max_streams_uni = P2P_QUIC_UNI_STREAMS;
        params->max_idle_timeout = P2P_QUIC_IDLE_USEC * NGTCP2_MICROSECONDS;
        params->active_connection_id_limit = LOCAL_CIDS;
}

/* An id of our own for a connection that is being made, in the table. */
static int make_cid(quic_conn *c, ngtcp2_cid *ret) {
        uint8_t bytes[QUIC_CID_SIZE];
        int r;

        do {
                if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
                        return -ENOMEM;
                r = quic_cid_table_add(&c->endpoint->table, P2P_VIEW(bytes, sizeof(bytes)), &c->cids);
        } while (r == -EEXIST);
        if (r < 0)
                return r;
        ngtcp2_cid_init(ret, bytes, sizeof(bytes));
        return 0;
}

/* The library's half of either role, and TLS in it. */
static int attach(quic_conn *c, int lib_error) {
        int r;

        if (lib_error != 0) {
                c->lib = NULL;
                return lib_error == NGTCP2_ERR_NOMEM ? -ENOMEM : -EBADMSG;
        }
        r = quic_tls_new(c);
        if (r < 0)
                return r;
        ngtcp2_conn_set_tls_native_handle(c->lib, c->tls);
        if (c->is_client)
                p2p_task_post(&c->flush); /* a server answers */
        return 0;
}

int quic_conn_new_client(quic_endpoint *e, const p2p_peer_id *peer, const quic_address *local,
                         const quic_address *remote, quic_conn **ret) {
        uint8_t random[QUIC_CID_MAX];
        ngtcp2_transport_params params;
        ngtcp2_settings settings;
        ngtcp2_cid dcid, scid;
        quic_conn *c;
        int r;

        r = conn_new(e, local, remote, &c);
        if (r < 0)
                return r;
        c->is_client = true;
        p2p_list_append(&e->unanswered, &c->unanswered);
        c->peer = *peer;
        if (getrandom(random, sizeof(random), 0) != sizeof(random))
                return discard(c, -ENOMEM);
        ngtcp2_cid_init(&dcid, random, sizeof(random));
        r = make_cid(c, &scid);
        if (r < 0)
                return discard(c, r);

        ngtcp2_path path = { .local = { &c->local.sa, quic_address_size(&c->local) },
                             .remote = { &c->remote.sa, quic_address_size(&c->remote) } };

        fill_settings(c, &settings, &params);
        r = attach(c, ngtcp2_conn_client_new(&c->lib, &dcid, &scid, &path, NGTCP2_PROTO_VER_V1,
                                             &quic_client_callbacks, &settings, &params, NULL, c));
        if (r < 0)
                return discard(c, r);
        *ret = c;
        return 0;
}

int quic_conn_new_server(quic_endpoint *e, const ngtcp2_pkt_hd *hd, const ngtcp2_cid *odcid,
                         const quic_arrival *a, quic_conn **ret) {
        ngtcp2_transport_params params;
        ngtcp2_settings settings;
        ngtcp2_cid scid;
        quic_conn *c;
        int r;

        r = conn_new(e, &a->local, &a->remote, &c);
        if (r < 0)
                return r;
        p2p_list_append(&e->transport->half_open, &c->half_open);
        e->transport->n_half_open++;
        r = make_cid(c, &scid);
        if (r >= 0) /* what the client calls us until it knows better */
                r = quic_cid_table_add(&e->table, P2P_VIEW(hd->dcid.data, hd->dcid.datalen), &c->cids);
        if (r < 0)
                return discard(c, r);

        ngtcp2_path path = { .local = { &c->local.sa, quic_address_size(&c->local) },
                             .remote = { &c->remote.sa, quic_address_size(&c->remote) } };

        fill_settings(c, &settings, &params);
        quic_shim_set_original_dcid(&params, odcid ? odcid : &hd->dcid);
        if (odcid) {
                quic_shim_set_retry_token(&settings, quic_shim_token(hd));
                params.retry_scid = hd->dcid;
                params.retry_scid_present = 1;
        }
        params.stateless_reset_token_present = 1;
        r = quic_reset_token(e->transport, &scid, params.stateless_reset_token);
        if (r >= 0)
                r = attach(c, ngtcp2_conn_server_new(&c->lib, &hd->scid, &scid, &path, hd->version,
                                                     &quic_server_callbacks, &settings, &params, NULL, c));
        if (r < 0)
                return discard(c, r);
        *ret = c;
        return 0;
}
