/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * config.yaml: the original's keys (files.md 2.2) and proxies:. The table below is the schema; services,
 * names and proxies are maps whose keys are the user's. Entries of these three that are wrong are left out
 * with a warning, because a node that still runs can be mended over ssh.
 */

#include "service/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "service/config-parse.h"
#include "service/go-duration.h"
#include "service/names.h"
#include "service/utf8.h"

#define RESERVATION_INTERVAL_DEFAULT (2 * USEC_PER_MINUTE)

static int read_interval(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        const char *text = config_get_text(reader, node, name);
        int64_t usec;

        if (!text || !*text)
                return 0;
        if (go_duration_parse(text, &usec) < 0)
                config_error(reader->problems, node->line,
                             "%s: '%s' is not a duration; write e.g. 2m or 90s", name, text);
        else if (usec <= 0)
                config_error(reader->problems, node->line,
                             "%s: '%s' must be more than nothing; write e.g. 2m", name, text);
        else
                *(uint64_t *) target = (uint64_t) usec;
        return 0;
}

/* Walks a map of the user's own keys; *array grows by one zeroed element an entry that `read` took (returned
 * 1). */
static int read_entries(ConfigReader *reader, const YamlNode *node, const char *name, size_t size,
                        void **array, size_t *n,
                        int (*read)(ConfigReader *reader, const YamlPair *pair, void *element)) {
        if (node->kind != YAML_MAP) {
                config_error(reader->problems, node->line,
                             "%s: must hold entries, not %s; write '  name: ...' lines, "
                             "indented alike",
                             name, yaml_kind_name(node->kind));
                return 0;
        }
        if (node->n > CONFIG_ENTRIES_MAX) {
                config_error(reader->problems, node->line, "%s: more than %u entries; remove some", name,
                             CONFIG_ENTRIES_MAX);
                return 0;
        }
        if (node->n == 0)
                return 0;
        free(*array);
        *array = calloc(node->n, size);
        if (!*array)
                return -ENOMEM;
        for (size_t i = 0; i < node->n; i++) {
                int r = read(reader, &node->pairs[i], (char *) *array + *n * size);

                if (r < 0)
                        return r;
                *n += (size_t) r;
        }

        return 0;
}

/* ---- services ---- */
static int read_allowed(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        ConfigService *service = target;

        if (node->kind != YAML_LIST) {
                config_error(reader->problems, node->line,
                             "services.%s: %s must be a list; write '- 12D3Koo...' on a "
                             "line of its own",
                             service->name, name);
                return 0;
        }
        service->restricted = node->n > 0;
        service->allowed_peers = calloc(P2P_MAX(node->n, 1u), sizeof(p2p_peer_id));
        if (!service->allowed_peers)
                return -ENOMEM;
        for (size_t i = 0; i < node->n; i++) {
                const YamlNode *item = node->items[i];
                const char *text = item->kind == YAML_SCALAR ? item->text : "";

                if (p2p_peer_id_parse(text, &service->allowed_peers[service->n_allowed_peers]) >= 0)
                        service->n_allowed_peers++;
                else
                        config_warning(reader->problems, item->line,
                                       "services.%s: allowed_peers: '%s' is not a peer "
                                       "id, left out; write what 'peerupctl whoami' prints there",
                                       service->name, text);
        }

        return 0;
}

static void judge_service(ConfigReader *reader, ConfigService *service) {
        if (service_name_is_reserved(service->name))
                config_warning(reader->problems, service->line,
                               "services.%s: this name is peer-up's own, not offered; "
                               "choose another name",
                               service->name);
        else if (endpoint_parse(service->local_address, &service->endpoint) < 0 ||
                 (!service->endpoint.is_unix && service->endpoint.port == 0)) {
                if (service->enabled)
                        config_warning(reader->problems, service->line,
                                       "services.%s: local_address '%s' is not "
                                       "host:port, not offered; write e.g. localhost:22",
                                       service->name, service->local_address);
        } else
                service->usable = true;
}

static void service_done(ConfigService *service) {
        free(service->name);
        free(service->local_address);
        free(service->protocol);
        free(service->allowed_peers);
}

