/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* A name server on a loopback port, UDP and TCP, on the loop of the test: it answers from a table. */

#include <p2p/loop.h>

enum {
        DNS_A = 1,
        DNS_TXT = 16,
        DNS_AAAA = 28,
        DNS_SILENT = 0x10000, /* never answers for this name */
        DNS_FAILS = 0x10001,  /* SERVFAIL */
};

typedef struct dns_record {
        const char *name;
        unsigned type;
        const char *data; /* text: an IP address, or the string of a TXT record */
} dns_record;

typedef struct dns_server dns_server;

/* The records are borrowed. A name that is not among them does not exist. */
int dns_server_new(p2p_loop *loop, const dns_record *records, size_t n_records, dns_server **ret);
const char *dns_server_address(const dns_server *server); /* "127.0.0.1:port" */
unsigned dns_server_n_queries(const dns_server *server);
unsigned dns_server_n_tcp_queries(const dns_server *server);
dns_server *dns_server_free(dns_server *server);
P2P_CLEANUP(dns_server, dns_server_free);
