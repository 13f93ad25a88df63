/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * A TLS 1.3 handshake of GnuTLS's over memory (wire reference 6) [specs/tls].
 *
 * It has what it was given and nothing else: options that do not change, the identity's certificate, which
 * GnuTLS only reads, and the bytes of this step. GnuTLS pulls them out of `in` until that is dry; what it
 * pushes is appended to `out`. The far side is judged in the handshake, before GnuTLS sends our own
 * certificate as a client. What fails is told by an alert. The last step lets go of GnuTLS's session: 16
 * KiB, and work to free.
 */

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "secure/tls-session.h"

#define NAMES_MAX   8u            /* GnuTLS takes no more */
#define OUT_MAX     (64u * 1024u) /* arbitrary: a flight of ours is 1 KiB */
#define ROUNDS_MAX  8192u         /* of a step: more than a record has room for messages */
#define ALPN_LIBP2P "libp2p"      /* the muxer is then agreed on by multistream */

enum { OF_CLIENT, OF_SERVER, _N_SECRETS };

struct p2p_tls_session {
        const p2p_identity *identity; /* borrowed */
        const char *const *muxers;    /* borrowed */
        p2p_peer_id expected;         /* n is 0 for whoever it is */
        bool initiator;
        gnutls_session_t tls; /* made by the first step, gone with the last */
        p2p_view in;          /* of this step: not pulled yet */
        bool is_dry;
        uint8_t *out;
        size_t out_start, out_n, out_size;
        int own_error, verdict; /* why it fails, where GnuTLS cannot know */
        bool is_verified;
        p2p_peer_id peer;
        const char *muxer;
        p2p_tls_state *state;
        uint8_t secrets[_N_SECRETS][P2P_TLS_SECRET_MAX];
        size_t n_secret[_N_SECRETS];
};

/* ---- what GnuTLS calls */

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t n) {
        p2p_tls_session *s = userdata;

        if (s->in.n == 0) {
                s->is_dry = true;
                gnutls_transport_set_errno(s->tls, EAGAIN);
                return -1;
        }
        n = P2P_MIN(n, s->in.n);
        memcpy(data, s->in.data, n);
        s->in = P2P_VIEW(s->in.data + n, s->in.n - n);
        return (ssize_t) n;
}

static int reserve(p2p_tls_session *s, size_t n) {
        size_t size = P2P_MAX(2 * s->out_size, (size_t) 2048);
        uint8_t *out;

        if (n > OUT_MAX - s->out_n)
                return -ENOBUFS;
        if (n <= s->out_size - s->out_n)
                return 0;
        while (size - s->out_n < n)
                size *= 2;
        out = realloc(s->out, size);
        if (!out)
                return -ENOMEM;
        s->out = out;
        s->out_size = size;
        return 0;
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const void *data, size_t n) {
        p2p_tls_session *s = userdata;
        int r;

        r = reserve(s, n);
        if (r < 0) {
                s->own_error = r;
                gnutls_transport_set_errno(s->tls, EIO);
                return -1;
        }
        memcpy(s->out + s->out_n, data, n);
        s->out_n += n;
        return (ssize_t) n;
}

/* Nothing ever waits. */
static int on_pull_timeout(gnutls_transport_ptr_t userdata _unused_, unsigned milliseconds _unused_) {
        return 1;
}

static int on_verify(gnutls_session_t session) {
        p2p_tls_session *s = gnutls_session_get_ptr(session);

        s->verdict =
                p2p_cert_verify_session(session, s->expected.n > 0 ? &s->expected : NULL, &s->peer);
        s->is_verified = s->verdict == 0;
        return s->is_verified ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* The one way to the traffic secrets; it also keeps GnuTLS from writing them to a file that the environment
 * names. */
static int on_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret) {
        p2p_tls_session *s = gnutls_session_get_ptr(session);
        unsigned i;

        if (strcmp(label, "CLIENT_TRAFFIC_SECRET_0") == 0)
                i = OF_CLIENT;
        else if (strcmp(label, "SERVER_TRAFFIC_SECRET_0") == 0)
                i = OF_SERVER;
        else
                return 0;
        if (secret->size > P2P_TLS_SECRET_MAX)
                return GNUTLS_E_INTERNAL_ERROR;
        memcpy(s->secrets[i], secret->data, secret->size);
        s->n_secret[i] = secret->size;
        return 0;
}

/* ---- the session */

/* The muxers by preference, then the name that leaves the choice to multistream. The server's preference
 * decides: with a muxer that both know it is the first of those, as go chooses, wherever the client put
 * "libp2p". */
static int set_names(p2p_tls_session *s) {
        unsigned flags = s->initiator ? 0 : GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE;
        gnutls_datum_t names[NAMES_MAX];
        unsigned n = 0;

        for (const char *const *muxer = s->muxers; muxer && *muxer; muxer++) {
                if (n + 1 == NAMES_MAX)
                        return -EINVAL;
                names[n++] = (gnutls_datum_t){ (unsigned char *) *muxer, (unsigned) strlen(*muxer) };
        }
        names[n++] = (gnutls_datum_t){ (unsigned char *) ALPN_LIBP2P, sizeof(ALPN_LIBP2P) - 1 };
        return gnutls_alpn_set_protocols(s->tls, names, n, flags) < 0 ? -EINVAL : 0;
}