static int read_service(ConfigReader *reader, const YamlPair *pair, void *element) {
        static const ConfigKey keys[] = {
                { "enabled", config_read_bool, offsetof(ConfigService, enabled) },
                { "local_address", config_read_text, offsetof(ConfigService, local_address) },
                { "protocol", config_read_text, offsetof(ConfigService, protocol) },
                { "allowed_peers", read_allowed, 0 },
        };
        ConfigService *service = element;
        int r;

        if (!service_name_is_valid(pair->key)) {
                config_error(reader->problems, pair->line,
                             "services: '%s' is not a service's name; write %s", pair->key,
                             SERVICE_NAME_RULE);
                return 0;
        }
        service->line = pair->line;
        r = config_set_text(&service->name, pair->key);
        if (r >= 0)
                r = config_read_map(reader, pair->value, "", keys, ELEMENTSOF(keys), service);
        if (r >= 0)
                r = config_default_text(&service->local_address, "");
        if (r < 0) {
                service_done(service);
                return r;
        }

        judge_service(reader, service);
        if (service->protocol && *service->protocol)
                config_warning(reader->problems, service->line,
                               "services.%s: protocol is not used, peers ask for the service by its name; "
                               "remove it",
                               service->name);
        return 1;
}

static int read_services(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        NodeConfig *config = target;

        return read_entries(reader, node, name, sizeof(ConfigService), (void **) &config->services,
                            &config->n_services, read_service);
}

/* ---- names ---- */
static bool is_printable(const char *text) {
        size_t n = strlen(text), size;

        for (size_t i = 0; i < n; i += size) {
                size = utf8_printable(text + i, n - i);
                if (size == 0)
                        return false;
        }

        return n > 0 && n < 256;
}

static int read_name(ConfigReader *reader, const YamlPair *pair, void *element) {
        const char *text = pair->value->kind == YAML_SCALAR ? pair->value->text : "";
        ConfigName *name = element;

        if (!is_printable(pair->key)) {
                config_warning(reader->problems, pair->line,
                               "names: '%s' cannot be shown, left out; write a name of "
                               "letters and digits",
                               pair->key);
                return 0;
        }
        if (p2p_peer_id_parse(text, &name->peer) < 0) {
                config_warning(reader->problems, pair->line,
                               "names.%s: '%s' is not a peer id, left out; write what "
                               "'peerupctl whoami' prints there",
                               pair->key, text);
                return 0;
        }
        name->line = pair->line;
        name->name = strdup(pair->key);

        return name->name ? 1 : -ENOMEM;
}

static int read_names(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        NodeConfig *config = target;

        return read_entries(reader, node, name, sizeof(ConfigName), (void **) &config->names,
                            &config->n_names, read_name);
}

/* ---- proxies ---- */
static void proxy_done(ConfigProxy *proxy) {
        free(proxy->name);
        free(proxy->peer);
        free(proxy->service);
}

/* What a socket unit may listen on: a numeric address with a port, or a path below /run/peerup. */
bool config_listen_is_good(const char *text, Endpoint *ret) {
        struct sockaddr_storage ss;
        socklen_t size;

        if (!text || endpoint_parse(text, ret) < 0)
                return false;
        if (ret->is_unix)
                return endpoint_is_below_run(ret);

        return *ret->host && ret->port > 0 && endpoint_sockaddr(ret, &ss, &size) >= 0;
}

static bool judge_proxy(ConfigReader *reader, const ConfigProxy *proxy, const char *listen, Endpoint *ret) {
        if (!proxy->peer || !peer_name_is_valid(proxy->peer))
                config_warning(reader->problems, proxy->line,
                               "proxies.%s: peer '%s' is no name or peer id, left out; "
                               "write a name of names:",
                               proxy->name, proxy->peer ?: "");
        else if (!proxy->service || !service_name_is_valid(proxy->service))
                config_warning(reader->problems, proxy->line,
                               "proxies.%s: service '%s' is not a service's name, left "
                               "out; write %s",
                               proxy->name, proxy->service ?: "", SERVICE_NAME_RULE);
        else if (!config_listen_is_good(listen, ret))
                config_warning(reader->problems, proxy->line,
                               "proxies.%s: cannot listen on '%s', left out; write e.g. "
                               "127.0.0.1:2222 or /run/peerup/%s.sock",
                               proxy->name, listen ?: "", proxy->name);
        else
                return true;

        return false;
}

