/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Edits of config.yaml: plan, apply, parse the result, compare, and only then replace the file, all under
 * the directory's lock. files.md 5 lists what the original's line patching breaks (bugs 5, 6, 9, 26).
 */

#include "service/config-edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/atomic-file.h"
#include "service/config-edit-private.h"
#include "service/config-parse.h"
#include "service/config.h"
#include "service/names.h"
#include "service/utf8.h"

static bool is_writable(const char *text) {
        size_t n = strlen(text), size;

        for (size_t i = 0; i < n; i += size) {
                size = utf8_printable(text + i, n - i);
                if (size == 0)
                        return false;
        }

        return n <= 1024;
}

static bool field_is_writable(const ConfigEditField *field) {
        if (!instance_name_is_valid(field->name))
                return false;
        for (size_t i = 0; i < field->n_items; i++)
                if (!is_writable(field->items[i]))
                        return false;

        return field->items || is_writable(field->value);
}

/* Text that a quoted YAML scalar can hold on one line. */
static bool edit_is_writable(const ConfigEdit *edit) {
        if (!instance_name_is_valid(edit->section) || !instance_name_is_valid(edit->key) ||
            (edit->value && !is_writable(edit->value)) || edit->n_fields > CONFIG_EDIT_FIELDS_MAX)
                return false;
        for (unsigned i = 0; i < edit->n_fields; i++)
                if (!field_is_writable(&edit->fields[i]))
                        return false;

        return true;
}

static int refuse(const YamlNode *root, const ConfigEdit *edit, ConfigProblems *problems) {
        const YamlPair *section = yaml_node_find_pair(root, edit->section);

        config_error(problems, section ? section->line : 0,
                     "%s: cannot be changed safely in this style; edit it by hand, then run: systemctl "
                     "reload peerup",
                     edit->section);
        return -EINVAL;
}

static int apply(const Lines *lines, const YamlNode *root, const ConfigEdit *edit, ConfigProblems *problems,
                 char **ret, size_t *ret_n) {
        _cleanup_(yaml_tree_freep) YamlTree *after = NULL;
        Splices splices = {};
        char *text = NULL;
        size_t n = 0;
        int r;

        r = config_edit_plan(lines, root, edit, problems, &splices);
        if (r >= 0)
                r = splices_apply(&splices, lines->text, &text, &n);
        splices_done(&splices);
        if (r < 0)
                return r == -EINVAL && (!problems || problems->n_errors == 0) ? refuse(root, edit, problems)
                                                                              : r;

        if (yaml_tree_parse(P2P_VIEW(text, n), NULL, &after) < 0 ||
            !config_edit_is_right(root, yaml_tree_root(after), edit)) {
                free(text);
                return refuse(root, edit, problems);
        }

        *ret = text;
        *ret_n = n;
        return 0;
}

int config_text_edit(p2p_view text, const ConfigEdit *edit, ConfigProblems *problems, char **ret,
                     size_t *ret_n) {
        _cleanup_(yaml_tree_freep) YamlTree *before = NULL;
        Lines lines;
        int r;

        if (!edit_is_writable(edit)) {
                config_error(problems, 0,
                             "%s: the name or value cannot be written; use letters, digits and . _ -",
                             edit->section);
                return -EINVAL;
        }
        r = yaml_tree_parse(text, problems, &before);
        if (r < 0)
                return r;
        r = lines_init(&lines, text);
        if (r < 0)
                return r;
        r = apply(&lines, yaml_tree_root(before), edit, problems, ret, ret_n);
        lines_done(&lines);

        return r;
}

/* ---- the file ---- */
static int check_result(const char *path, p2p_view text, ConfigProblems *problems) {
        _cleanup_(node_config_freep) NodeConfig *config = NULL;
        int r;

        r = node_config_parse(path, text, NULL, &config);

        return r == -EINVAL ? node_config_parse(path, text, problems, &config) : r; /* again, to say what */
}

