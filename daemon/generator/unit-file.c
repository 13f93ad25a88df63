/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The directory is systemd's own and empty at each run: whatever exists is never followed or replaced. */

#include "daemon/generator/unit-file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_SIZE 4096u

void generator_complain(const char *format, ...) {
        char text[512], line[600];
        va_list ap;
        int fd;

        va_start(ap, format);
        (void) vsnprintf(text, sizeof(text), format, ap);
        va_end(ap);
        (void) snprintf(line, sizeof(line), "<4>peerup-generator: %s\n", text);
        (void) fputs(line + strlen("<4>"), stderr);
        fd = getenv("SYSTEMD_SCOPE") ? open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY) : -1;
        if (fd < 0)
                return;
        if (write(fd, line, strlen(line)) < 0)
                perror("/dev/kmsg");
        (void) close(fd);
}

static int join(char path[static PATH_SIZE], const char *directory, const char *name, const char *tail) {
        int n = snprintf(path, PATH_SIZE, "%s/%s%s", directory, name, tail);

        return n < 0 || (size_t) n >= PATH_SIZE ? -ENAMETOOLONG : 0;
}

static int write_new(const char *path, const char *text) {
        FILE *f = fopen(path, "wxe");
        int r;

        if (!f)
                return -errno;
        r = fputs(text, f) < 0 ? -EIO : 0;
        return fclose(f) == 0 ? r : -errno;
}

int unit_file_write(const char *directory, const char *unit, const char *text) {
        char path[PATH_SIZE];
        int r;

        r = join(path, directory, unit, "");
        return r < 0 ? r : write_new(path, text);
}

int unit_drop_in_write(const char *directory, const char *unit, const char *text) {
        char path[PATH_SIZE];
        int r;

        r = join(path, directory, unit, ".d");
        if (r < 0)
                return r;
        if (mkdir(path, 0755) < 0 && errno != EEXIST)
                return -errno;
        r = join(path, directory, unit, ".d/50-peerup.conf");
        return r < 0 ? r : write_new(path, text);
}
