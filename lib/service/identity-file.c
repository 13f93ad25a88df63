/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The node's key on disk: 68 bytes of protobuf [files.md 1]. The one rule: only "there is no such file"
 * leads to a new key, and a new key never replaces a file, not even one that appears meanwhile. Copies are
 * wiped.
 */

#include "service/identity-file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/atomic-file.h"

#define KEY_FILE_MAX 16384u /* an RSA key is named in the error, so it must be read */

/* Not asked of a credential: systemd sets its mode, in a directory that is ours alone. */
static int check_mode(const char *path, const struct stat *st, ConfigProblems *problems) {
        int r;

        r = file_check_mode(st, true);
        if (r < 0)
                config_error(problems, 0, "the key may be used by others (mode %04o); run: chmod 600 %s",
                             st->st_mode & 07777, path);
        return r;
}

static int decode(p2p_view key, ConfigProblems *problems, p2p_identity **ret) {
        p2p_key_type type = _P2P_KEY_TYPE_MAX;
        int r;

        r = p2p_identity_decode(key, ret, &type);
        if (r == -EPROTONOSUPPORT)
                config_error(problems, 0,
                             "holds a key of type %s; only Ed25519 can be used: move the file away, a new "
                             "one is made at the next start (others must then authorize its id)",
                             type < _P2P_KEY_TYPE_MAX ? p2p_key_type_name(type) : "unknown");
        else if (r == -EKEYREJECTED)
                config_error(problems, 0,
                             "its public half does not belong to its secret; restore the file from a copy");
        else if (r < 0 && r != -ENOMEM)
                config_error(problems, 0,
                             "is not a key (%zu bytes, 68 expected); restore the file from a copy", key.n);

        return r;
}

static int load(const char *path, bool credential, ConfigProblems *problems, p2p_identity **ret) {
        struct stat st;
        char *data;
        size_t n;
        int r;

        r = file_read(path, KEY_FILE_MAX, &data, &n, &st);
        if (r == -ENOENT)
                return r;
        if (r < 0) {
                config_error(problems, 0, "cannot be read: %s; run: ls -l %s", strerror(-r), path);
                return r;
        }
        r = credential ? 0 : check_mode(path, &st, problems);
        if (r >= 0)
                r = decode(P2P_VIEW(data, n), problems, ret);
        explicit_bzero(data, n);
        free(data);

        return r;
}

int identity_file_load(const char *path, ConfigProblems *problems, p2p_identity **ret) {
        return load(path, false, problems, ret);
}

static int create(const char *path, ConfigProblems *problems, p2p_identity **ret) {
        _cleanup_(p2p_identity_freep) p2p_identity *identity = NULL;
        uint8_t data[P2P_PRIVATE_KEY_MAX];
        int r;

        r = p2p_identity_generate(&identity);
        if (r < 0)
                return r;
        r = file_create(path, p2p_identity_encode(identity, data), 0600);
        explicit_bzero(data, sizeof(data));
        if (r == -EEXIST) /* somebody else was first: theirs counts */
                return identity_file_load(path, problems, ret);
        if (r < 0) {
                config_error(problems, 0,
                             "the new key cannot be written: %s; run: ls -ld %s and its directory, df",
                             strerror(-r), path);
                return r;
        }

        *ret = TAKE_PTR(identity);
        return 1;
}

int identity_file_load_or_create(const char *path, const char *credential, ConfigProblems *problems,
                                 p2p_identity **ret) {
        const char *directory = getenv("CREDENTIALS_DIRECTORY");
        char *passed = NULL;
        int r = -ENOENT;

        if (credential && directory) {
                if (asprintf(&passed, "%s/%s", directory, credential) < 0)
                        return -ENOMEM;
                r = load(passed, true, problems, ret);
                free(passed);
        }
        if (r == -ENOENT)
                r = identity_file_load(path, problems, ret);
        if (r == -ENOENT)
                r = create(path, problems, ret);

        return r;
}
