/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* Registration: one listening socket, handed to the daemon for as long as there is work. */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <p2p/macro.h>

#define EXIT_REFUSED 78 /* what the unit does not restart: the same call would be refused again */

typedef struct Registration Registration;

typedef struct RegistrationEvents {
        void (*status)(const char *text,
                       void *userdata); /* for systemctl status; the first one means: at work */
        void (*done)(int code, void *userdata);           /* exit with this; may free the registration */
} RegistrationEvents;

/* bus is attached to a loop by the caller; peer, service and events are borrowed for life, listener stays
 * the caller's. Begins at once; waits for a daemon that is not there. */
int registration_new(sd_bus *bus, const char *peer, const char *service, int listener,
                     const RegistrationEvents *events, void *userdata, Registration **ret);
Registration *registration_free(Registration *registration);
P2P_CLEANUP(Registration, registration_free);
