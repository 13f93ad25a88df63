/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Upgrade: channel -> multistream -> security -> gater -> muxer -> session (wire reference 4, 5).
 *
 * One stage is in flight at a time and owns the channel; the enum says which, and free() frees just that.
 * Where one security protocol is known to be spoken, or only one is offered, the initiator waits for
 * nothing: header, proposal and first handshake message leave in one segment. Otherwise it proposes what
 * this machine is faster at and waits for the answer.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/error.h>

#include "host/upgrade.h"
#include "negotiate/multistream.h"
#include "secure/secure.h"
#include "wire/writer.h"

/* The stacks, by preference where AES has instructions, and from the end where it has not: libsodium's
 * ChaCha20 is then several times as fast as GnuTLS's AES. A new security protocol or muxer is a new row. */
static const p2p_security *const securities[] = { &p2p_tls, &p2p_noise };
static const char *const muxers[] = { P2P_YAMUX_PROTOCOL, NULL };

struct p2p_upgrade {
        p2p_loop *loop; /* borrowed */
        p2p_upgrade_options options;
        p2p_peer_id expected;
        p2p_upgrade_fn done;
        void *userdata;

        p2p_select *select;
        p2p_propose *propose;
        const char *names[ELEMENTSOF(securities) + 1]; /* offered, by preference; NULL-terminated */
        const p2p_security *security;
        p2p_secure *secure;
        p2p_timer deadline;
        bool proven;
        p2p_peer_id peer;
};

p2p_upgrade *p2p_upgrade_free(p2p_upgrade *u) {
        if (!u)
                return NULL;
        p2p_timer_stop(&u->deadline);
        p2p_select_free(u->select);
        p2p_propose_free(u->propose);
        if (u->secure)
                u->security->free(u->secure);
        free(u);
        return NULL;
}

static void finish(p2p_upgrade *u, p2p_upgraded *result, int error) {
        p2p_upgrade_fn done = u->done;
        void *userdata = u->userdata;
        p2p_peer_id peer = u->peer;
        bool proven = u->proven;

        p2p_upgrade_free(u);
        done(result, proven ? &peer : NULL, error, userdata);
}

static void on_deadline(void *userdata) {
        finish(userdata, NULL, -ETIMEDOUT);
}

static bool match_name(const char *const *names, const char *name) {
        for (; *names; names++)
                if (strcmp(*names, name) == 0)
                        return true;
        return false;
}

static bool match_security(const char *protocol, void *userdata) {
        p2p_upgrade *u = userdata;

        return match_name(u->names, protocol);
}

static bool match_muxer(const char *protocol, void *userdata _unused_) {
        return match_name(muxers, protocol);
}

/* The session over a sealed channel whose muxer is agreed, or lazily being agreed. Takes the channel. */
static void start_session(p2p_upgrade *u, p2p_channel *channel) {
        p2p_yamux_options options = u->options.yamux;
        p2p_upgraded result = { .peer = u->peer, .security = u->security->protocol, .muxer = muxers[0] };
        int r;

        options.client = u->options.initiator;
        r = p2p_yamux_new(u->loop, channel, &options, &result.session);
        if (r < 0) {
                p2p_channel_free(channel);
                return finish(u, NULL, r);
        }
        finish(u, &result, 0);
}

static void on_muxer_selected(p2p_channel *channel, const char *protocol _unused_, int error,
                              void *userdata) {
        p2p_upgrade *u = userdata;

        u->select = NULL; /* it freed itself */
        if (error < 0)
                return finish(u, NULL, error);
        start_session(u, channel);
}

static void start_muxer(p2p_upgrade *u, p2p_channel *channel) {
        p2p_channel *lazy;
        int r;

        if (u->options.initiator) {
                r = p2p_lazy_new(u->loop, channel, muxers[0], &lazy);
                if (r >= 0)
                        return start_session(u, lazy);
        } else {
                r = p2p_select_new(u->loop, channel, match_muxer, on_muxer_selected, u, &u->select);
                if (r >= 0)
                        return;
        }
        p2p_channel_free(channel);
        finish(u, NULL, r);
}

