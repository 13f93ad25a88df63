/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Reads the config as a hostile file and writes one drop-in per unit:
 * DIRECTORY/peerup-proxy@NAME.socket.d/50-peerup.conf and the service's. The units themselves are templates,
 * so that `systemctl enable` works on them; a generated unit cannot be enabled. The directory is systemd's
 * own and empty at each run.
 */

#include "daemon/generator/write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/generator/drop-in.h"
#include "service/atomic-file.h"
#include "service/yaml-node.h"

void generator_complain(const char *format, ...) {
        char text[512];
        va_list ap;
        int fd;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        fprintf(stderr, "peerup-generator: %s\n", text);
        fd = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
        if (fd < 0)
                return;
        (void) dprintf(fd, "<4>peerup-generator: %s\n", text);
        (void) close(fd);
}

static int write_drop_in(const char *directory, const char *name, const char *suffix, const char *text) {
        char path[4096];
        FILE *f;
        int n;

        n = snprintf(path, sizeof(path), "%s/peerup-proxy@%s.%s.d", directory, name, suffix);
        if (n < 0 || (size_t) n + sizeof("/50-peerup.conf") > sizeof(path))
                return -ENAMETOOLONG;
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        (void) strcat(path, "/50-peerup.conf");
        f = fopen(path, "wxe");
        if (!f)
                return -errno;
        (void) fputs(text, f);
        return fclose(f) == 0 ? 0 : -errno;
}

static int write_proxy(const char *directory, const ConfigProxy *proxy) {
        const char *why;
        DropIns text;
        int r;

        r = drop_ins_format(proxy, &text, &why);
        if (r < 0) {
                generator_complain("line %u: this %s cannot stand in a unit: the proxy is left out",
                                   proxy->line, why);
                return r;
        }
        r = write_drop_in(directory, proxy->name, "socket", text.socket);
        if (r >= 0)
                r = write_drop_in(directory, proxy->name, "service", text.service);
        if (r < 0)
                generator_complain("line %u: cannot write the units of this proxy: %s", proxy->line,
                                   strerror(-r));
        return r;
}

static void complain_all(const char *path, const ConfigProblems *problems) {
        for (size_t i = 0; i < problems->n; i++)
                if (problems->items[i].severity == CONFIG_ERROR)
                        generator_complain(
                                "%s: line %u is wrong: no proxy has a socket; see peerupctl config validate",
                                path, problems->items[i].line);
}

int generator_run(const char *config_path, const char *directory) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        NodeConfig *config = NULL;
        char *text = NULL;
        size_t size;
        int r, n = 0;

        if (!problems)
                return -ENOMEM;
        r = file_read(config_path, YAML_SIZE_MAX, &text, &size, NULL);
        if (r == -ENOENT)
                return 0;
        if (r >= 0)
                r = node_config_parse(config_path, P2P_VIEW(text, size), problems, &config);
        free(text);
        if (r < 0) {
                complain_all(config_path, problems);
                if (problems->n_errors == 0)
                        generator_complain("%s cannot be read: %s", config_path, strerror(-r));
                return r;
        }
        for (size_t i = 0; i < config->n_proxies && n < (int) GENERATOR_PROXIES_MAX; i++)
                n += write_proxy(directory, &config->proxies[i]) >= 0;
        node_config_free(config);
        return n;
}