typedef struct RawProxy {
        ConfigProxy proxy;
        char *listen;
} RawProxy;

static int read_proxy(ConfigReader *reader, const YamlPair *pair, void *element) {
        static const ConfigKey keys[] = {
                { "peer", config_read_text, offsetof(RawProxy, proxy.peer) },
                { "service", config_read_text, offsetof(RawProxy, proxy.service) },
                { "listen", config_read_text, offsetof(RawProxy, listen) },
        };
        RawProxy raw = { .proxy.line = pair->line };
        int r;

        if (!instance_name_is_valid(pair->key)) {
                config_warning(reader->problems, pair->line,
                               "proxies: '%s' is not a proxy's name, left out; write %s", pair->key,
                               INSTANCE_NAME_RULE);
                return 0;
        }
        r = config_set_text(&raw.proxy.name, pair->key);
        if (r >= 0)
                r = config_read_map(reader, pair->value, "", keys, ELEMENTSOF(keys), &raw);
        if (r >= 0 && judge_proxy(reader, &raw.proxy, raw.listen, &raw.proxy.listen)) {
                *(ConfigProxy *) element = raw.proxy;
                raw.proxy = (ConfigProxy){};
                r = 1;
        }
        proxy_done(&raw.proxy);
        free(raw.listen);

        return r;
}

static int read_proxies(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        NodeConfig *config = target;

        return read_entries(reader, node, name, sizeof(ConfigProxy), (void **) &config->proxies,
                            &config->n_proxies, read_proxy);
}

/* ---- the whole ---- */
static int read_listen(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        NodeConfig *config = target;

        return config_read_addrs(reader, node, name, CONFIG_ADDR_LISTEN, &config->listen_addresses,
                                 &config->n_listen_addresses);
}

static int read_relays(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        NodeConfig *config = target;

        return config_read_addrs(reader, node, name, CONFIG_ADDR_RELAY, &config->relays, &config->n_relays);
}

static int read_bootstrap(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        NodeConfig *config = target;

        return config_read_addrs(reader, node, name, CONFIG_ADDR_BOOTSTRAP, &config->bootstrap_peers,
                                 &config->n_bootstrap_peers);
}

#define AT(member) offsetof(NodeConfig, member)
/* clang-format off: a table */
static const ConfigKey node_keys[] = {
        { "version",                            config_read_version,   AT(version)                    },
        { "identity.key_file",                  config_read_path,      AT(key_file)                   },
        { "network.listen_addresses",           read_listen,           0                              },
        { "network.tls.certificate",            config_read_path,      AT(tls.certificate)            },
        { "network.tls.key",                    config_read_path,      AT(tls.key)                    },
        { "network.tls.trust",                  config_read_path,      AT(tls.trust)                  },
        { "network.force_private_reachability", config_read_bool,      AT(force_private_reachability) },
        { "network.resource_limits_enabled",    config_read_bool,      AT(resource_limits_enabled)    },
        { "relay.addresses",                    read_relays,           0                              },
        { "relay.reservation_interval",         read_interval,         AT(reservation_interval)       },
        { "discovery.rendezvous",               config_read_text,      AT(rendezvous)                 },
        { "discovery.network",                  config_read_network,   AT(network)                    },
        { "discovery.bootstrap_peers",          read_bootstrap,        0                              },
        { "security.authorized_keys_file",      config_read_path,      AT(authorized_keys_file)       },
        { "security.enable_connection_gating",  config_read_gating,    AT(gating)                     },
        { "protocols.ping_pong.enabled",        config_read_bool,      AT(ping_pong_enabled)          },
        { "protocols.ping_pong.id",             config_read_text,      AT(ping_pong_id)               },
        { "services",                           read_services,         0                              },
        { "names",                              read_names,            0                              },
        { "proxies",                            read_proxies,          0                              },
        { "telemetry.metrics.enabled",          config_read_bool,      AT(telemetry.metrics_enabled)  },
        { "telemetry.metrics.listen_address",   config_read_text,      AT(telemetry.metrics_listen)   },
        { "telemetry.audit.enabled",            config_read_bool,      AT(telemetry.audit_enabled)    },
};
/* clang-format on */

