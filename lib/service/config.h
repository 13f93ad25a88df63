/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * config.yaml and relay-server.yaml as plain structs. What the original's reader loads, this loads; the rule
 * for everything else: where the original would start, it is a warning at most (unknown key, bad entry of
 * names:, a bootstrap peer that is none, an address of a transport that we lack); where it would fail, it is
 * an error. Every problem has a line and a remedy. Relative paths are relative to the directory of the file,
 * also the relay's.
 */

#include <stdbool.h>
#include <stdint.h>

#include <p2p/addr.h>
#include <p2p/macro.h>
#include <p2p/peer.h>
#include <p2p/view.h>
#include "service/endpoint.h"
#include "service/problem.h"

#define CONFIG_VERSION_MAX 1
#define CONFIG_ENTRIES_MAX 4096u /* in one list or map; arbitrary */

typedef struct ConfigAddr {
        char *text; /* as written */
        p2p_addr *addr;
        bool supported; /* false: a transport that we lack; kept, never used */
        unsigned line;
} ConfigAddr;

typedef struct ConfigService {
        char *name;
        char *local_address; /* as written, "" if absent */
        Endpoint endpoint;   /* valid only if usable */
        bool usable;         /* the address parses; false: the service is known and refused */
        bool enabled;
        bool restricted; /* allowed_peers is not empty: only those, even if none of them is valid */
        char *protocol;  /* as written; listed, never used. NULL if absent */
        p2p_peer_id *allowed_peers;
        size_t n_allowed_peers;
        unsigned line;
} ConfigService;

typedef struct ConfigName {
        char *name;
        p2p_peer_id peer;
        unsigned line;
} ConfigName;

typedef struct ConfigProxy {
        char *name; /* NAME of peerup-proxy@NAME */
        char *peer; /* a name of names: or a peer id, as written */
        char *service;
        Endpoint listen;
        unsigned line;
} ConfigProxy;

typedef struct ConfigTelemetry {
        bool metrics_enabled;
        char *metrics_listen; /* default 127.0.0.1:9091 */
        bool audit_enabled;
} ConfigTelemetry;

/* Of wss: PEM files, absolute if path was; NULL where the config says nothing. */
typedef struct ConfigTls {
        char *certificate, *key, *trust;
} ConfigTls;

typedef struct NodeConfig {
        char *path; /* as given to the loader */
        int version;
        char *key_file;               /* absolute if path was; default identity.key */
        ConfigAddr *listen_addresses; /* absent: tcp/0 on IPv4 and IPv6 */
        size_t n_listen_addresses;
        ConfigTls tls;
        bool force_private_reachability;
        bool resource_limits_enabled;
        ConfigAddr *relays; /* each names its peer */
        size_t n_relays;
        uint64_t reservation_interval; /* usec, default 2 min */
        char *rendezvous;              /* default peerup-default-network */
        char *network;                 /* "" */
        ConfigAddr *bootstrap_peers;
        size_t n_bootstrap_peers;
        char *authorized_keys_file; /* default authorized_keys */
        bool gating;                /* default true */
        bool ping_pong_enabled;
        char *ping_pong_id; /* default /pingpong/1.0.0 */
        ConfigService *services;
        size_t n_services;
        ConfigName *names;
        size_t n_names;
        ConfigProxy *proxies;
        size_t n_proxies;
        ConfigTelemetry telemetry;
} NodeConfig;

#define RELAY_LIMIT_NONE UINT64_MAX

typedef struct RelayConfig {
        char *path;
        int version;
        char *key_file;               /* default relay_node.key */
        ConfigAddr *listen_addresses; /* absent: tcp/7777 on IPv4 and IPv6 */
        size_t n_listen_addresses;
        ConfigTls tls;
        char *network;
        char *authorized_keys_file;        /* default relay_authorized_keys */
        bool gating;                       /* default true */
        unsigned max_reservations;         /* 128 */
        unsigned max_circuits;             /* 16, per peer */
        unsigned buffer_size;              /* 2048, a floor */
        unsigned max_reservations_per_ip;  /* 8 */
        unsigned max_reservations_per_asn; /* 32 */
        uint64_t reservation_ttl;          /* usec, 1 h */
        uint64_t session_duration;         /* usec, 10 min; RELAY_LIMIT_NONE for "none" and "0" */
        uint64_t session_data_limit;       /* bytes each way, 64 MiB; likewise */
        bool health_enabled;
        char *health_listen; /* default 127.0.0.1:9090 */
        ConfigTelemetry telemetry;
} RelayConfig;

/* Pure: no file is opened. path is only for messages and relative paths. -EINVAL: at least one error in
 * problems. */
int node_config_parse(const char *path, p2p_view text, ConfigProblems *problems, NodeConfig **ret);
int relay_config_parse(const char *path, p2p_view text, ConfigProblems *problems, RelayConfig **ret);

/* Reads the file and refuses one that others can write or read (group may read) with the chmod that mends
 * it. -ENOENT: there is none; any other error is also an error in problems. */
int node_config_load(const char *path, ConfigProblems *problems, NodeConfig **ret);
int relay_config_load(const char *path, ConfigProblems *problems, RelayConfig **ret);

NodeConfig *node_config_free(NodeConfig *config);
RelayConfig *relay_config_free(RelayConfig *config);
P2P_CLEANUP(NodeConfig, node_config_free);
P2P_CLEANUP(RelayConfig, relay_config_free);

/* NULL: none. */
const ConfigService *node_config_find_service(const NodeConfig *config, const char *name);
const ConfigName *node_config_find_name(const NodeConfig *config, const char *name);
/* A name of names:, or else the text of a peer id. -ENXIO: neither. */
int node_config_resolve(const NodeConfig *config, const char *text, p2p_peer_id *ret);

/* What a first start writes where there is no config. */
extern const char node_config_default[];
extern const char relay_config_default[];
