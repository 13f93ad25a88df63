/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* D-Bus values as JSON: dictionaries become objects, arrays and structs arrays, variants what they hold. */

#include <jansson.h>
#include <systemd/sd-bus.h>

/* Everything that is left in m, as one array of its arguments. -EBADMSG; -EOPNOTSUPP: a file descriptor;
 * -ELOOP: nested deeper than D-Bus allows. The caller's. */
int bus_message_to_json(sd_bus_message *m, json_t **ret);
