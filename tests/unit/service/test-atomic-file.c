/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Files replaced as a whole, also when the disk is full; and the key file that is never written over. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "service/atomic-file.h"
#include "service/identity-file.h"

static char directory[64], path[96];

static int set_up(void **state) {
        (void) state;
        strcpy(directory, "/tmp/peerup-test-XXXXXX");
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/file", directory);
        return 0;
}

static int tear_down(void **state) {
        (void) state;
        unlink(path);
        return rmdir(directory); /* fails if a temporary file was left */
}

static void expect_content(const char *name, const char *content) {
        char *text;

        assert_int_equal(file_read(name, 1 << 20, &text, NULL, NULL), 0);
        assert_string_equal(text, content);
        free(text);
}

static void replacing_keeps_mode_and_owner(void **state) {
        struct stat st;

        (void) state;
        assert_int_equal(file_replace(path, P2P_VIEW_STR("one"), 0600), 0);
        expect_content(path, "one");
        assert_int_equal(chmod(path, 0640), 0);
        if (geteuid() == 0)
                assert_int_equal(chown(path, 65534, 65534), 0);
        assert_int_equal(file_replace(path, P2P_VIEW_STR("two"), 0600), 0);
        expect_content(path, "two");
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        if (geteuid() == 0)
                assert_int_equal(st.st_uid, 65534);
        assert_int_equal(file_create(path, P2P_VIEW_STR("three"), 0600), -EEXIST);
        expect_content(path, "two");
}

static void links_are_followed_and_stay(void **state) {
        char target[112];
        struct stat st;

        (void) state;
        (void) snprintf(target, sizeof(target), "%s/target", directory);
        assert_int_equal(file_create(target, P2P_VIEW_STR("one"), 0600), 0);
        assert_int_equal(symlink(target, path), 0);
        assert_int_equal(file_replace(path, P2P_VIEW_STR("two"), 0600), 0);
        assert_int_equal(lstat(path, &st), 0);
        assert_true(S_ISLNK(st.st_mode));
        expect_content(target, "two");
        unlink(target);
}

/* A limit on the size of files is a full disk for the one that writes. */
static void a_full_disk_leaves_the_old_file(void **state) {
        static char big[65536];
        pid_t pid;
        int status;

        (void) state;
        memset(big, 'x', sizeof(big));
        assert_int_equal(file_replace(path, P2P_VIEW_STR("old"), 0600), 0);
        pid = fork();
        if (pid == 0) {
                struct rlimit limit = { 4096, 4096 };

                (void) signal(SIGXFSZ, SIG_IGN);
                (void) setrlimit(RLIMIT_FSIZE, &limit);
                _exit(file_replace(path, P2P_VIEW(big, sizeof(big)), 0600) == -EFBIG ? 0 : 1);
        }
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_int_equal(status, 0);
        expect_content(path, "old"); /* and tear_down() finds nothing else */
}

static void reading_is_bounded_and_never_waits(void **state) {
        char *text;

        (void) state;
        assert_int_equal(file_replace(path, P2P_VIEW_STR("12345"), 0600), 0);
        assert_int_equal(file_read(path, 5, &text, NULL, NULL), 0);
        free(text);
        assert_int_equal(file_read(path, 4, &text, NULL, NULL), -EFBIG);
        assert_int_equal(file_read(directory, 5, &text, NULL, NULL), -EISDIR);
        assert_int_equal(file_read("/proc/self/status", 5, &text, NULL, NULL),
                         -EFBIG); /* claims to be empty */
        unlink(path);
        assert_int_equal(file_read(path, 5, &text, NULL, NULL), -ENOENT);
        assert_int_equal(mkfifo(path, 0600), 0);
        assert_int_equal(file_read(path, 5, &text, NULL, NULL), -EINVAL);
        assert_int_equal(file_replace(path, P2P_VIEW_STR("x"), 0600), -EINVAL);
        assert_int_equal(file_replace("/nonexistent/x", P2P_VIEW_STR("x"), 0600), -ENOENT);
}

static void the_directory_is_locked_once(void **state) {
        int first, second;

        (void) state;
        assert_int_equal(file_lock_directory(path, &first), 0);
        assert_int_equal(file_lock_directory(path, &second), -EBUSY); /* after two seconds */
        close(first);
        assert_int_equal(file_lock_directory(path, &second), 0);
        close(second);
}

