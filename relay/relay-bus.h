/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* dev.peerup.relay1: the relay on D-Bus, as dbus/dev.peerup.relay1.Manager.xml has it. */

#include <systemd/sd-bus.h>

#include "relay/relay.h"

typedef struct RelayBus RelayBus;

/* Takes the name on the bus; both are borrowed. */
int relay_bus_new(Relay *relay, sd_bus *bus, RelayBus **ret);
RelayBus *relay_bus_free(RelayBus *b);
P2P_CLEANUP(RelayBus, relay_bus_free);
