/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * relay-server.yaml: the original's keys and documented defaults (files.md 2.5). A number of 0 and an empty
 * text mean the default; the texts "0" and "none" for what a circuit may last or carry mean that there is no
 * such limit, because the literal meaning there (every circuit ends at once) serves nobody.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/config-parse.h"
#include "service/data-size.h"
#include "service/go-duration.h"

#define COUNT_MAX 1000000 /* arbitrary; more than memory allows */

static int read_count(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        int64_t n;

        if (!config_get_number(reader, node, name, &n) || n == 0)
                return 0;
        if (n < 0 || n > COUNT_MAX)
                config_warning(reader->problems, node->line,
                               "%s: %s is not between 1 and %d, the default is used; "
                               "write e.g. %u",
                               name, node->text, COUNT_MAX, *(unsigned *) target);
        else
                *(unsigned *) target = (unsigned) n;
        return 0;
}

static void set_duration(ConfigReader *reader, const YamlNode *node, const char *name, int64_t usec,
                         uint64_t *target) {
        char text[GO_DURATION_TEXT_MAX];

        if (usec > 0)
                *target = (uint64_t) usec;
        else
                config_warning(reader->problems, node->line,
                               "%s: '%s' must be more than nothing, the default is used; "
                               "write e.g. %s",
                               name, node->text, go_duration_format((int64_t) *target, text));
}

/* 1 and usec; 0: empty or wrong. */
static int get_duration(ConfigReader *reader, const YamlNode *node, const char *name, int64_t *ret) {
        const char *text = config_get_text(reader, node, name);

        if (!text || !*text)
                return 0;
        if (go_duration_parse(text, ret) >= 0)
                return 1;

        config_error(reader->problems, node->line,
                     "%s: '%s' is not a duration; write e.g. 90s, 10m or 1h30m", name, text);
        return 0;
}

static int read_ttl(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        int64_t usec;

        if (get_duration(reader, node, name, &usec))
                set_duration(reader, node, name, usec, target);
        return 0;
}

static int read_session_duration(ConfigReader *reader, const YamlNode *node, const char *name,
                                 void *target) {
        int64_t usec;

        if (node->kind == YAML_SCALAR && strcmp(node->text, "none") == 0)
                *(uint64_t *) target = RELAY_LIMIT_NONE;
        else if (get_duration(reader, node, name, &usec)) {
                if (usec == 0)
                        *(uint64_t *) target = RELAY_LIMIT_NONE;
                else
                        set_duration(reader, node, name, usec, target);
        }
        return 0;
}

static int read_session_data(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        const char *text = config_get_text(reader, node, name);
        uint64_t size;
        int r;

        if (!text || !*text)
                return 0;
        r = strcmp(text, "none") == 0 ? 0 : data_size_parse(text, &size);
        if (r < 0)
                config_error(reader->problems, node->line, "%s: '%s' is %s; write e.g. 64MB or none", name,
                             text, r == -ERANGE ? "too large" : "not a size");
        else
                *(uint64_t *) target = strcmp(text, "none") == 0 || size == 0 ? RELAY_LIMIT_NONE : size;
        return 0;
}

static int read_listen(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        RelayConfig *config = target;

        return config_read_addrs(reader, node, name, CONFIG_ADDR_LISTEN, &config->listen_addresses,
                                 &config->n_listen_addresses);
}

#define AT(member) offsetof(RelayConfig, member)
/* clang-format off: a table */
static const ConfigKey relay_keys[] = {
        { "version",                           config_read_version,   AT(version)                   },
        { "identity.key_file",                 config_read_path,      AT(key_file)                  },
        { "network.listen_addresses",          read_listen,           0                             },
        { "network.tls.certificate",           config_read_path,      AT(tls.certificate)           },
        { "network.tls.key",                   config_read_path,      AT(tls.key)                   },
        { "network.tls.trust",                 config_read_path,      AT(tls.trust)                 },
        { "discovery.network",                 config_read_network,   AT(network)                   },
        { "security.authorized_keys_file",     config_read_path,      AT(authorized_keys_file)      },
        { "security.enable_connection_gating", config_read_gating,    AT(gating)                    },
        { "resources.max_reservations",        read_count,            AT(max_reservations)          },
        { "resources.max_circuits",            read_count,            AT(max_circuits)              },
        { "resources.buffer_size",             read_count,            AT(buffer_size)               },
        { "resources.max_reservations_per_ip", read_count,            AT(max_reservations_per_ip)   },
        { "resources.max_reservations_per_asn", read_count,           AT(max_reservations_per_asn)  },
        { "resources.reservation_ttl",         read_ttl,              AT(reservation_ttl)           },
        { "resources.session_duration",        read_session_duration, AT(session_duration)          },
        { "resources.session_data_limit",      read_session_data,     AT(session_data_limit)        },
        { "health.enabled",                    config_read_bool,      AT(health_enabled)            },
        { "health.listen_address",             config_read_text,      AT(health_listen)             },
        { "telemetry.metrics.enabled",         config_read_bool,      AT(telemetry.metrics_enabled) },
        { "telemetry.metrics.listen_address",  config_read_text,      AT(telemetry.metrics_listen)  },
        { "telemetry.audit.enabled",           config_read_bool,      AT(telemetry.audit_enabled)   },
};
/* clang-format on */

