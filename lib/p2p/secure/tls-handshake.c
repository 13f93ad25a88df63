/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Drives a TLS 1.3 handshake over a channel, with GnuTLS (wire reference 6) [specs/tls].
 *
 * GnuTLS asks for bytes one record at a time, so what follows the handshake stays in the channel: it is the
 * sealed channel's, which takes the traffic secrets over and lets the session go. The far side is judged in
 * the handshake, before GnuTLS sends our own certificate as a client. What fails is told by an alert, and
 * the channel then ends in order so that the alert arrives. A server's refusal of a client reaches it behind
 * the handshake: as the sealed channel's error.
 */

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/cert.h"
#include "secure/sealed-channel.h"
#include "secure/secure.h"
#include "secure/tls-record.h"

#define HANDSHAKE_MAX (64u * 1024u) /* wire reference 6: bytes that are read of one */
#define NAMES_MAX     8u            /* GnuTLS takes no more */
#define ALPN_LIBP2P   "libp2p"      /* the muxer is then agreed on by multistream */

enum { OF_CLIENT, OF_SERVER, _N_SECRETS };

struct p2p_secure {
        p2p_loop *loop;
        p2p_channel *channel;
        const p2p_identity *identity; /* borrowed */
        const char *const *muxers;    /* borrowed */
        p2p_peer_id expected;         /* n is 0 for whoever it is */
        bool initiator;
        p2p_secure_fn done;
        void *userdata;
        p2p_task wake;
        gnutls_session_t session; /* made when there is something to do */
        size_t n_read;
        int channel_error, verdict;   /* why it fails, where GnuTLS cannot know */
        bool is_verified, is_blocked; /* blocked: the channel said that its wake follows */
        p2p_secure_result result;
        uint8_t secrets[_N_SECRETS][P2P_TLS_SECRET_MAX];
        size_t n_secret[_N_SECRETS];
};

static p2p_secure *tls_free(p2p_secure *s) {
        if (!s)
                return NULL;
        p2p_task_cancel(&s->wake);
        p2p_channel_free(s->channel);
        if (s->session)
                gnutls_deinit(s->session);
        sodium_memzero(s->secrets, sizeof(s->secrets));
        free(s);
        return NULL;
}

static void finish(p2p_secure *s, int error) {
        p2p_secure_result result = s->result;
        p2p_secure_fn done = s->done;
        void *userdata = s->userdata;

        if (error < 0 && s->channel_error == 0)
                (void) p2p_channel_shutdown(s->channel); /* behind the alert */
        tls_free(s);
        done(error < 0 ? NULL : &result, error, userdata);
}

/* ---- what GnuTLS calls */

static ssize_t not_moved(p2p_secure *s, ssize_t error) {
        if (error == -EAGAIN)
                s->is_blocked = true;
        else
                s->channel_error = (int) error;
        gnutls_transport_set_errno(s->session, error == -EAGAIN ? EAGAIN : EIO);
        return -1;
}

static ssize_t on_pull(gnutls_transport_ptr_t userdata, void *data, size_t n) {
        p2p_secure *s = userdata;
        ssize_t k = -EMSGSIZE;

        if (n <= HANDSHAKE_MAX - s->n_read)
                k = p2p_channel_read(s->channel, data, n);
        if (k < 0)
                return not_moved(s, k);
        s->n_read += (size_t) k;
        return k;
}

static ssize_t on_push(gnutls_transport_ptr_t userdata, const giovec_t *iov, int n) {
        p2p_secure *s = userdata;
        ssize_t k;

        k = p2p_channel_writev(s->channel, iov, n, false);
        return k < 0 ? not_moved(s, k) : k;
}

/* Nothing ever waits. */
static int on_pull_timeout(gnutls_transport_ptr_t userdata _unused_, unsigned milliseconds _unused_) {
        return 1;
}