static int set_defaults(NodeConfig *config, const YamlNode *root) {
        const YamlNode *given = yaml_node_find(yaml_node_find(root, "network"), "listen_addresses");
        struct {
                char **target;
                const char *text;
                bool path;
        } texts[] = {
                { &config->key_file, "identity.key", true },
                { &config->authorized_keys_file, "authorized_keys", true },
                { &config->rendezvous, "peerup-default-network", false },
                { &config->network, "", false },
                { &config->ping_pong_id, "/pingpong/1.0.0", false },
                { &config->telemetry.metrics_listen, "127.0.0.1:9091", false },
        };

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                if (*texts[i].target && **texts[i].target)
                        continue;
                free(*texts[i].target);
                *texts[i].target = texts[i].path ? config_join_path(config->path, texts[i].text)
                                                 : strdup(texts[i].text);
                if (!*texts[i].target)
                        return -ENOMEM;
        }

        if (given && given->kind != YAML_NULL)
                return 0;

        return config_default_addrs(node_listen_default, CONFIG_LISTEN_DEFAULT_N, &config->listen_addresses,
                                    &config->n_listen_addresses);
}

int node_config_parse(const char *path, p2p_view text, ConfigProblems *problems, NodeConfig **ret) {
        _cleanup_(config_problems_freep) ConfigProblems *own = NULL;
        _cleanup_(node_config_freep) NodeConfig *config = NULL;
        _cleanup_(yaml_tree_freep) YamlTree *tree = NULL;
        ConfigReader reader = { .path = path };
        size_t before;
        int r;

        if (!problems) {
                own = config_problems_new();
                if (!own)
                        return -ENOMEM;
                problems = own;
        }
        reader.problems = problems;
        before = problems->n_errors;

        r = yaml_tree_parse(text, problems, &tree);
        if (r < 0)
                return r;
        config = calloc(1, sizeof(*config));
        if (!config)
                return -ENOMEM;
        *config = (NodeConfig){ .version = 1,
                                .gating = true,
                                .reservation_interval = RESERVATION_INTERVAL_DEFAULT };
        r = config_set_text(&config->path, path);
        if (r >= 0)
                r = config_read_map(&reader, yaml_tree_root(tree), "", node_keys, ELEMENTSOF(node_keys),
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

int node_config_load(const char *path, ConfigProblems *problems, NodeConfig **ret) {
        char *text;
        size_t n;
        int r;

        r = config_read_file(path, problems, &text, &n);
        if (r < 0)
                return r;
        r = node_config_parse(path, P2P_VIEW(text, n), problems, ret);
        free(text);

        return r;
}

NodeConfig *node_config_free(NodeConfig *config) {
        if (!config)
                return NULL;

        for (size_t i = 0; i < config->n_services; i++)
                service_done(&config->services[i]);
        for (size_t i = 0; i < config->n_names; i++)
                free(config->names[i].name);
        for (size_t i = 0; i < config->n_proxies; i++)
                proxy_done(&config->proxies[i]);
        config_addrs_free(config->listen_addresses, config->n_listen_addresses);
        config_addrs_free(config->relays, config->n_relays);
        config_addrs_free(config->bootstrap_peers, config->n_bootstrap_peers);
        free(config->services);
        free(config->names);
        free(config->proxies);
        free(config->path);
        free(config->key_file);
        free(config->rendezvous);
        config_tls_done(&config->tls);
        free(config->network);
        free(config->authorized_keys_file);
        free(config->ping_pong_id);
        free(config->telemetry.metrics_listen);
        free(config);
        return NULL;
}

/* ---- looking things up ---- */
const ConfigService *node_config_find_service(const NodeConfig *config, const char *name) {
        for (size_t i = 0; i < config->n_services; i++)
                if (strcmp(config->services[i].name, name) == 0)
                        return &config->services[i];

        return NULL;
}

const ConfigName *node_config_find_name(const NodeConfig *config, const char *name) {
        for (size_t i = 0; i < config->n_names; i++)
                if (strcmp(config->names[i].name, name) == 0)
                        return &config->names[i];

        return NULL;
}

int node_config_resolve(const NodeConfig *config, const char *text, p2p_peer_id *ret) {
        const ConfigName *name = node_config_find_name(config, text);

        if (name) {
                *ret = name->peer;
                return 0;
        }

        return p2p_peer_id_parse(text, ret) < 0 ? -ENXIO : 0;
}
