/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The flags of PEERS.md, as a table for getopt_long(3). Those that only go's peer has are refused. */

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/peer.h"

enum { ROLE = 1, KEY, LISTEN, RELAY, ECHO_, BYTES, SECURITY, RAISE, ALLOW, DATA, DURATION, TTL, TIMEOUT, DIAL, WEB_CERTIFICATE, WEB_KEY, WEB_TRUST };

static const struct option flags[] = {
        { "role",            required_argument, NULL, ROLE            },
        { "key",             required_argument, NULL, KEY             },
        { "listen",          required_argument, NULL, LISTEN          },
        { "relay",           required_argument, NULL, RELAY           },
        { "echo",            no_argument,       NULL, ECHO_           },
        { "bytes",           required_argument, NULL, BYTES           },
        { "security",        required_argument, NULL, SECURITY        },
        { "raise-limits",    no_argument,       NULL, RAISE           },
        { "allow",           required_argument, NULL, ALLOW           },
        { "data-limit",      required_argument, NULL, DATA            },
        { "duration-limit",  required_argument, NULL, DURATION        },
        { "ttl",             required_argument, NULL, TTL             },
        { "timeout",         required_argument, NULL, TIMEOUT         },
        { "dial",            required_argument, NULL, DIAL            },
        { "web-certificate", required_argument, NULL, WEB_CERTIFICATE },
        { "web-key",         required_argument, NULL, WEB_KEY         },
        { "web-trust",       required_argument, NULL, WEB_TRUST       },
        {},
};

static int parse_number(const char *text, uint64_t *ret) {
        unsigned long long v;
        char *end;

        errno = 0;
        v = strtoull(text, &end, 10);
        if (errno || end == text || *end || text[0] == '-')
                return -EINVAL;
        *ret = v;
        return 0;
}

static int parse_seed(const char *text, peer_options *o) {
        for (size_t i = 0; i < sizeof(o->seed); i++) {
                char pair[3] = { text[2 * i] }, *end;

                if (!pair[0])
                        return -EINVAL;
                pair[1] = text[2 * i + 1];
                o->seed[i] = (uint8_t) strtoul(pair, &end, 16);
                if (end != pair + 2)
                        return -EINVAL;
        }
        o->has_seed = true;
        return text[2 * sizeof(o->seed)] ? -EINVAL : 0;
}

static int append(const char **list, unsigned *n, const char *text) {
        if (*n >= PEER_LIST_MAX)
                return -EINVAL;
        list[(*n)++] = text;
        return 0;
}

static int parse_role(const char *text, peer_options *o) {
        o->relay = strcmp(text, "relay") == 0;
        return o->relay || strcmp(text, "node") == 0 ? 0 : -EINVAL;
}

static int parse_security(const char *text, peer_options *o) {
        static const struct { const char *flag, *protocol; } known[] = {
                { "default", NULL }, { "noise", "/noise" }, { "tls", "/tls/1.0.0" },
        };

        for (size_t i = 0; i < ELEMENTSOF(known); i++)
                if (strcmp(text, known[i].flag) == 0) {
                        o->security = known[i].protocol;
                        return 0;
                }
        return -EPROTONOSUPPORT;
}

static int parse_flag(int flag, const char *text, peer_options *o) {
        switch (flag) {
        case ROLE: return parse_role(text, o);
        case KEY: return parse_seed(text, o);
        case LISTEN: return append(o->listen, &o->n_listen, text);
        case RELAY: return append(o->relays, &o->n_relays, text);
        case ECHO_: o->echo = true; return 0;
        case BYTES: return parse_number(text, &o->bytes);
        case SECURITY: return parse_security(text, o);
        case RAISE: o->raise_limits = true; return 0;
        case ALLOW:
                if (o->n_allow >= PEER_LIST_MAX)
                        return -EINVAL;
                return p2p_peer_id_parse(text, &o->allow[o->n_allow++]);
        case DATA: return parse_number(text, &o->data_limit);
        case DURATION: return parse_number(text, &o->duration_s);
        case TTL: return parse_number(text, &o->ttl_s);
        case TIMEOUT: return parse_number(text, &o->timeout_s);
        case DIAL: o->dial = text; return 0;
        case WEB_CERTIFICATE: o->web.certificate = text; return 0;
        case WEB_KEY: o->web.key = text; return 0;
        case WEB_TRUST: o->web.trust = text; return 0;
        }
        return -EINVAL;
}

int peer_options_parse(int argc, char **argv, peer_options *ret) {
        peer_options o = { .bytes = 1 << 20, .data_limit = 1 << 17, .duration_s = 120, .ttl_s = 3600, .timeout_s = 60 };
        int flag;

        opterr = 0;
        while ((flag = getopt_long(argc, argv, "+", flags, NULL)) != -1)
                if (parse_flag(flag, optarg, &o) < 0) {
                        peer_line("FAIL usage %s", argv[optind - 1]);
                        return -EINVAL;
                }
        o.actions = argv + optind;
        if (!o.dial && *o.actions) {
                peer_line("FAIL usage actions without --dial");
                return -EINVAL;
        }
        *ret = o;
        return 0;
}
