/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From codes to sentences. What tells the cases apart: a peer that gates us ends the connection (0x1007) or
 * resets the stream 0x1008; one without the service refuses the protocol; one whose backend is down resets
 * 0x2001. The original resets with 0 for its ACL and for a dead backend alike (protocols.md 2.1), so there
 * both are named. Without a stream -EPROTONOSUPPORT is a handshake's.
 */

#include "daemon/failure.h"

#include <errno.h>
#include <string.h>

#include <p2p/error.h>
#include <p2p/macro.h>

typedef struct Words {
        const char *peer, *service, *id;
} Words;

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
                return f->opened ? FAILURE_NO_SERVICE : FAILURE_NO_COMMON_WAY;
        case -ENOKEY:
                return FAILURE_UNTRUSTED;
        case -EKEYEXPIRED:
                return FAILURE_OUT_OF_DATE;
        case -EREMCHG:
                return FAILURE_OTHER_NAME;
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
        if (!f->opened)
                return f->no_relay ? FAILURE_NO_PATH : FAILURE_UNREACHABLE;
        return f->alive ? FAILURE_RESET : FAILURE_LOST;
}

/* One of them or NULL: {peer} {service} {id}. */
static const char *find_word(const char *at, const Words *words, size_t *ret_n) {
        const struct {
                const char *word, *value;
        } table[] = { { "{peer}", words->peer }, { "{service}", words->service }, { "{id}", words->id } };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (strncmp(at, table[i].word, strlen(table[i].word)) == 0) {
                        *ret_n = strlen(table[i].word);
                        return table[i].value;
                }
        return NULL;
}

/* Cut at its end, should names be long. */
static void expand(const char *text, const Words *words, char out[static FAILURE_TEXT_MAX]) {
        size_t n = 0;

        while (*text && n < FAILURE_TEXT_MAX - 1) {
                size_t skip = 1;
                const char *value = find_word(text, words, &skip);

                if (value)
                        for (; *value && n < FAILURE_TEXT_MAX - 1; value++)
                                out[n++] = *value;
                else
                        out[n++] = *text;
                text += skip;
        }
        out[n] = '\0';
}

void failure_describe(FailureKind kind, const char *peer, const char *service, const p2p_peer_id *self,
                      char reason[static FAILURE_TEXT_MAX], char remedy[static FAILURE_TEXT_MAX]) {
        static const struct {
                const char *reason, *remedy;
        } texts[_FAILURE_KIND_MAX] = {
                [FAILURE_NOT_AUTHORIZED] = {
                        "{peer} does not let this machine in",
                        "run on {peer}: peerupctl auth add {id}",
                },
                [FAILURE_REFUSED] = {
                        "{peer} does not let this machine use the service {service}",
                        "run on {peer}: peerupctl auth add {id} (or add that id to allowed_peers of "
                        "{service} there)",
                },
                [FAILURE_NO_SERVICE] = {
                        "{peer} offers no service {service}",
                        "run on {peer}: peerupctl service add {service} localhost:PORT",
                },
                [FAILURE_BACKEND] = {
                        "nothing answers behind the service {service} on {peer}",
                        "start it on {peer}, or correct its address there: peerupctl services",
                },
                [FAILURE_LIMIT] = {
                        "too many connections to {peer} at a time",
                        "try again, or close some",
                },
                [FAILURE_WRONG_PEER] = {
                        "the machine that answered for {peer} is another one, or refused the connection",
                        "compare names: in config.yaml with peerupctl whoami there",
                },
                [FAILURE_NO_COMMON_WAY] = {
                        "{peer} has no way to connect in common with this machine",
                        "update peer-up on {peer}: it needs an Ed25519 key, and QUIC, or yamux over "
                        "TLS 1.3 or Noise",
                },
                [FAILURE_UNTRUSTED] = {
                        "the certificate of a wss address on the way to {peer} comes from nobody whom this "
                        "machine trusts",
                        "name the file of its authority here, below network: tls: trust: in config.yaml, "
                        "and run: systemctl restart peerup",
                },
                [FAILURE_OUT_OF_DATE] = {
                        "the certificate of a wss address on the way to {peer} is not valid today",
                        "renew it there (systemctl reload takes it up), or set the clock of this "
                        "machine: timedatectl",
                },
                [FAILURE_OTHER_NAME] = {
                        "the certificate of a wss address on the way to {peer} is for another name",
                        "write the address with the name in its certificate: /dns/NAME/tcp/PORT/wss; see: "
                        "peerupctl relay list",
                },
                [FAILURE_NO_RELAY] = {
                        "no relay lets this machine through to {peer}",
                        "see on the relay whom it serves, this machine is {id}: peerupctl relay-server "
                        "list-peers; peerupctl relay-server authorize ID",
                },
                [FAILURE_UNREACHABLE] = {
                        "{peer} cannot be reached: it is off, or connected to no relay of this machine",
                        "see peerupctl relay list here and there, and peerupctl status on {peer}",
                },
                [FAILURE_NO_PATH] = {
                        "{peer} cannot be reached, and this machine uses no relay",
                        "run here: peerupctl relay add ADDRESS, with one that peerupctl relay-server status "
                        "prints on the relay",
                },
                [FAILURE_RESET] = {
                        "{peer} reset the stream for the service {service}: it is not for this machine, or "
                        "nothing listens behind it",
                        "see journalctl -u peerup-daemon on {peer}, and peerupctl services there",
                },
                [FAILURE_LOST] = {
                        "the connection to {peer} broke",
                        "try again; if it stays, see journalctl -u peerup-daemon on {peer}",
                },
        };
        char id[P2P_PEER_ID_TEXT_MAX];
        Words words = { .peer = peer, .service = service, .id = p2p_peer_id_format(self, id) };

        expand(texts[kind].reason, &words, reason);
        expand(texts[kind].remedy, &words, remedy);
}