static int last_relay(p2p_view text, const ConfigEdit *edit) {
        _cleanup_(yaml_tree_freep) YamlTree *tree = NULL;
        const YamlNode *list;

        if (yaml_tree_parse(text, NULL, &tree) < 0)
                return 0; /* the edit will say so */
        list = yaml_node_find(yaml_node_find(yaml_tree_root(tree), "relay"), "addresses");

        return list && list->kind == YAML_LIST && list->n == 1 && list->items[0]->kind == YAML_SCALAR &&
                               strcmp(list->items[0]->text, edit->value) == 0
                       ? -EBUSY
                       : 0;
}

static int change_text(const char *path, p2p_view old, const ConfigEdit *edit, bool keep_last,
                       ConfigProblems *problems) {
        char *new = NULL;
        size_t n;
        int r = 0;

        if (keep_last)
                r = last_relay(old, edit);
        if (r >= 0)
                r = config_text_edit(old, edit, problems, &new, &n);
        if (r >= 0)
                r = check_result(path, P2P_VIEW(new, n), problems);
        if (r >= 0 && (n != old.n || memcmp(new, old.data, n) != 0)) {
                r = file_replace(path, P2P_VIEW(new, n), 0600);
                if (r < 0)
                        config_error(problems, 0, "cannot be written: %s; it is as it was. Run: df -h %s",
                                     strerror(-r), path);
        }
        free(new);

        return r;
}

static int change_file(const char *path, const ConfigEdit *edit, bool keep_last, ConfigProblems *problems) {
        _cleanup_(closep) int lock = -1;
        char *old;
        size_t n;
        int r;

        r = file_lock_directory(path, &lock);
        if (r < 0) {
                config_error(problems, 0, "cannot be locked: %s; run: ls -ld %s", strerror(-r), path);
                return r;
        }
        r = config_read_file(path, problems, &old, &n);
        if (r == -ENOENT)
                config_error(problems, 0, "there is no such file; run: systemctl start peerup");
        if (r < 0)
                return r == -ENOENT ? -EINVAL : r;
        r = change_text(path, P2P_VIEW(old, n), edit, keep_last, problems);
        free(old);

        return r;
}

/* ---- services ---- */
static int check_service(const char *name, ConfigProblems *problems) {
        if (!service_name_is_valid(name)) {
                config_error(problems, 0, "'%s' is not a service's name; write %s", name, SERVICE_NAME_RULE);
                return -EINVAL;
        }
        if (service_name_is_reserved(name)) {
                config_error(problems, 0, "'%s' is a name of peer-up's own; choose another", name);
                return -EINVAL;
        }
        return 0;
}

int config_add_service(const char *path, const char *name, const char *local_address,
                       const char *const *allowed, size_t n_allowed, ConfigProblems *problems) {
        ConfigEdit edit = {
                .kind = CONFIG_EDIT_ADD_ENTRY,
                .section = "services",
                .key = name,
                .fields = { { .name = "enabled", .value = "true", .bare = true },
                            { .name = "local_address", .value = local_address },
                            { .name = "allowed_peers", .items = allowed, .n_items = n_allowed } },
                .n_fields = n_allowed > 0 ? 3 : 2,
        };
        Endpoint endpoint;
        int r;

        r = check_service(name, problems);
        if (r < 0)
                return r;
        if (endpoint_parse(local_address, &endpoint) < 0 || (!endpoint.is_unix && endpoint.port == 0)) {
                config_error(problems, 0, "'%s' is not host:port; write e.g. localhost:22", local_address);
                return -EINVAL;
        }

        return change_file(path, &edit, false, problems);
}

int config_remove_service(const char *path, const char *name, ConfigProblems *problems) {
        return change_file(
                path, &(ConfigEdit){ .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "services", .key = name },
                false, problems);
}

