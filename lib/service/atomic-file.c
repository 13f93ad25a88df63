/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Read whole, replace whole. The order that makes it safe: write beside, fsync, rename (or link, where the
 * name must be new), fsync the directory. The lock is on the directory's own fd: it needs no file of its
 * own, and it survives the rename of every file in it.
 */

#include "service/atomic-file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>

#define LOCK_WAIT_MSEC 2000
#define LOCK_STEP_MSEC 20

/* Less than room bytes: with as many the file grew while it was read. */
static int read_to_end(int fd, char *data, size_t room, size_t *ret_n) {
        size_t n = 0;

        while (n < room) {
                ssize_t k = read(fd, data + n, room - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0) {
                        *ret_n = n;
                        return 0;
                }
                n += (size_t) k;
        }

        return -EFBIG;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_n, struct stat *ret_stat) {
        _cleanup_(closep) int fd = -1;
        struct stat st;
        size_t n = 0, room;
        char *data;
        int r;

        fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (fd < 0 || fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;
        if ((uint64_t) st.st_size > max)
                return -EFBIG;

        room = P2P_MIN(max, (size_t) st.st_size + 4096) + 1;
        data = malloc(room + 1);
        if (!data)
                return -ENOMEM;
        r = read_to_end(fd, data, room, &n);
        if (r < 0) {
                free(data);
                return r;
        }

        data[n] = 0;
        *ret = data;
        if (ret_n)
                *ret_n = n;
        if (ret_stat)
                *ret_stat = st;
        return 0;
}

/* The path that a rename must hit: the target of links, or the path itself where nothing is there yet. */
static int resolve(const char *path, char ret[static PATH_MAX]) {
        if (realpath(path, ret))
                return 0;
        if (errno != ENOENT || strlen(path) >= PATH_MAX)
                return errno == ENOENT ? -ENAMETOOLONG : -errno;

        strcpy(ret, path);
        return 0;
}

static int open_directory(const char *file, int *ret) {
        char copy[PATH_MAX];
        int fd;

        (void) snprintf(copy, sizeof(copy), "%s", file);
        fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;

        *ret = fd;
        return 0;
}

int file_lock_directory(const char *path, int *ret_fd) {
        _cleanup_(closep) int fd = -1;
        char target[PATH_MAX];
        int r;

        r = resolve(path, target);
        if (r < 0)
                return r;
        r = open_directory(target, &fd);
        if (r < 0)
                return r;
        for (int waited = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_STEP_MSEC) {
                struct timespec step = { .tv_nsec = LOCK_STEP_MSEC * 1000000L };

                if (errno != EWOULDBLOCK && errno != EINTR)
                        return -errno;
                if (waited >= LOCK_WAIT_MSEC)
                        return -EBUSY;
                (void) nanosleep(&step, NULL);
        }

        *ret_fd = TAKE_FD(fd);
        return 0;
}

static int write_all(int fd, p2p_view content) {
        while (content.n > 0) {
                ssize_t k = write(fd, content.data, content.n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                content.data += k;
                content.n -= (size_t) k;
        }

        return fsync(fd) < 0 ? -errno : 0;
}

/* Owner first: a change of owner may take mode bits away. Not being allowed to give a file away is fine. */
static int dress(int fd, const struct stat *old, mode_t mode) {
        if (old && (old->st_uid != geteuid() || old->st_gid != getegid()) &&
            fchown(fd, old->st_uid, old->st_gid) < 0 && errno != EPERM)
                return -errno;

        return fchmod(fd, old ? old->st_mode & 07777 : mode) < 0 ? -errno : 0;
}

static int make_temporary(int dir, const char *base, char name[static NAME_MAX + 1], int *ret_fd) {
        for (int attempt = 0; attempt < 16; attempt++) {
                unsigned random;
                int fd;

                if (getrandom(&random, sizeof(random), 0) != sizeof(random))
                        return -EIO;
                (void) snprintf(name, NAME_MAX + 1, ".%.200s.%08x.tmp", base, random);
                fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (fd >= 0) {
                        *ret_fd = fd;
                        return 0;
                }
                if (errno != EEXIST)
                        return -errno;
        }

        return -EEXIST;
}

static int put(const char *path, p2p_view content, mode_t mode, bool exclusive) {
        _cleanup_(closep) int dir = -1, fd = -1;
        char target[PATH_MAX], copy[PATH_MAX], name[NAME_MAX + 1];
        const char *base;
        struct stat st;
        bool exists;
        int r;

        r = resolve(path, target);
        if (r < 0)
                return r;
        r = open_directory(target, &dir);
        if (r < 0)
                return r;
        strcpy(copy, target);
        base = basename(copy);
        exists = fstatat(dir, base, &st, AT_SYMLINK_NOFOLLOW) >= 0;
        if (exists && exclusive)
                return -EEXIST;
        if (exists && !S_ISREG(st.st_mode))
                return -EINVAL;

        r = make_temporary(dir, base, name, &fd);
        if (r < 0)
                return r;
        r = dress(fd, exists ? &st : NULL, mode);
        if (r >= 0)
                r = write_all(fd, content);
        if (r >= 0 && renameat2(dir, name, dir, base, exclusive ? RENAME_NOREPLACE : 0) < 0)
                r = -errno;
        if (r < 0) {
                (void) unlinkat(dir, name, 0);
                return r;
        }

        return fsync(dir) < 0 ? -errno : 0;
}

int file_replace(const char *path, p2p_view content, mode_t mode) {
        return put(path, content, mode, false);
}

int file_create(const char *path, p2p_view content, mode_t mode) {
        return put(path, content, mode, true);
}

int file_check_mode(const struct stat *st, bool private) {
        return st->st_mode & (private ? 0077 : 0027) ? -EPERM : 0;
}

unsigned file_mode_remedy(const struct stat *st, bool private) {
        return private || !(st->st_mode & 0040) ? 0600 : 0640;
}
