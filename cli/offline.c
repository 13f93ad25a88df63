/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Reads config and key as the daemon does, and writes nothing: a missing key is an answer, not a reason to
 * make one. */

#include "cli/offline.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <p2p/identity.h>
#include <p2p/macro.h>

#include "cli/output.h"
#include "service/config.h"
#include "service/identity-file.h"

#define START "Start the daemon, which makes one: systemctl start peerup"

static int tell_problems(const char *path, const ConfigProblems *problems, int error) {
        if (error == -EACCES)
                return complain(error, "the daemon is not running, and only root can read %s\n"
                                       "Start it: systemctl start peerup", path);
        for (size_t i = 0; i < problems->n; i++)
                if (problems->items[i].severity == CONFIG_ERROR) {
                        char *text = config_problem_format(path, &problems->items[i]);

                        (void) complain(error, "%s", text ? text : strerror(-error));
                        free(text);
                        return error;
                }
        return complain(error, "%s: %s", path, strerror(-error));
}

static int key_path(const char *config_path, ConfigProblems *problems, char ret[static PATH_MAX]) {
        _cleanup_(node_config_freep) NodeConfig *config = NULL;
        char copy[PATH_MAX];
        int r;

        r = node_config_load(config_path, problems, &config);
        if (r >= 0)
                return snprintf(ret, PATH_MAX, "%s", config->key_file) < PATH_MAX ? 0 : -ENAMETOOLONG;
        if (r != -ENOENT)
                return r;
        (void) snprintf(copy, sizeof(copy), "%s", config_path);
        return snprintf(ret, PATH_MAX, "%s/identity.key", dirname(copy)) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int offline_peer_id(const char *config_path, char ret[static P2P_PEER_ID_TEXT_MAX]) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(p2p_identity_freep) p2p_identity *identity = NULL;
        char path[PATH_MAX];
        int r;

        if (!problems)
                return complain(-ENOMEM, "out of memory");
        r = key_path(config_path, problems, path);
        if (r < 0)
                return tell_problems(config_path, problems, r);
        r = identity_file_load(path, problems, &identity);
        if (r == -ENOENT)
                return complain(r, "this machine has no peer id yet\n" START);
        if (r < 0)
                return tell_problems(path, problems, r);
        (void) p2p_peer_id_format(p2p_identity_peer_id(identity), ret);
        return 0;
}
