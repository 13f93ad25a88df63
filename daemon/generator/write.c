/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads a config as a hostile file and writes units. A proxy's are drop-ins of templates, DIRECTORY/
 * peerup-proxy@NAME.socket.d/50-peerup.conf and the service's, so that `systemctl enable` works on them; a
 * generated unit cannot be enabled. The sockets of the node and the relay are whole units, that their
 * service wants (another drop-in): they come and go with it, and a disabled service has none.
 */

#include "daemon/generator/write.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/generator/drop-in.h"
#include "daemon/generator/ports.h"
#include "daemon/generator/unit-file.h"
#include "service/atomic-file.h"
#include "service/yaml-node.h"

static const PortOwner node_owner = { .name = "peerup-daemon", .manual = "peerup-daemon(8)" };
static const PortOwner relay_owner = { .name = "peerup-relay",
                                       .manual = "peerup-relay(8)",
                                       .plain_tcp = true };

/* ---- proxies ---- */
static int write_proxy(const char *directory, const ConfigProxy *proxy) {
        char unit[128];
        const char *why;
        DropIns text;
        int r;

        r = drop_ins_format(proxy, &text, &why);
        if (r < 0) {
                generator_complain("line %u: this %s cannot stand in a unit: the proxy is left out",
                                   proxy->line, why);
                return r;
        }
        (void) snprintf(unit, sizeof(unit), "peerup-proxy@%s.socket", proxy->name);
        r = unit_drop_in_write(directory, unit, text.socket);
        (void) snprintf(unit, sizeof(unit), "peerup-proxy@%s.service", proxy->name);
        if (r >= 0)
                r = unit_drop_in_write(directory, unit, text.service);
        if (r < 0)
                generator_complain("line %u: cannot write the units of this proxy: %s", proxy->line,
                                   strerror(-r));
        return r;
}

/* ---- ports ---- */
/* The mark of what the unit has open, NULL if it has nothing. */
static const char *read_mark(const GeneratorPaths *paths, const char *name,
                             char mark[static PORT_MARK_SIZE]) {
        char path[4096];
        ssize_t n;

        (void) snprintf(path, sizeof(path), "%s/%s", paths->marks, name);
        n = readlink(path, mark, PORT_MARK_SIZE);
        if (n != PORT_MARK_SIZE - 1)
                return NULL;
        mark[n] = '\0';
        return mark;
}

/* Writes one unit; what its service has to say of it is appended to drop_in. */
static int write_port_unit(const GeneratorPaths *paths, const PortOwner *owner, int type,
                           const ConfigAddr *addrs, size_t n, char drop_in[static 512]) {
        char name[PORT_UNIT_NAME_MAX], mark_name[PORT_UNIT_NAME_MAX], mark[PORT_MARK_SIZE];
        const char *held = read_mark(paths, port_mark_name(owner, type, mark_name), mark);
        size_t used = strlen(drop_in);
        PortUnit unit;
        int r;

        port_unit_format(owner, type, addrs, n, held, &unit);
        (void) port_unit_name(owner, type, name);
        if (unit.n_left_out > 0)
                generator_complain("%s holds %u ports, which is the limit", name, PORTS_MAX);
        if (unit.n > 0) {
                r = unit_file_write(paths->directory, name, unit.text);
                if (r < 0) {
                        generator_complain("cannot write %s: %s", name, strerror(-r));
                        return r;
                }
        }
        if (unit.n > 0 || held)
                (void) snprintf(drop_in + used, 512 - used, "%s=%s\n", unit.n > 0 ? "Wants" : "Conflicts",
                                name);
        return unit.n > 0;
}

static int write_ports(const GeneratorPaths *paths, const PortOwner *owner, const ConfigAddr *addrs,
                       size_t n) {
        char drop_in[512] = "# Generated from network: listen_addresses.\n[Unit]\n",
             service[PORT_UNIT_NAME_MAX];
        size_t empty = strlen(drop_in);
        int streams, datagrams, r;

        streams = write_port_unit(paths, owner, SOCK_STREAM, addrs, n, drop_in);
        datagrams = write_port_unit(paths, owner, SOCK_DGRAM, addrs, n, drop_in);
        if (drop_in[empty] != '\0') {
                (void) snprintf(service, sizeof(service), "%s.service", owner->name);
                r = unit_drop_in_write(paths->directory, service, drop_in);
                if (r < 0)
                        generator_complain("cannot write what %s wants: %s", service, strerror(-r));
        }
        return (streams > 0) + (datagrams > 0);
}

/* ---- configs ---- */
typedef int (*ParseFn)(const char *path, p2p_view text, ConfigProblems *problems, void **ret);

static int parse_node(const char *path, p2p_view text, ConfigProblems *problems, void **ret) {
        return node_config_parse(path, text, problems, (NodeConfig **) ret);
}

static int parse_relay(const char *path, p2p_view text, ConfigProblems *problems, void **ret) {
        return relay_config_parse(path, text, problems, (RelayConfig **) ret);
}

static void complain_all(const char *path, const ConfigProblems *problems) {
        for (size_t i = 0; i < problems->n; i++)
                if (problems->items[i].severity == CONFIG_ERROR)
                        generator_complain("%s: line %u is wrong: no socket is made from this file", path,
                                           problems->items[i].line);
}

static int read_config(const char *path, const char *first, ParseFn parse, void **ret) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        char *text = NULL;
        size_t size;
        int r;

        if (!problems)
                return -ENOMEM;
        r = file_read(path, YAML_SIZE_MAX, &text, &size, NULL);
        if (r == -ENOENT)
                r = parse(path, P2P_VIEW_STR(first), problems, ret);
        else if (r >= 0)
                r = parse(path, P2P_VIEW(text, size), problems, ret);
        free(text);
        if (r >= 0)
                return 0;
        complain_all(path, problems);
        if (problems->n_errors == 0)
                generator_complain("%s cannot be read: %s", path, strerror(-r));
        return r;
}

int generator_run_node(const GeneratorPaths *paths) {
        _cleanup_(node_config_freep) NodeConfig *config = NULL;
        int r, n = 0;

        r = read_config(paths->node_config, node_config_default, parse_node, (void **) &config);
        if (r < 0)
                return r;
        for (size_t i = 0; i < config->n_proxies && n < (int) GENERATOR_PROXIES_MAX; i++)
                n += write_proxy(paths->directory, &config->proxies[i]) >= 0;
        return n + write_ports(paths, &node_owner, config->listen_addresses, config->n_listen_addresses);
}

int generator_run_relay(const GeneratorPaths *paths) {
        _cleanup_(relay_config_freep) RelayConfig *config = NULL;
        int r;

        r = read_config(paths->relay_config, relay_config_default, parse_relay, (void **) &config);
        if (r < 0)
                return r;
        return write_ports(paths, &relay_owner, config->listen_addresses, config->n_listen_addresses);
}
