/* SPDX-License-Identifier: LGPL-2.1-or-later */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include <p2p/identity.h>

#include "cli/offline.h"
#include "tests/unit/cli/capture.h"

static char dir[] = "/tmp/test-offline-XXXXXX";
static char config[64], key[64], other[64];

static void put(const char *path, const void *data, size_t n, mode_t mode) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_true(fd >= 0);
        assert_int_equal(write(fd, data, n), n);
        assert_int_equal(fchmod(fd, mode), 0);
        close(fd);
}

static void put_key(const char *path, uint8_t first, char id[static P2P_PEER_ID_TEXT_MAX]) {
        _cleanup_(p2p_identity_freep) p2p_identity *identity = NULL;
        uint8_t seed[32] = { first }, bytes[P2P_PRIVATE_KEY_MAX];
        p2p_view view;

        assert_int_equal(p2p_identity_from_seed(seed, &identity), 0);
        view = p2p_identity_encode(identity, bytes);
        put(path, view.data, view.n, 0600);
        (void) p2p_peer_id_format(p2p_identity_peer_id(identity), id);
}

static int make_directory(void **state) {
        (void) state;
        if (!mkdtemp(dir))
                return -1;
        (void) snprintf(config, sizeof(config), "%s/config.yaml", dir);
        (void) snprintf(key, sizeof(key), "%s/identity.key", dir);
        (void) snprintf(other, sizeof(other), "%s/other.key", dir);
        return 0;
}

static int empty_directory(void **state) {
        (void) state;
        (void) unlink(config);
        (void) unlink(key);
        (void) unlink(other);
        return 0;
}

static int remove_directory(void **state) {
        (void) empty_directory(state);
        return rmdir(dir);
}

/* The text of a failure; the caller's. */
static char *failure(int error) {
        char id[P2P_PEER_ID_TEXT_MAX];
        Capture c;

        capture_begin(&c, &stderr);
        assert_int_equal(offline_peer_id(config, id), error);
        return capture_end(&c);
}

static void without_a_key_the_daemon_makes_one(void **state) {
        char *text = failure(-ENOENT);

        (void) state;
        assert_string_equal(text, "peerupctl: this machine has no peer id yet\n"
                                  "Start the daemon, which makes one: systemctl start peerup\n");
        free(text);
        assert_int_equal(access(key, F_OK), -1); /* and we do not */
}

static void without_a_config_the_key_beside_it_counts(void **state) {
        char id[P2P_PEER_ID_TEXT_MAX], expected[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        put_key(key, 1, expected);
        assert_int_equal(offline_peer_id(config, id), 0);
        assert_string_equal(id, expected);
        assert_int_equal(strlen(id), 52);
}

static void the_config_says_which_key(void **state) {
        static const char text[] =
                "identity:\n  key_file: other.key\nnetwork:\n  listen_addresses: [/ip4/0.0.0.0/tcp/0]\n";
        char id[P2P_PEER_ID_TEXT_MAX], first[P2P_PEER_ID_TEXT_MAX], second[P2P_PEER_ID_TEXT_MAX];

        (void) state;
        put(config, text, sizeof(text) - 1, 0600);
        put_key(key, 1, first);
        put_key(other, 2, second);
        assert_int_equal(offline_peer_id(config, id), 0);
        assert_string_equal(id, second);
}

static void a_key_that_others_can_read_is_refused_with_the_chmod(void **state) {
        char id[P2P_PEER_ID_TEXT_MAX], *text;

        (void) state;
        put_key(key, 1, id);
        assert_int_equal(chmod(key, 0644), 0);
        text = failure(-EPERM);
        assert_non_null(strstr(text, "chmod 600"));
        free(text);
}

static void a_broken_config_is_told_with_its_line(void **state) {
        static const char broken[] = "version: 1\nidentity: [\n";
        char *text;

        (void) state;
        put(config, broken, sizeof(broken) - 1, 0600);
        text = failure(-EINVAL);
        assert_non_null(strstr(text, "config.yaml:"));
        free(text);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test_teardown(without_a_key_the_daemon_makes_one, empty_directory),
                cmocka_unit_test_teardown(without_a_config_the_key_beside_it_counts, empty_directory),
                cmocka_unit_test_teardown(the_config_says_which_key, empty_directory),
                cmocka_unit_test_teardown(a_key_that_others_can_read_is_refused_with_the_chmod,
                                          empty_directory),
                cmocka_unit_test_teardown(a_broken_config_is_told_with_its_line, empty_directory),
        };

        return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