/* The peer is told why where it can understand: its user otherwise sees a connection that just dies. */
static void refuse(p2p_channel *channel, bool muxer_agreed) {
        uint8_t frame[12];
        p2p_writer w = P2P_WRITER(frame, sizeof(frame));

        if (muxer_agreed) {
                p2p_write_u8(&w, 0);
                p2p_write_u8(&w, 3); /* GoAway */
                p2p_write_be16(&w, 0);
                p2p_write_be32(&w, 0);
                p2p_write_be32(&w, P2P_CONN_GATED);
                (void) p2p_channel_write(channel, frame, sizeof(frame));
                (void) p2p_channel_shutdown(channel);
        }
        p2p_channel_free(channel);
}

static void on_secured(p2p_secure_result *result, int error, void *userdata) {
        p2p_upgrade *u = userdata;

        u->secure = NULL; /* it freed itself */
        if (error < 0)
                return finish(u, NULL, error);

        u->peer = result->peer;
        u->proven = true;
        if (p2p_peer_id_equal(&u->peer, p2p_identity_peer_id(u->options.identity)) ||
            (u->options.allow && !u->options.allow(&u->peer, u->userdata))) {
                refuse(result->channel, result->muxer);
                return finish(u, NULL, -EKEYREJECTED);
        }
        if (result->muxer)
                return start_session(u, result->channel);
        start_muxer(u, result->channel);
}

/* Takes the channel on success. */
static int start_security(p2p_upgrade *u, p2p_channel *channel, const char *protocol) {
        p2p_secure_options options = {
                .identity = u->options.identity,
                .expected = u->options.expected,
                .muxers = muxers,
                .initiator = u->options.initiator,
        };

        for (size_t i = 0; i < ELEMENTSOF(securities); i++)
                if (strcmp(securities[i]->protocol, protocol) == 0)
                        u->security = securities[i];
        return u->security->start(u->loop, channel, &options, on_secured, u, &u->secure);
}

static void on_security_selected(p2p_channel *channel, const char *protocol, int error, void *userdata) {
        p2p_upgrade *u = userdata;
        int r;

        u->select = NULL; /* it freed itself */
        u->propose = NULL;
        if (error < 0)
                return finish(u, NULL, error);

        r = start_security(u, channel, protocol);
        if (r < 0) {
                p2p_channel_free(channel);
                finish(u, NULL, r);
        }
}

static void set_names(p2p_upgrade *u) {
        bool forward = p2p_tls_is_fast();
        size_t n = 0;

        for (size_t i = 0; i < ELEMENTSOF(securities); i++) {
                const char *name = securities[forward ? i : ELEMENTSOF(securities) - 1 - i]->protocol;

                if (!u->options.only || strcmp(u->options.only, name) == 0)
                        u->names[n++] = name;
        }
}

/* The one that the far side surely takes, or NULL. */
static const char *known_security(const p2p_upgrade *u) {
        if (u->options.security && match_name(u->names, u->options.security))
                return u->options.security;
        return u->names[0] && !u->names[1] ? u->names[0] : NULL;
}

/* Takes the channel in any case. */
static int start(p2p_upgrade *u, p2p_channel *channel) {
        const char *known = known_security(u);
        p2p_channel *lazy;
        int r;

        if (!u->options.initiator) {
                r = p2p_select_new(u->loop, channel, match_security, on_security_selected, u, &u->select);
                if (r >= 0)
                        p2p_select_set_slow(u->select);
        } else if (!known)
                r = p2p_propose_new(u->loop, channel, u->names, on_security_selected, u, &u->propose);
        else {
                r = p2p_lazy_new(u->loop, channel, known, &lazy);
                if (r >= 0) {
                        channel = lazy;
                        r = start_security(u, channel, known);
                }
        }
        if (r < 0)
                p2p_channel_free(channel);
        return r;
}

int p2p_upgrade_new(p2p_loop *loop, p2p_channel *channel, const p2p_upgrade_options *options,
                    p2p_upgrade_fn done, void *userdata, p2p_upgrade **ret) {
        p2p_upgrade *u;
        int r;

        u = calloc(1, sizeof(*u));
        if (!u) {
                p2p_channel_free(channel);
                return -ENOMEM;
        }
        u->loop = loop;
        u->options = *options;
        if (options->expected) {
                u->expected = *options->expected;
                u->options.expected = &u->expected;
        }
        u->done = done;
        u->userdata = userdata;
        p2p_timer_init(&u->deadline, loop, on_deadline, u);
        set_names(u);

        r = start(u, channel);
        if (r >= 0)
                r = p2p_timer_set(&u->deadline, options->timeout_usec);
        if (r < 0) {
                p2p_upgrade_free(u);
                return r;
        }
        *ret = u;
        return 0;
}