static const RelayConfig relay_defaults = {
        .version = 1,
        .gating = true,
        .max_reservations = 128,
        .max_circuits = 16,
        .buffer_size = 2048,
        .max_reservations_per_ip = 8,
        .max_reservations_per_asn = 32,
        .reservation_ttl = 60 * USEC_PER_MINUTE,
        .session_duration = 10 * USEC_PER_MINUTE,
        .session_data_limit = 64 * 1024 * 1024,
};

static int set_path(char **target, const char *config_path, const char *name) {
        if (!*target)
                *target = config_join_path(config_path, name);

        return *target ? 0 : -ENOMEM;
}

static int set_defaults(RelayConfig *config, const YamlNode *root) {
        const YamlNode *given = yaml_node_find(yaml_node_find(root, "network"), "listen_addresses");

        if (set_path(&config->key_file, config->path, "relay_node.key") < 0 ||
            set_path(&config->authorized_keys_file, config->path, "relay_authorized_keys") < 0 ||
            config_default_text(&config->network, "") < 0 ||
            config_default_text(&config->health_listen, "127.0.0.1:9090") < 0 ||
            config_default_text(&config->telemetry.metrics_listen, "127.0.0.1:9091") < 0)
                return -ENOMEM;
        if (given && given->kind != YAML_NULL)
                return 0;

        return config_default_addrs(relay_listen_default, CONFIG_LISTEN_DEFAULT_N, &config->listen_addresses,
                                    &config->n_listen_addresses);
}

static int parse(const char *path, p2p_view text, ConfigProblems *problems, RelayConfig **ret) {
        _cleanup_(relay_config_freep) RelayConfig *config = NULL;
        _cleanup_(yaml_tree_freep) YamlTree *tree = NULL;
        ConfigReader reader = { .path = path, .problems = problems };
        size_t before = problems->n_errors;
        int r;

        r = yaml_tree_parse(text, problems, &tree);
        if (r < 0)
                return r;
        config = malloc(sizeof(*config));
        if (!config)
                return -ENOMEM;
        *config = relay_defaults;
        r = config_set_text(&config->path, path);
        if (r >= 0)
                r = config_read_map(&reader, yaml_tree_root(tree), "", relay_keys, ELEMENTSOF(relay_keys),
                                    config);
        if (r >= 0)
                r = set_defaults(config, yaml_tree_root(tree));
        if (r < 0)
                return r;
        if (problems->n_errors > before)
                return -EINVAL;

        *ret = TAKE_PTR(config);
        return 0;
}

int relay_config_parse(const char *path, p2p_view text, ConfigProblems *problems, RelayConfig **ret) {
        _cleanup_(config_problems_freep) ConfigProblems *own = NULL;

        if (!problems) {
                own = config_problems_new();
                if (!own)
                        return -ENOMEM;
        }

        return parse(path, text, problems ?: own, ret);
}

int relay_config_load(const char *path, ConfigProblems *problems, RelayConfig **ret) {
        char *text;
        size_t n;
        int r;

        r = config_read_file(path, problems, &text, &n);
        if (r < 0)
                return r;
        r = relay_config_parse(path, P2P_VIEW(text, n), problems, ret);
        free(text);

        return r;
}

RelayConfig *relay_config_free(RelayConfig *config) {
        if (!config)
                return NULL;

        config_addrs_free(config->listen_addresses, config->n_listen_addresses);
        free(config->path);
        free(config->key_file);
        config_tls_done(&config->tls);
        free(config->network);
        free(config->authorized_keys_file);
        free(config->health_listen);
        free(config->telemetry.metrics_listen);
        free(config);
        return NULL;
}
