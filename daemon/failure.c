/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From codes to sentences. What tells the cases apart: a peer that gates us ends the connection (0x1007) or resets the
 * stream 0x1008; one without the service refuses the protocol; one whose backend is down resets 0x2001. The original resets
 * with 0 for its ACL and for a dead backend alike (protocols.md 2.1), so there both are named.
 */

#include "daemon/failure.h"

#include <errno.h>
#include <stdio.h>

#include <p2p/error.h>

FailureKind failure_kind(const Failure *f) {
        if (f->gated || f->code == P2P_STREAM_GATED)
                return f->gated ? FAILURE_NOT_AUTHORIZED : FAILURE_REFUSED;
        switch (f->code) {
        case P2P_STREAM_BACKEND_UNREACHABLE:
                return FAILURE_BACKEND;
        case P2P_STREAM_RESOURCE_LIMIT_EXCEEDED:
        case P2P_STREAM_RATE_LIMITED:
                return FAILURE_LIMIT;
        case P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED:
                return FAILURE_NO_SERVICE;
        }
        switch (f->error) {
        case -EPROTONOSUPPORT:
                return FAILURE_NO_SERVICE;
        case -EKEYREJECTED:
                return FAILURE_WRONG_PEER;
        case -EACCES:
                return FAILURE_NO_RELAY;
        case -ENOBUFS:
        case -ENOMEM:
        case -EMFILE:
        case -ENFILE:
                return FAILURE_LIMIT;
        }
        return f->opened ? FAILURE_LOST : FAILURE_UNREACHABLE;
}

void failure_describe(FailureKind kind, const char *peer, const char *service, const p2p_peer_id *self,
                      char reason[static FAILURE_TEXT_MAX], char remedy[static FAILURE_TEXT_MAX]) {
        static const struct {
                const char *reason, *remedy; /* %1$s the peer, %2$s the service, %3$s our id */
        } texts[_FAILURE_KIND_MAX] = {
                [FAILURE_NOT_AUTHORIZED] = { "%1$s does not let this machine in",
                                             "run on %1$s: peerupctl auth add %3$s" },
                [FAILURE_REFUSED] = { "%1$s does not let this machine use the service %2$s",
                                      "run on %1$s: peerupctl auth add %3$s (or add that id to allowed_peers of %2$s there)" },
                [FAILURE_NO_SERVICE] = { "%1$s offers no service %2$s",
                                         "run on %1$s: peerupctl service add %2$s localhost:PORT" },
                [FAILURE_BACKEND] = { "nothing answers behind the service %2$s on %1$s",
                                      "start it on %1$s, or correct its address there: peerupctl services" },
                [FAILURE_LIMIT] = { "too many connections to %1$s at a time", "try again, or close some" },
                [FAILURE_WRONG_PEER] = { "the machine that answered for %1$s is another one, or refused the connection",
                                         "compare names: in config.yaml with peerupctl whoami there" },
                [FAILURE_NO_RELAY] = { "no relay lets this machine through to %1$s",
                                       "run on the relay: peerupctl relay-server authorize %3$s" },
                [FAILURE_UNREACHABLE] = { "%1$s cannot be reached: it is off, or connected to no relay of this machine",
                                          "see peerupctl relay list here and there, and peerupctl status on %1$s" },
                [FAILURE_LOST] = { "the connection to %1$s broke, or it reset the stream for service %2$s (not "
                                   "allowed, or nothing listens)",
                                   "try again; if it stays, see journalctl -u peerup on %1$s" },
        };
        char id[P2P_PEER_ID_TEXT_MAX];

        (void) p2p_peer_id_format(self, id);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-extra-args"
        (void) snprintf(reason, FAILURE_TEXT_MAX, texts[kind].reason, peer, service, id);
        (void) snprintf(remedy, FAILURE_TEXT_MAX, texts[kind].remedy, peer, service, id);
#pragma GCC diagnostic pop
}
