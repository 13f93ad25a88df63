/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The rules for names, as the original has them for services (files.md 2.3) and as systemd and a file name
 * can bear them for the rest. Every character that has a meaning to somebody else is out.
 */

#include "service/names.h"

#include <stddef.h>
#include <string.h>

static bool is_lower_or_digit(char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool service_name_is_valid(const char *name) {
        size_t n = strlen(name);

        if (n < 1 || n > SERVICE_NAME_MAX || !is_lower_or_digit(name[0]) || !is_lower_or_digit(name[n - 1]))
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_lower_or_digit(name[i]) && name[i] != '-')
                        return false;

        return true;
}

bool service_name_is_reserved(const char *name) {
        static const char *const reserved[] = {
                "discovery", "invite", "kad", "pair", "peer-notify", "relay-pair", "resume", "rtt-probe",
        };

        for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
                if (strcmp(name, reserved[i]) == 0)
                        return true;

        return false;
}

bool instance_name_is_valid(const char *name) {
        size_t n = strlen(name);

        if (n < 1 || n > INSTANCE_NAME_MAX || name[0] == '.' || name[0] == '-')
                return false;
        for (size_t i = 0; i < n; i++)
                if (!is_lower_or_digit(name[i]) && !(name[i] >= 'A' && name[i] <= 'Z') &&
                    !strchr("._-", name[i]))
                        return false;

        return true;
}

bool peer_name_is_valid(const char *name) {
        return instance_name_is_valid(name);
}