int config_set_service_enabled(const char *path, const char *name, bool enabled, ConfigProblems *problems) {
        ConfigEdit edit = {
                .kind = CONFIG_EDIT_SET_FIELD,
                .section = "services",
                .key = name,
                .fields = { { .name = "enabled", .value = enabled ? "true" : "false", .bare = true } },
                .n_fields = 1,
        };

        return change_file(path, &edit, false, problems);
}

/* ---- names ---- */
int config_add_name(const char *path, const char *name, const char *peer_id, ConfigProblems *problems) {
        ConfigEdit edit = {
                .kind = CONFIG_EDIT_ADD_ENTRY, .section = "names", .key = name, .value = peer_id
        };
        p2p_peer_id id;

        if (!peer_name_is_valid(name)) {
                config_error(problems, 0, "'%s' is not a peer's name; write %s", name, INSTANCE_NAME_RULE);
                return -EINVAL;
        }
        if (p2p_peer_id_parse(peer_id, &id) < 0) {
                config_error(problems, 0,
                             "'%s' is not a peer id; write what 'peerupctl whoami' prints there", peer_id);
                return -EINVAL;
        }

        return change_file(path, &edit, false, problems);
}

int config_remove_name(const char *path, const char *name, ConfigProblems *problems) {
        return change_file(
                path, &(ConfigEdit){ .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "names", .key = name },
                false, problems);
}

/* ---- proxies ---- */
int config_add_proxy(const char *path, const char *name, const char *peer, const char *service,
                     const char *listen, ConfigProblems *problems) {
        ConfigEdit edit = {
                .kind = CONFIG_EDIT_ADD_ENTRY,
                .section = "proxies",
                .key = name,
                .fields = { { .name = "peer", .value = peer },
                            { .name = "service", .value = service },
                            { .name = "listen", .value = listen } },
                .n_fields = 3,
        };
        Endpoint endpoint;

        if (!instance_name_is_valid(name))
                config_error(problems, 0, "'%s' is not a proxy's name; write %s", name, INSTANCE_NAME_RULE);
        else if (!peer_name_is_valid(peer))
                config_error(problems, 0, "'%s' is no name or peer id; write a name of names:", peer);
        else if (!service_name_is_valid(service))
                config_error(problems, 0, "'%s' is not a service's name; write %s", service,
                             SERVICE_NAME_RULE);
        else if (!config_listen_is_good(listen, &endpoint))
                config_error(problems, 0,
                             "cannot listen on '%s'; write e.g. 127.0.0.1:2222 or /run/peerup/%s.sock",
                             listen, name);
        else
                return change_file(path, &edit, false, problems);

        return -EINVAL;
}

int config_remove_proxy(const char *path, const char *name, ConfigProblems *problems) {
        return change_file(
                path, &(ConfigEdit){ .kind = CONFIG_EDIT_REMOVE_ENTRY, .section = "proxies", .key = name },
                false, problems);
}

/* ---- relays ---- */
int config_add_relay(const char *path, const char *addr, ConfigProblems *problems) {
        ConfigEdit edit = {
                .kind = CONFIG_EDIT_ADD_ITEM, .section = "relay", .key = "addresses", .value = addr
        };
        _cleanup_(p2p_addr_freep) p2p_addr *parsed = NULL;
        p2p_peer_id peer;

        if (p2p_addr_parse(addr, &parsed) < 0)
                config_error(problems, 0,
                             "'%s' is not a multiaddr; write e.g. "
                             "/ip4/203.0.113.7/tcp/7777/p2p/12D3Koo...",
                             addr);
        else if (p2p_addr_peer(parsed, &peer) < 0)
                config_error(problems, 0,
                             "'%s' does not say who is there; add /p2p/ and the relay's peer id", addr);
        else
                return change_file(path, &edit, false, problems);

        return -EINVAL;
}

int config_remove_relay(const char *path, const char *addr, bool force, ConfigProblems *problems) {
        ConfigEdit edit = {
                .kind = CONFIG_EDIT_REMOVE_ITEM, .section = "relay", .key = "addresses", .value = addr
        };

        return change_file(path, &edit, !force, problems);
}
