/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Every list that a peer can make long is cut at its limit (p2p/identify.h), never an error: the rest of the
 * message is good. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/identify.h>

#include "crypto/envelope.h"
#include "protocol/identify-message.h"
#include "protocol/identify.pb-c.h"
#include "wire/message.h"
#include "wire/utf8.h"

static void free_addrs(p2p_addr **addrs, size_t n) {
        for (size_t i = 0; i < n; i++)
                p2p_addr_free(addrs[i]);
        free(addrs);
}

void p2p_identify_info_done(p2p_identify_info *info) {
        free(info->agent);
        for (size_t i = 0; i < info->n_protocols; i++)
                free(info->protocols[i]);
        free(info->protocols);
        free_addrs(info->listen_addrs, info->n_listen_addrs);
        free(info->record);
        p2p_addr_free(info->observed);
        *info = (p2p_identify_info){};
}

/* Whole characters of at most so many bytes; what cannot be shown is a question mark. An agent is for people
 * only. */
static char *printable(const char *text, size_t max) {
        size_t n = 0, left = strlen(text);
        char *out = malloc(P2P_MIN(left, max) + 1);

        while (out && left > 0) {
                size_t k = p2p_utf8_printable_size(P2P_VIEW((const uint8_t *) text, left));

                if (n + P2P_MAX(k, (size_t) 1) > max)
                        break;
                if (k > 0)
                        memcpy(out + n, text, k);
                else
                        out[n] = '?';
                k = P2P_MAX(k, (size_t) 1);
                n += k;
                text += k;
                left -= k;
        }
        if (out)
                out[n] = '\0';
        return out;
}

static int merge_protocols(p2p_identify_info *info, const P2p__Identify *m) {
        size_t room = P2P_IDENTIFY_PROTOCOLS_MAX - info->n_protocols, n = P2P_MIN(m->n_protocols, room);
        char **grown;

        grown = reallocarray(info->protocols, info->n_protocols + n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        info->protocols = grown;
        for (size_t i = 0; i < n; i++) {
                if (strlen(m->protocols[i]) > P2P_IDENTIFY_STRING_MAX ||
                    !p2p_utf8_is_printable(P2P_VIEW_STR(m->protocols[i])))
                        continue;
                grown[info->n_protocols] = strdup(m->protocols[i]);
                if (!grown[info->n_protocols])
                        return -ENOMEM;
                info->n_protocols++;
        }
        return 0;
}

static int merge_addrs(p2p_identify_info *info, const P2p__Identify *m) {
        size_t room = P2P_IDENTIFY_ADDRS_MAX - info->n_listen_addrs, n = P2P_MIN(m->n_listenaddrs, room);
        p2p_addr **grown;

        grown = reallocarray(info->listen_addrs, info->n_listen_addrs + n + 1, sizeof(*grown));
        if (!grown)
                return -ENOMEM;
        info->listen_addrs = grown;
        for (size_t i = 0; i < n; i++)
                if (p2p_addr_decode(P2P_VIEW(m->listenaddrs[i].data, m->listenaddrs[i].len),
                                    &grown[info->n_listen_addrs]) >= 0)
                        info->n_listen_addrs++;
        return 0;
}

static int merge_scalars(p2p_identify_info *info, const P2p__Identify *m) {
        p2p_addr *observed;

        if (m->agentversion) {
                char *agent = printable(m->agentversion, P2P_IDENTIFY_STRING_MAX);

                if (!agent)
                        return -ENOMEM;
                free(info->agent);
                info->agent = agent;
        }
        if (m->has_signedpeerrecord) {
                uint8_t *record = malloc(m->signedpeerrecord.len + 1);

                if (!record)
                        return -ENOMEM;
                if (m->signedpeerrecord.len > 0) /* an empty one has no address */
                        memcpy(record, m->signedpeerrecord.data, m->signedpeerrecord.len);
                free(info->record);
                info->record = record;
                info->n_record = m->signedpeerrecord.len;
        }
        if (m->has_observedaddr &&
            p2p_addr_decode(P2P_VIEW(m->observedaddr.data, m->observedaddr.len), &observed) >= 0) {
                p2p_addr_free(info->observed);
                info->observed = observed;
        }
        return 0;
}

int p2p_identify_info_merge(p2p_identify_info *info, p2p_view message) {
        P2p__Identify *m;
        int r;

        r = p2p_message_decode(&p2p__identify__descriptor, message, P2P_IDENTIFY_MESSAGE_MAX, &m);
        if (r < 0)
                return r;
        r = merge_protocols(info, m);
        if (r >= 0)
                r = merge_addrs(info, m);
        if (r >= 0)
                r = merge_scalars(info, m);
        p2p_message_free(m);
        return r;
}

bool p2p_identify_info_is_signed(const p2p_identify_info *info, const p2p_peer_id *peer) {
        p2p_peer_record record;
        bool ours;

        if (!info->record || p2p_peer_record_open(P2P_VIEW(info->record, info->n_record), &record) < 0)
                return false;
        ours = p2p_peer_id_equal(&record.peer, peer);
        p2p_peer_record_done(&record);
        return ours;
}

/* go-libp2p's rule by where the other end is [run]: public peers keep public addresses, private ones lose
 * loopback. */
static bool believable(const p2p_addr *addr, const p2p_addr *remote) {
        if (!remote || p2p_addr_is_loopback(remote))
                return true;
        if (p2p_addr_is_private(remote))
                return !p2p_addr_is_loopback(addr);
        return !p2p_addr_is_public(remote) || p2p_addr_is_public(addr);
}

static int keep(p2p_addr *const *in, size_t n_in, const p2p_peer_id *peer, const p2p_addr *remote,
                p2p_addr ***ret, size_t *ret_n) {
        p2p_addr **out;
        size_t n = 0;

        out = calloc(n_in + 1, sizeof(*out));
        if (!out)
                return -ENOMEM;
        for (size_t i = 0; i < n_in; i++) {
                p2p_peer_id named;

                if (p2p_addr_peer(in[i], &named) >= 0 && !p2p_peer_id_equal(&named, peer))
                        continue;
                if (believable(in[i], remote) && p2p_addr_without_peer(in[i], &out[n]) >= 0)
                        n++;
        }
        *ret = out;
        *ret_n = n;
        return 0;
}

int p2p_identify_info_addrs(const p2p_identify_info *info, const p2p_peer_id *peer, const p2p_addr *remote,
                            p2p_addr ***ret, size_t *ret_n) {
        p2p_peer_record record;
        int r = -EBADMSG;

        if (info->record)
                r = p2p_peer_record_open(P2P_VIEW(info->record, info->n_record), &record);
        if (r == -EKEYREJECTED)
                return keep(NULL, 0, peer, remote, ret, ret_n);
        if (r < 0) /* none, or unparseable: the plain list counts */
                return keep(info->listen_addrs, info->n_listen_addrs, peer, remote, ret, ret_n);

        if (p2p_peer_id_equal(&record.peer, peer))
                r = keep(record.addrs, P2P_MIN(record.n_addrs, (size_t) P2P_IDENTIFY_ADDRS_MAX), peer,
                         remote, ret, ret_n);
        else
                r = keep(NULL, 0, peer, remote, ret, ret_n);
        p2p_peer_record_done(&record);
        return r;
}