static int on_verify(gnutls_session_t session) {
        p2p_secure *s = gnutls_session_get_ptr(session);

        s->verdict =
                p2p_cert_verify_session(session, s->expected.n > 0 ? &s->expected : NULL, &s->result.peer);
        s->is_verified = s->verdict == 0;
        return s->is_verified ? 0 : GNUTLS_E_CERTIFICATE_ERROR;
}

/* The one way to the traffic secrets; it also keeps GnuTLS from writing them to a file that the environment
 * names. */
static int on_secret(gnutls_session_t session, const char *label, const gnutls_datum_t *secret) {
        p2p_secure *s = gnutls_session_get_ptr(session);
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
static int set_names(p2p_secure *s) {
        unsigned flags = s->initiator ? 0 : GNUTLS_ALPN_MANDATORY | GNUTLS_ALPN_SERVER_PRECEDENCE;
        gnutls_datum_t names[NAMES_MAX];
        unsigned n = 0;

        for (const char *const *muxer = s->muxers; muxer && *muxer; muxer++) {
                if (n + 1 == NAMES_MAX)
                        return -EINVAL;
                names[n++] = (gnutls_datum_t){ (unsigned char *) *muxer, (unsigned) strlen(*muxer) };
        }
        names[n++] = (gnutls_datum_t){ (unsigned char *) ALPN_LIBP2P, sizeof(ALPN_LIBP2P) - 1 };
        return gnutls_alpn_set_protocols(s->session, names, n, flags) < 0 ? -EINVAL : 0;
}

static int make_session(p2p_secure *s) {
        int r;

        r = p2p_cert_session_new(s->identity, false,
                                 GNUTLS_NONBLOCK | (s->initiator ? GNUTLS_CLIENT : GNUTLS_SERVER),
                                 &s->session);
        if (r < 0)
                return r;
        gnutls_session_set_ptr(s->session, s);
        gnutls_session_set_verify_function(s->session, on_verify);
        gnutls_session_set_keylog_function(s->session, on_secret);
        gnutls_transport_set_ptr(s->session, s);
        gnutls_transport_set_pull_function(s->session, on_pull);
        gnutls_transport_set_vec_push_function(s->session, on_push);
        gnutls_transport_set_pull_timeout_function(s->session, on_pull_timeout);
        return set_names(s);
}

/* ---- the end of it */

/* Nothing selected: multistream follows, as after "libp2p". */
static int find_muxer(p2p_secure *s) {
        gnutls_datum_t selected;
        p2p_view name;

        if (gnutls_alpn_get_selected_protocol(s->session, &selected) < 0)
                return 0;
        name = P2P_VIEW(selected.data, selected.size);
        for (const char *const *muxer = s->muxers; muxer && *muxer; muxer++)
                if (p2p_view_equal(name, P2P_VIEW_STR(*muxer))) {
                        s->result.muxer = *muxer;
                        return 0;
                }
        return p2p_view_equal(name, P2P_VIEW_STR(ALPN_LIBP2P)) ? 0 : -EPROTO;
}

/* The sealed channel takes the one below over, and the secrets. */
static int seal_channel(p2p_secure *s) {
        unsigned in = s->initiator ? OF_SERVER : OF_CLIENT, out = s->initiator ? OF_CLIENT : OF_SERVER;
        p2p_tls_state *state;
        int r;

        if (!s->is_verified || gnutls_protocol_get_version(s->session) != GNUTLS_TLS1_3)
                return -EPROTO;
        r = find_muxer(s);
        if (r < 0)
                return r;
        r = p2p_tls_state_new(gnutls_cipher_get(s->session), gnutls_prf_hash_get(s->session),
                              P2P_VIEW(s->secrets[in], s->n_secret[in]),
                              P2P_VIEW(s->secrets[out], s->n_secret[out]), &state);
        if (r < 0)
                return r;
        r = p2p_sealed_channel_new(s->loop, s->channel, &p2p_tls_format, state, &s->result.channel);
        if (r < 0) {
                p2p_tls_format.free(state);
                return r;
        }
        s->channel = NULL;
        return 0;
}

static int error_of(const p2p_secure *s, int r) {
        if (s->channel_error < 0)
                return s->channel_error;
        if (s->verdict < 0)
                return s->verdict;
        switch (r) {
        case GNUTLS_E_FATAL_ALERT_RECEIVED:
                return p2p_tls_alert_error((uint8_t) gnutls_alert_get(s->session));
        case GNUTLS_E_NO_CERTIFICATE_FOUND:
        case GNUTLS_E_CERTIFICATE_REQUIRED:
        case GNUTLS_E_CERTIFICATE_ERROR:
                return -EKEYREJECTED;
        case GNUTLS_E_NO_APPLICATION_PROTOCOL:
        case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
        case GNUTLS_E_NO_CIPHER_SUITES:
        case GNUTLS_E_NO_COMMON_KEY_SHARE:
        case GNUTLS_E_UNSUPPORTED_SIGNATURE_ALGORITHM:
        case GNUTLS_E_UNSUPPORTED_CERTIFICATE_TYPE:
                return -EPROTONOSUPPORT;
        case GNUTLS_E_PREMATURE_TERMINATION:
        case GNUTLS_E_SESSION_EOF:
                return -ECONNRESET;
        case GNUTLS_E_MEMORY_ERROR:
                return -ENOMEM;
        case GNUTLS_E_HANDSHAKE_TOO_LARGE:
        case GNUTLS_E_RECORD_OVERFLOW:
                return -EMSGSIZE;
        case GNUTLS_E_UNEXPECTED_PACKET:
        case GNUTLS_E_UNEXPECTED_HANDSHAKE_PACKET:
                return -EPROTO;
        default:
                return -EBADMSG;
        }
}

/* To a client of TLS 1.2 GnuTLS would say that no cipher suite is common. */
static void send_alert(p2p_secure *s, int r) {
        if (s->channel_error < 0)
                return;
        if (r == GNUTLS_E_NO_CIPHER_SUITES && gnutls_protocol_get_version(s->session) != GNUTLS_TLS1_3)
                (void) gnutls_alert_send(s->session, GNUTLS_AL_FATAL, GNUTLS_A_PROTOCOL_VERSION);
        else
                (void) gnutls_alert_send_appropriate(s->session, r);
}

/* 1: complete; 0: the wake tells when there is more to do. GnuTLS also says "again" between two messages. */
static int advance(p2p_secure *s) {
        int r;

        if (!s->session) {
                r = make_session(s);
                if (r < 0)
                        return r;
        }
        s->is_blocked = false;
        r = gnutls_handshake(s->session);
        if (r < 0 && !gnutls_error_is_fatal(r)) {
                if (!s->is_blocked)
                        p2p_task_post(&s->wake);
                return 0;
        }
        if (r < 0) {
                send_alert(s, r);
                return error_of(s, r);
        }
        r = seal_channel(s);
        return r < 0 ? r : 1;
}

static void on_wake(void *userdata) {
        p2p_secure *s = userdata;
        int r;

        r = advance(s);
        if (r != 0)
                finish(s, r < 0 ? r : 0);
}

static int tls_start(p2p_loop *loop, p2p_channel *channel, const p2p_secure_options *options,
                     p2p_secure_fn done, void *userdata, p2p_secure **ret) {
        p2p_secure *s;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        s->loop = loop;
        s->channel = channel;
        s->identity = options->identity;
        s->muxers = options->muxers;
        s->initiator = options->initiator;
        s->done = done;
        s->userdata = userdata;
        if (options->expected)
                s->expected = *options->expected;

        p2p_task_init(&s->wake, loop, on_wake, s);
        s->wake.slow = true; /* each step is curve arithmetic, for whoever connects */
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