/* ---- identity.key ---- */
static void a_key_is_made_once_and_loaded(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        p2p_identity *first = NULL, *second = NULL;
        struct stat st;

        (void) state;
        assert_int_equal(identity_file_load(path, problems, &first), -ENOENT);
        assert_int_equal(identity_file_load_or_create(path, NULL, problems, &first), 1);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_size, 68);
        assert_int_equal(identity_file_load_or_create(path, NULL, problems, &second), 0);
        assert_true(p2p_peer_id_equal(p2p_identity_peer_id(first), p2p_identity_peer_id(second)));
        assert_int_equal(problems->n, 0);
        p2p_identity_free(first);
        p2p_identity_free(second);
}

static void whatever_is_wrong_with_a_key_it_stays(void **state) {
        static const struct {
                const char *bytes;
                size_t n;
                mode_t mode;
                int r;
                const char *text;
        } cases[] = {
                { "", 0, 0600, -EBADMSG,
                  "is not a key (0 bytes, 68 expected); restore the file from a copy" },
                { "garbage", 7, 0600, -EBADMSG,
                  "is not a key (7 bytes, 68 expected); restore the file from a copy" },
                { "\x08\x00\x12\x02xx", 6, 0600, -EPROTONOSUPPORT,
                  "holds a key of type RSA; only Ed25519 can be used: move "
                  "the file away, a new one is made at the next start (others must then authorize its id)" },
                { "garbage", 7, 0640, -EPERM, NULL },
                { "garbage", 7, 0604, -EPERM, NULL },
        };
        char expect[256];

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                p2p_identity *id = NULL;
                struct stat before, after;

                unlink(path);
                assert_int_equal(file_create(path, P2P_VIEW(cases[i].bytes, cases[i].n), 0600), 0);
                assert_int_equal(chmod(path, cases[i].mode), 0);
                assert_int_equal(stat(path, &before), 0);
                assert_int_equal(identity_file_load_or_create(path, NULL, problems, &id), cases[i].r);
                assert_int_equal(stat(path, &after), 0);
                assert_int_equal(before.st_ino, after.st_ino);
                (void) snprintf(expect, sizeof(expect),
                                "the key may be used by others (mode %04o); run: chmod 600 %s",
                                cases[i].mode, path);
                assert_string_equal(problems->items[0].text, cases[i].text ?: expect);
        }
}

static void a_directory_in_its_place_is_no_missing_key(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        p2p_identity *id = NULL;

        (void) state;
        assert_int_equal(mkdir(path, 0700), 0);
        assert_int_equal(identity_file_load_or_create(path, NULL, problems, &id), -EISDIR);
        assert_int_equal(problems->n, 1);
        assert_int_equal(rmdir(path), 0);
        assert_int_equal(identity_file_load_or_create("/nonexistent/key", NULL, problems, &id), -ENOENT);
        assert_int_equal(problems->n, 2);
}

static void a_credential_wins(void **state) {
        p2p_identity *id = NULL, *from_file = NULL, *from_credential = NULL;
        char credential[112];

        (void) state;
        (void) snprintf(credential, sizeof(credential), "%s/identity.key", directory);
        assert_int_equal(identity_file_load_or_create(path, NULL, NULL, &from_file), 1);
        assert_int_equal(setenv("CREDENTIALS_DIRECTORY", directory, 1), 0);
        assert_int_equal(identity_file_load_or_create(path, "identity.key", NULL, &id),
                         0); /* absent: the file */
        assert_true(p2p_peer_id_equal(p2p_identity_peer_id(id), p2p_identity_peer_id(from_file)));
        p2p_identity_free(id);
        assert_int_equal(identity_file_load_or_create(credential, NULL, NULL, &from_credential), 1);
        assert_int_equal(identity_file_load_or_create(path, "identity.key", NULL, &id), 0);
        assert_true(p2p_peer_id_equal(p2p_identity_peer_id(id), p2p_identity_peer_id(from_credential)));
        unsetenv("CREDENTIALS_DIRECTORY");
        unlink(credential);
        p2p_identity_free(id);
        p2p_identity_free(from_file);
        p2p_identity_free(from_credential);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_setup_teardown(replacing_keeps_mode_and_owner, set_up, tear_down),
                cmocka_unit_test_setup_teardown(links_are_followed_and_stay, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_full_disk_leaves_the_old_file, set_up, tear_down),
                cmocka_unit_test_setup_teardown(reading_is_bounded_and_never_waits, set_up, tear_down),
                cmocka_unit_test_setup_teardown(the_directory_is_locked_once, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_key_is_made_once_and_loaded, set_up, tear_down),
                cmocka_unit_test_setup_teardown(whatever_is_wrong_with_a_key_it_stays, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_directory_in_its_place_is_no_missing_key, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_credential_wins, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
