/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Socket units out of the listen addresses of a config that is not trusted. Pure: addresses in, text out. */

#include "service/config.h"

#define PORTS_MAX      64u   /* of one unit; arbitrary */
#define PORT_UNIT_MAX  8192u /* bytes of one: PORTS_MAX lines, and what stands around them */
#define PORT_MARK_SIZE 17u

typedef struct PortOwner {
        const char *name; /* of the service and its sockets, without .service */
        const char *manual;
        bool plain_tcp; /* its TCP ports too; else only WebSocket and UDP (a node punches from its TCP port)
                         */
} PortOwner;

typedef struct PortUnit {
        char text[PORT_UNIT_MAX];
        char mark[PORT_MARK_SIZE]; /* 16 hex digits: other ports, another mark */
        unsigned n;                /* ports; 0: there is nothing to hold, and no text */
        unsigned n_left_out;       /* beyond PORTS_MAX: left to the program */
} PortUnit;

/* The unit of one type: SOCK_STREAM (OWNER.socket) or SOCK_DGRAM (OWNER-udp.socket). held: the mark of the
 * ports that it has open now, NULL where it has none: if they are others, the next restart of the service
 * opens them anew. */
void port_unit_format(const PortOwner *owner, int type, const ConfigAddr *addrs, size_t n, const char *held,
                      PortUnit *ret);
/* "peerup-relay.socket", "peerup-relay-udp.socket". */
#define PORT_UNIT_NAME_MAX 64u
const char *port_unit_name(const PortOwner *owner, int type, char name[static PORT_UNIT_NAME_MAX]);
/* The link in /run whose target is the mark of what the unit has open; without the directory. */
const char *port_mark_name(const PortOwner *owner, int type, char name[static PORT_UNIT_NAME_MAX]);
