/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The two configs as tables of keys: private to config*.c. A reader gets a value's node and puts it into the
 * struct; what is wrong goes into problems, so that one pass tells everything. Only -ENOMEM is returned. */

#include "service/config.h"
#include "service/yaml-node.h"

typedef struct ConfigReader {
        const char *path;
        ConfigProblems *problems;
} ConfigReader;

/* name: the key with its sections, for messages. target: the member. A value of null never arrives here. */
typedef int (*ConfigReadFn)(ConfigReader *reader, const YamlNode *node, const char *name, void *target);

typedef struct ConfigKey {
        const char *name; /* "network.listen_addresses" */
        ConfigReadFn read;
        size_t offset;
} ConfigKey;

/* Every key of the map by the table; "x.y" of the table makes "x" a section. Unknown keys are warnings. */
int config_read_map(ConfigReader *reader, const YamlNode *map, const char *prefix, const ConfigKey *keys,
                    size_t n_keys, void *target);

int config_read_bool(ConfigReader *reader, const YamlNode *node, const char *name, void *target); /* bool */
int config_read_version(ConfigReader *reader, const YamlNode *node, const char *name,
                        void *target); /* int */
int config_read_text(ConfigReader *reader, const YamlNode *node, const char *name,
                     void *target); /* char * */
int config_read_path(ConfigReader *reader, const YamlNode *node, const char *name,
                     void *target); /* char * */
int config_read_network(ConfigReader *reader, const YamlNode *node, const char *name,
                        void *target); /* char * */
int config_read_gating(ConfigReader *reader, const YamlNode *node, const char *name,
                       void *target); /* bool */
/* A decimal, possibly fractional number without quotes: cut to whole. False: an error was added. */
bool config_get_number(ConfigReader *reader, const YamlNode *node, const char *name, int64_t *ret);
/* The text of a scalar, NULL after adding an error. */
const char *config_get_text(ConfigReader *reader, const YamlNode *node, const char *name);

/* Lists of multiaddrs. */
typedef enum ConfigAddrUse {
        CONFIG_ADDR_LISTEN,
        CONFIG_ADDR_RELAY,
        CONFIG_ADDR_BOOTSTRAP,
        _CONFIG_ADDR_USE_MAX,
} ConfigAddrUse;

int config_read_addrs(ConfigReader *reader, const YamlNode *node, const char *name, ConfigAddrUse use,
                      ConfigAddr **items, size_t *n);
int config_default_addrs(const char *const *texts, size_t n_texts, ConfigAddr **items, size_t *n);
void config_addrs_free(ConfigAddr *items, size_t n);

/* Where a config that says nothing listens; config-default.c writes the same. */
#define CONFIG_LISTEN_DEFAULT_N 4u
extern const char *const node_listen_default[CONFIG_LISTEN_DEFAULT_N];
extern const char *const relay_listen_default[CONFIG_LISTEN_DEFAULT_N];

/* What stands beside the file, unless it is absolute. NULL: no memory. */
char *config_join_path(const char *config_path, const char *path);
int config_set_text(char **target, const char *text);     /* frees what was there */
int config_default_text(char **target, const char *text); /* only where nothing was read */

/* Where a proxy may listen: a numeric address (or localhost) with a port, or a path below /run/peerup. text
 * may be NULL. */
bool config_listen_is_good(const char *text, Endpoint *ret);

void config_tls_done(ConfigTls *tls);

/* The file, its mode checked, as text. As node_config_load(). */
int config_read_file(const char *path, ConfigProblems *problems, char **ret, size_t *ret_n);
