/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* identity.key and relay_node.key: read, or made once. A file that is there is never written over, whatever
 * is wrong with it. */

#include <p2p/identity.h>
#include "service/problem.h"

/* -ENOENT: no file. Any other error is also an error in problems: access by group or others (chmod 600),
 * another key type, damaged bytes, a public half that is not the seed's. */
int identity_file_load(const char *path, ConfigProblems *problems, p2p_identity **ret);

/* $CREDENTIALS_DIRECTORY/<credential> if there is one (credential may be NULL), else the file, else a new
 * Ed25519 key written to path (0600, atomically). 1: a new key was made. */
int identity_file_load_or_create(const char *path, const char *credential, ConfigProblems *problems,
                                 p2p_identity **ret);
