/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The readers that both configs share. Types convert as the original's YAML reader converts them
 * (files.md 2.1): text takes any scalar as it was written, a number may have a fraction that is cut off, a
 * bool is one only without quotes. Each reader says what is wrong and goes on, so that a user sees all
 * faults of a file at once.
 */

#include "service/config-parse.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/atomic-file.h"
#include "service/names.h"
#include "service/utf8.h"

/* ---- keys ---- */
#define NAME_MAX_SIZE 256u

static const ConfigKey *find_key(const ConfigKey *keys, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcmp(keys[i].name, name) == 0)
                        return &keys[i];

        return NULL;
}

static bool is_section(const ConfigKey *keys, size_t n, const char *name) {
        size_t size = strlen(name);

        for (size_t i = 0; i < n; i++)
                if (strncmp(keys[i].name, name, size) == 0 && keys[i].name[size] == '.')
                        return true;

        return false;
}

/* The key that was meant by one in the wrong case. */
static const char *find_meant(const ConfigKey *keys, size_t n, const char *name) {
        for (size_t i = 0; i < n; i++)
                if (strcasecmp(keys[i].name, name) == 0)
                        return keys[i].name;

        return NULL;
}

static void report_unknown(ConfigReader *reader, const YamlPair *pair, const char *name,
                           const ConfigKey *keys, size_t n) {
        const char *meant = find_meant(keys, n, name);

        if (meant)
                config_warning(reader->problems, pair->line, "%s: unknown key, ignored; write it '%s'", name,
                               meant);
        else
                config_warning(reader->problems, pair->line,
                               "%s: unknown key, ignored; check its spelling and its "
                               "indentation, or remove it",
                               name);
}

static int read_pair(ConfigReader *reader, const YamlPair *pair, const char *prefix, const ConfigKey *keys,
                     size_t n, void *target) {
        char name[NAME_MAX_SIZE];
        const ConfigKey *key;

        if (snprintf(name, sizeof(name), "%s%s%s", prefix, *prefix ? "." : "", pair->key) >=
            (int) sizeof(name)) {
                config_warning(reader->problems, pair->line, "a key of %zu characters, ignored; remove it",
                               strlen(pair->key));
                return 0;
        }
        key = find_key(keys, n, name);
        if (!key && !is_section(keys, n, name)) {
                report_unknown(reader, pair, name, keys, n);
                return 0;
        }
        if (pair->value->kind == YAML_NULL)
                return 0;
        if (key)
                return key->read(reader, pair->value, name, (char *) target + key->offset);

        return config_read_map(reader, pair->value, name, keys, n, target);
}

int config_read_map(ConfigReader *reader, const YamlNode *map, const char *prefix, const ConfigKey *keys,
                    size_t n_keys, void *target) {
        int r;

        if (map->kind == YAML_NULL)
                return 0;
        if (map->kind != YAML_MAP) {
                config_error(reader->problems, map->line,
                             "%s%smust hold keys, not %s; write 'key: value' lines, "
                             "indented alike",
                             prefix, *prefix ? ": " : "", yaml_kind_name(map->kind));
                return 0;
        }
        for (size_t i = 0; i < map->n; i++) {
                r = read_pair(reader, &map->pairs[i], prefix, keys, n_keys, target);
                if (r < 0)
                        return r;
        }

        return 0;
}

/* ---- scalars ---- */
const char *config_get_text(ConfigReader *reader, const YamlNode *node, const char *name) {
        if (node->kind == YAML_SCALAR)
                return node->text;

        config_error(reader->problems, node->line, "%s: must be a single value, not %s", name,
                     yaml_kind_name(node->kind));
        return NULL;
}

int config_read_bool(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        static const struct {
                const char *text;
                bool value;
        } words[] = {
                { "true", true },   { "yes", true }, { "on", true },   { "y", true },
                { "false", false }, { "no", false }, { "off", false }, { "n", false },
        };
        const char *text = config_get_text(reader, node, name);

        if (!text)
                return 0;
        for (size_t i = 0; node->plain && i < ELEMENTSOF(words); i++)
                if (strcasecmp(text, words[i].text) == 0) {
                        *(bool *) target = words[i].value;
                        return 0;
                }

        config_error(reader->problems, node->line,
                     "%s: '%s' is neither true nor false; write true or false, without "
                     "quotes",
                     name, text);
        return 0;
}

