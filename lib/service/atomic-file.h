/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Small files, read whole and replaced as a whole. A reader sees the old file or the new one; a crash or a
 * full disk leaves the old one. Writers of one directory take turns by a lock on the directory itself, so
 * that a rename never loses somebody else's change: lock, read, change, replace, unlock. Symbolic links are
 * followed, the link stays.
 */

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <p2p/macro.h>
#include <p2p/view.h>

/* A regular file of at most max bytes. *ret is NUL-terminated (inner NULs stay). -EFBIG, -EISDIR, -EINVAL (a
 * device). ret_n and ret_stat may be NULL. Never blocks on a FIFO. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_n, struct stat *ret_stat);

/* Locks the directory that holds path (after links). Waits for others at most two seconds, -EBUSY then.
 * close() unlocks. */
int file_lock_directory(const char *path, int *ret_fd);

/* Temporary file beside it, written, fsync'ed, renamed, directory fsync'ed. Mode and owner of an existing
 * file are kept; a new one gets `mode`. On any error the old file is as it was and nothing is left behind.
 * */
int file_replace(const char *path, p2p_view content, mode_t mode);
/* The same for a file that must not exist yet: -EEXIST. */
int file_create(const char *path, p2p_view content, mode_t mode);

/* 0: fine. -EPERM: somebody else may write it, or read it where `private` (group too: 0600); otherwise group
 * may read. Text for people: file_mode_remedy. */
int file_check_mode(const struct stat *st, bool private);
/* The mode to suggest in "chmod MODE PATH". */
unsigned file_mode_remedy(const struct stat *st, bool private);

static inline void closep(int *fd) {
        if (*fd >= 0)
                close(*fd);
}
