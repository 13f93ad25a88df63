/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The bus, and who calls us on it. A client that holds things of ours (a proxy, a request) has one
 * sd_bus_track however many it holds; when it leaves the bus each thing is told once.
 */

#include <sys/types.h>
#include <systemd/sd-bus.h>

#include <p2p/list.h>
#include <p2p/macro.h>

#define UID_NONE ((uid_t) -1)

/* $PEERUP_BUS_ADDRESS (a private bus: for tests) or the system bus. */
int bus_open(sd_bus **ret);

/* The caller's uid, asked of the bus, which the caller cannot forge. */
int bus_sender_uid(sd_bus_message *m, uid_t *ret);
/* An option "expires" of a caller's, usec since 1970. < 0 with the error set: in the past, or beyond the
 * year 9999, the last one that RFC 3339 can say. */
int bus_check_expiry(uint64_t expires, sd_bus_error *error);
/* UID_NONE if there is no such user. */
uid_t bus_user_uid(const char *user);

/* ---- clients ---- */
typedef struct BusClients BusClients;

#define BUS_CLIENT_LINKS_MAX 4096u /* things of one client; -ENOBUFS beyond */
#define BUS_CLIENTS_MAX      400u  /* that hold something; likewise. One costs one of 512 matches */

/* Embedded in what a client holds. All-zero is fine and unlinked. */
typedef struct BusClientLink {
        p2p_list link;
        struct BusClient *client; /* NULL: not linked */
        void (*gone)(void *userdata);
        void *userdata;
} BusClientLink;

/* bus is referenced. Free after everything that is linked. */
int bus_clients_new(sd_bus *bus, BusClients **ret);
BusClients *bus_clients_free(BusClients *clients);
P2P_CLEANUP(BusClients, bus_clients_free);

/* gone runs once, from the loop, when the sender of m leaves; the link is unlinked by then and its owner may
 * be freed. */
int bus_client_link(BusClients *clients, sd_bus_message *m, BusClientLink *link,
                    void (*gone)(void *userdata), void *userdata);
void bus_client_unlink(BusClientLink *link); /* gone never runs; fine when not linked */
size_t bus_clients_count(const BusClients *clients);
