/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Tells when a file changed: replaced by rename, written in place, removed, made, chmod'ed, by whomever.
 * Watches directories: the file's and, through a symbolic link, that of its target. Changes within 50 ms are
 * told once, and a writer that never pauses is told about after 250 ms. Telling too often is possible, not
 * telling is not: compare content.
 */

#include <p2p/loop.h>
#include <p2p/macro.h>

#define FILE_WATCH_SETTLE     (50 * USEC_PER_MSEC)
#define FILE_WATCH_SETTLE_MAX (250 * USEC_PER_MSEC)

typedef struct FileWatch FileWatch;

/* The directory must exist (-ENOENT). Should it vanish later, it is looked for every 30 s. changed may free
 * the watch. */
int file_watch_new(p2p_loop *loop, const char *path, void (*changed)(void *userdata), void *userdata,
                   FileWatch **ret);
FileWatch *file_watch_free(FileWatch *watch);
P2P_CLEANUP(FileWatch, file_watch_free);
