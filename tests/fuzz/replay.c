/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Runs a fuzz target over the files of its corpus under a normal compiler, so that every old finding stays found.
 * Usage: fuzz-X DIRECTORY-OR-FILE... An empty or missing corpus is a failure: a target without one guards nothing.
 */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static int replay_file(const char *path) {
        struct stat st;
        uint8_t *data;
        FILE *f;

        f = fopen(path, "re");
        if (!f || fstat(fileno(f), &st) < 0 || !S_ISREG(st.st_mode)) {
                fprintf(stderr, "%s: not a readable file\n", path);
                return -1;
        }
        /* Exactly as large as the input, so that the sanitizer sees the first byte behind it. */
        data = malloc(st.st_size > 0 ? (size_t) st.st_size : 1);
        if (!data || fread(data, 1, (size_t) st.st_size, f) != (size_t) st.st_size) {
                fprintf(stderr, "%s: cannot be read\n", path);
                return -1;
        }
        fclose(f);
        (void) LLVMFuzzerTestOneInput(data, (size_t) st.st_size);
        free(data);
        return 1;
}

static int replay(const char *path) {
        struct dirent *e;
        char name[4096];
        int n = 0;
        DIR *dir;

        dir = opendir(path);
        if (!dir)
                return replay_file(path);
        while ((e = readdir(dir))) {
                if (e->d_name[0] == '.')
                        continue;
                (void) snprintf(name, sizeof(name), "%s/%s", path, e->d_name);
                if (replay_file(name) < 0) {
                        closedir(dir);
                        return -1;
                }
                n++;
        }
        closedir(dir);
        return n;
}

int main(int argc, char **argv) {
        int total = 0;

        for (int i = 1; i < argc; i++) {
                int n = replay(argv[i]);

                if (n < 0)
                        return EXIT_FAILURE;
                total += n;
        }
        printf("%d inputs\n", total);
        return total > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
