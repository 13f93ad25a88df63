/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Connecting to the bus, and keeping track of who holds things of ours. The bus limits match rules per
 * connection to 512, and an sd_bus_track costs one: so there is one for each client, and what the client
 * holds hangs in a list at it.
 */

#include "service/bus.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "service/access.h"

typedef struct BusClient {
        BusClients *clients; /* borrowed; NULL: the client is leaving */
        p2p_list link;
        p2p_list held;
        size_t n_held;
        sd_bus_track *track;
        char name[]; /* unique */
} BusClient;

struct BusClients {
        sd_bus *bus;
        p2p_list list;
        size_t n;
};

int bus_open(sd_bus **ret) {
        const char *address = getenv("PEERUP_BUS_ADDRESS");
        sd_bus *bus = NULL;
        int r;

        if (!address || !*address)
                return sd_bus_open_system(ret); /* DBUS_SYSTEM_BUS_ADDRESS is its own */

        r = sd_bus_new(&bus);
        if (r >= 0)
                r = sd_bus_set_address(bus, address);
        if (r >= 0)
                r = sd_bus_set_bus_client(bus, true);
        if (r >= 0)
                r = sd_bus_negotiate_fds(bus, true);
        if (r >= 0)
                r = sd_bus_start(bus);
        if (r < 0) {
                sd_bus_unref(bus);
                return r;
        }

        *ret = bus;
        return 0;
}

int bus_sender_uid(sd_bus_message *m, uid_t *ret) {
        sd_bus_creds *creds = NULL;
        uid_t uid;
        int r;

        r = sd_bus_query_sender_creds(m, SD_BUS_CREDS_EUID, &creds);
        if (r >= 0)
                r = sd_bus_creds_get_euid(creds, &uid);
        sd_bus_creds_unref(creds);
        if (r < 0)
                return r;

        *ret = uid;
        return 0;
}

int bus_check_expiry(uint64_t expires, sd_bus_error *error) {
        if (expires <= access_now())
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS, "The expiry is in the past");
        if (expires / USEC_PER_SEC > UINT64_C(253402300799))
                return sd_bus_error_setf(error, SD_BUS_ERROR_INVALID_ARGS,
                                         "The expiry is beyond the year 9999");
        return 0;
}

uid_t bus_user_uid(const char *user) {
        const struct passwd *entry = getpwnam(user);

        return entry ? entry->pw_uid : UID_NONE;
}

/* ---- clients ---- */
int bus_clients_new(sd_bus *bus, BusClients **ret) {
        BusClients *clients = malloc(sizeof(*clients));

        if (!clients)
                return -ENOMEM;
        *clients = (BusClients){ .bus = sd_bus_ref(bus) };
        p2p_list_init(&clients->list);

        *ret = clients;
        return 0;
}

static void forget(BusClient *client) {
        if (!client->clients)
                return;
        p2p_list_unlink(&client->link);
        client->clients->n--;
        client->clients = NULL;
}

static void client_free(BusClient *client) {
        forget(client);
        sd_bus_track_unref(client->track);
        free(client);
}

BusClients *bus_clients_free(BusClients *clients) {
        BusClient *client;

        if (!clients)
                return NULL;

        P2P_LIST_FOREACH(client, &clients->list, BusClient, link)
        client_free(client);
        sd_bus_unref(clients->bus);
        free(clients);
        return NULL;
}

/* Runs on an empty stack, from the bus. What is told may drop other things of the same client. */
static int on_gone(sd_bus_track *track, void *userdata) {
        BusClient *client = userdata;
        p2p_list *first;

        (void) track;
        forget(client);
        while ((first = p2p_list_first(&client->held))) {
                BusClientLink *link = P2P_LIST_ENTRY(first, BusClientLink, link);

                p2p_list_unlink(&link->link);
                client->n_held--;
                link->client = NULL;
                link->gone(link->userdata);
        }
        client_free(client);
        return 1;
}

static int client_new(BusClients *clients, sd_bus_message *m, const char *name, BusClient **ret) {
        BusClient *client;
        int r;

        if (clients->n >= BUS_CLIENTS_MAX)
                return -ENOBUFS;
        client = calloc(1, sizeof(*client) + strlen(name) + 1);
        if (!client)
                return -ENOMEM;
        p2p_list_init(&client->link);
        p2p_list_init(&client->held);
        strcpy(client->name, name);
        r = sd_bus_track_new(clients->bus, &client->track, on_gone, client);
        if (r >= 0)
                r = sd_bus_track_add_sender(client->track, m);
        if (r < 0) {
                client_free(client);
                return r;
        }

        client->clients = clients;
        p2p_list_append(&clients->list, &client->link);
        clients->n++;
        *ret = client;
        return 0;
}

static BusClient *find_client(BusClients *clients, const char *name) {
        BusClient *client;

        P2P_LIST_FOREACH(client, &clients->list, BusClient, link)
        if (strcmp(client->name, name) == 0)
                return client;

        return NULL;
}

int bus_client_link(BusClients *clients, sd_bus_message *m, BusClientLink *link,
                    void (*gone)(void *userdata), void *userdata) {
        const char *name = sd_bus_message_get_sender(m);
        BusClient *client;
        int r;

        if (!name)
                return -EINVAL;
        client = find_client(clients, name);
        if (!client) {
                r = client_new(clients, m, name, &client);
                if (r < 0)
                        return r;
        }
        if (client->n_held >= BUS_CLIENT_LINKS_MAX)
                return -ENOBUFS;

        *link = (BusClientLink){ .client = client, .gone = gone, .userdata = userdata };
        p2p_list_append(&client->held, &link->link);
        client->n_held++;
        return 0;
}

void bus_client_unlink(BusClientLink *link) {
        BusClient *client = link->client;

        if (!client)
                return;
        p2p_list_unlink(&link->link);
        link->client = NULL;
        client->n_held--;
        if (client->n_held == 0 && client->clients) /* not while it is leaving: on_gone() frees it */
                client_free(client);
}

size_t bus_clients_count(const BusClients *clients) {
        return clients->n;
}