bool config_get_number(ConfigReader *reader, const YamlNode *node, const char *name, int64_t *ret) {
        const char *text = config_get_text(reader, node, name);
        char *end;
        double d;

        if (!text)
                return false;
        errno = 0;
        d = strtod(text, &end);
        if (!node->plain || !*text || *end || strpbrk(text, "nN xXpP") || errno != 0 || !isfinite(d) ||
            fabs(d) > 9007199254740992.0) { /* 2^53: exact so far */
                config_error(reader->problems, node->line,
                             "%s: '%s' is not a number; write e.g. 16, without quotes", name, text);
                return false;
        }

        *ret = (int64_t) d;
        return true;
}

int config_read_version(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        int64_t version;

        if (!config_get_number(reader, node, name, &version))
                return 0;
        if (version > CONFIG_VERSION_MAX)
                config_error(reader->problems, node->line,
                             "%s: %s is newer than %d, the newest that this peer-up "
                             "knows; upgrade peer-up, or write version: %d",
                             name, node->text, CONFIG_VERSION_MAX, CONFIG_VERSION_MAX);
        else
                *(int *) target = version < 1 ? 1 : (int) version;
        return 0;
}

int config_set_text(char **target, const char *text) {
        char *copy = strdup(text);

        if (!copy)
                return -ENOMEM;
        free(*target);
        *target = copy;
        return 0;
}

int config_default_text(char **target, const char *text) {
        return *target && **target ? 0 : config_set_text(target, text);
}

/* What goes into headers, logs and file names is one printable line. */
static bool is_one_line(const char *text) {
        size_t n = strlen(text), size;

        for (size_t i = 0; i < n; i += size) {
                size = utf8_printable(text + i, n - i);
                if (size == 0)
                        return false;
        }

        return n < 1024;
}

int config_read_text(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        const char *text = config_get_text(reader, node, name);

        if (!text)
                return 0;
        if (!is_one_line(text)) {
                config_error(reader->problems, node->line,
                             "%s: must be one line without control characters; write it "
                             "in quotes on one line",
                             name);
                return 0;
        }

        return config_set_text(target, text);
}

char *config_join_path(const char *config_path, const char *path) {
        const char *slash = strrchr(config_path, '/');
        char *joined;
        int r;

        if (path[0] == '/' || !slash)
                return strdup(path);
        r = asprintf(&joined, "%.*s/%s", (int) (slash - config_path), config_path, path);

        return r < 0 ? NULL : joined;
}

int config_read_path(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        char **path = target, *text = NULL;
        int r;

        r = config_read_text(reader, node, name, &text);
        if (r < 0 || !text || !*text) {
                free(text);
                return r;
        }
        free(*path);
        *path = config_join_path(reader->path, text);
        free(text);

        return *path ? 0 : -ENOMEM;
}

void config_tls_done(ConfigTls *tls) {
        free(tls->certificate);
        free(tls->key);
        free(tls->trust);
}

int config_read_network(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        const char *text = config_get_text(reader, node, name);

        if (!text || !*text)
                return 0;
        if (!service_name_is_valid(text)) {
                config_error(reader->problems, node->line, "%s: '%s' is not a network's name; write %s",
                             name, text, SERVICE_NAME_RULE);
                return 0;
        }

        return config_set_text(target, text);
}

int config_read_gating(ConfigReader *reader, const YamlNode *node, const char *name, void *target) {
        bool *gating = target;
        int r;

        r = config_read_bool(reader, node, name, gating);
        if (r >= 0 && !*gating)
                config_warning(reader->problems, node->line,
                               "%s: false lets everybody connect; write true and put the "
                               "peers that may into authorized_keys",
                               name);
        return r;
}

/* ---- files ---- */
int config_read_file(const char *path, ConfigProblems *problems, char **ret, size_t *ret_n) {
        struct stat st;
        char *text;
        size_t n;
        int r;

        r = file_read(path, YAML_SIZE_MAX, &text, &n, &st);
        if (r == -ENOENT)
                return r;
        if (r == -EFBIG)
                config_error(problems, 0, "larger than %u bytes; shorten it", YAML_SIZE_MAX);
        else if (r < 0)
                config_error(problems, 0, "cannot be read: %s; run: ls -l %s", strerror(-r), path);
        if (r < 0)
                return r;

        r = file_check_mode(&st, false);
        if (r < 0) {
                config_error(problems, 0, "other users can %s it (mode %04o); run: chmod %04o %s",
                             st.st_mode & 0022 ? "change" : "read", st.st_mode & 07777,
                             file_mode_remedy(&st, false), path);
                free(text);
                return r;
        }

        *ret = text;
        *ret_n = n;
        return 0;
}