static int make_session(p2p_tls_session *s) {
        int r;

        r = p2p_cert_session_new(s->identity, false,
                                 GNUTLS_NONBLOCK | (s->initiator ? GNUTLS_CLIENT : GNUTLS_SERVER), &s->tls);
        if (r < 0)
                return r;
        gnutls_session_set_ptr(s->tls, s);
        gnutls_session_set_verify_function(s->tls, on_verify);
        gnutls_session_set_keylog_function(s->tls, on_secret);
        gnutls_transport_set_ptr(s->tls, s);
        gnutls_transport_set_pull_function(s->tls, on_pull);
        gnutls_transport_set_push_function(s->tls, on_push);
        gnutls_transport_set_pull_timeout_function(s->tls, on_pull_timeout);
        return set_names(s);
}

int p2p_tls_session_new(const p2p_secure_options *options, p2p_tls_session **ret) {
        const p2p_cert *unused;
        p2p_tls_session *s;
        int r;

        r = p2p_cert_of(options->identity, &unused);
        if (r < 0)
                return r;
        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->identity = options->identity;
        s->muxers = options->muxers;
        s->initiator = options->initiator;
        if (options->expected)
                s->expected = *options->expected;
        *ret = s;
        return 0;
}

p2p_tls_session *p2p_tls_session_free(p2p_tls_session *s) {
        if (!s)
                return NULL;
        if (s->tls)
                gnutls_deinit(s->tls);
        if (s->state)
                p2p_tls_format.free(s->state);
        sodium_memzero(s->secrets, sizeof(s->secrets));
        free(s->out);
        free(s);
        return NULL;
}

/* ---- the end of it */

/* Nothing selected: multistream follows, as after "libp2p". */
static int find_muxer(p2p_tls_session *s) {
        gnutls_datum_t selected;
        p2p_view name;

        if (gnutls_alpn_get_selected_protocol(s->tls, &selected) < 0)
                return 0;
        name = P2P_VIEW(selected.data, selected.size);
        for (const char *const *muxer = s->muxers; muxer && *muxer; muxer++)
                if (p2p_view_equal(name, P2P_VIEW_STR(*muxer))) {
                        s->muxer = *muxer;
                        return 0;
                }
        return p2p_view_equal(name, P2P_VIEW_STR(ALPN_LIBP2P)) ? 0 : -EPROTO;
}

static int conclude(p2p_tls_session *s) {
        unsigned in = s->initiator ? OF_SERVER : OF_CLIENT, out = s->initiator ? OF_CLIENT : OF_SERVER;
        int r;

        if (!s->is_verified || gnutls_protocol_get_version(s->tls) != GNUTLS_TLS1_3 || s->in.n > 0)
                return -EPROTO;
        r = find_muxer(s);
        if (r < 0)
                return r;
        return p2p_tls_state_new(gnutls_cipher_get(s->tls), gnutls_prf_hash_get(s->tls),
                                 P2P_VIEW(s->secrets[in], s->n_secret[in]),
                                 P2P_VIEW(s->secrets[out], s->n_secret[out]), &s->state);
}

static int error_of(const p2p_tls_session *s, int r) {
        if (s->own_error < 0)
                return s->own_error;
        if (s->verdict < 0)
                return s->verdict;
        return r == GNUTLS_E_FATAL_ALERT_RECEIVED
                       ? p2p_cert_alert_error((uint8_t) gnutls_alert_get(s->tls))
                       : p2p_cert_handshake_error(r);
}

/* To a client of TLS 1.2 GnuTLS would say that no cipher suite is common. */
static void send_alert(p2p_tls_session *s, int r) {
        if (s->own_error < 0)
                return;
        if (r == GNUTLS_E_NO_CIPHER_SUITES && gnutls_protocol_get_version(s->tls) != GNUTLS_TLS1_3)
                (void) gnutls_alert_send(s->tls, GNUTLS_AL_FATAL, GNUTLS_A_PROTOCOL_VERSION);
        else
                (void) gnutls_alert_send_appropriate(s->tls, r);
}

/* As far as it goes with what is there. GnuTLS also says "again" between two messages. */
static int shake_hands(p2p_tls_session *s) {
        int r = GNUTLS_E_AGAIN;

        s->is_dry = false;
        for (unsigned i = 0; i < ROUNDS_MAX && r < 0 && !gnutls_error_is_fatal(r) && !s->is_dry; i++)
                r = gnutls_handshake(s->tls);
        if (r < 0 && !gnutls_error_is_fatal(r))
                return s->is_dry ? 0 : -EPROTO;
        if (r < 0) {
                send_alert(s, r);
                return error_of(s, r);
        }
        r = conclude(s);
        return r < 0 ? r : 1;
}

int p2p_tls_session_step(p2p_tls_session *s, p2p_view in) {
        int r = 0;

        if (!s->tls)
                r = make_session(s);
        s->in = in;
        if (r >= 0)
                r = shake_hands(s);
        s->in = (p2p_view){};
        if (r != 0 && s->tls) {
                gnutls_deinit(s->tls);
                s->tls = NULL;
        }
        return r;
}

p2p_view p2p_tls_session_out(const p2p_tls_session *s) {
        if (!s->out)
                return (p2p_view){};
        return P2P_VIEW(s->out + s->out_start, s->out_n - s->out_start);
}

void p2p_tls_session_sent(p2p_tls_session *s, size_t n) {
        s->out_start += n;
        if (s->out_start < s->out_n)
                return;
        free(s->out);
        s->out = NULL;
        s->out_start = s->out_n = s->out_size = 0;
}

void p2p_tls_session_take(p2p_tls_session *s, p2p_peer_id *ret_peer, const char **ret_muxer,
                          p2p_tls_state **ret_state) {
        *ret_peer = s->peer;
        *ret_muxer = s->muxer;
        *ret_state = TAKE_PTR(s->state);
}
