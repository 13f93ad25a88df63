/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Configs on a real directory, and the tree of units that comes of them. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/generator/unit-file.h"
#include "daemon/generator/write.h"
#include "service/atomic-file.h"

typedef struct World {
        char dir[64], node[96], relay[96], out[96], marks[96];
        GeneratorPaths paths;
        int stderr_copy;
} World;

static int setup(void **state) {
        World *w = calloc(1, sizeof(*w));
        int null;

        assert_non_null(w);
        (void) strcpy(w->dir, "/tmp/test-generator-XXXXXX");
        assert_non_null(mkdtemp(w->dir));
        (void) snprintf(w->node, sizeof(w->node), "%s/config.yaml", w->dir);
        (void) snprintf(w->relay, sizeof(w->relay), "%s/relay-server.yaml", w->dir);
        (void) snprintf(w->out, sizeof(w->out), "%s/out", w->dir);
        (void) snprintf(w->marks, sizeof(w->marks), "%s/marks", w->dir);
        assert_int_equal(mkdir(w->out, 0755), 0);
        assert_int_equal(mkdir(w->marks, 0755), 0);
        w->paths = (GeneratorPaths){ w->node, w->relay, w->marks, w->out };
        w->stderr_copy = dup(STDERR_FILENO); /* complaints are not this test's output */
        null = open("/dev/null", O_WRONLY | O_CLOEXEC);
        assert_true(w->stderr_copy >= 0 && null >= 0 && dup2(null, STDERR_FILENO) >= 0);
        close(null);
        *state = w;
        return 0;
}

static int teardown(void **state) {
        char command[128];
        World *w = *state;

        assert_true(dup2(w->stderr_copy, STDERR_FILENO) >= 0);
        close(w->stderr_copy);
        (void) snprintf(command, sizeof(command), "rm -rf %s", w->dir);
        assert_int_equal(system(command), 0);
        free(w);
        return 0;
}

static void put(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

/* NULL: there is no such file. */
static char *get(const World *w, const char *name) {
        char path[512], *text;

        (void) snprintf(path, sizeof(path), "%s/%s", w->out, name);
        return file_read(path, 1 << 20, &text, NULL, NULL) < 0 ? NULL : text;
}

static void assert_has(const World *w, const char *name, const char *line) {
        char *text = get(w, name);

        if (!text || !strstr(text, line))
                fail_msg("%s: %s", name, text);
        free(text);
}

static void assert_none(const World *w, const char *name) {
        char *text = get(w, name);

        assert_null(text);
}

/* Entries of the directory, "." and ".." aside. */
static int count(const World *w) {
        char command[160], line[16] = "";
        FILE *p;

        (void) snprintf(command, sizeof(command), "ls -A %s | wc -l", w->out);
        p = popen(command, "re");
        assert_non_null(p);
        assert_non_null(fgets(line, sizeof(line), p));
        assert_int_equal(pclose(p), 0);
        return atoi(line);
}

static void mark(const World *w, const char *name, const char *target) {
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/%s", w->marks, name);
        assert_int_equal(symlink(target, path), 0);
}

#define REST                                                                                                \
        "identity: {key_file: identity.key}\nrelay: {addresses: [], reservation_interval: 2m}\n"            \
        "discovery: {rendezvous: x}\nsecurity: {authorized_keys_file: authorized_keys}\n"                   \
        "protocols: {ping_pong: {enabled: true, id: /pingpong/1.0.0}}\n"

static void proxies_become_drop_ins(void **state) {
        World *w = *state;

        put(w->node, REST "network: {listen_addresses: [/ip4/0.0.0.0/tcp/9000]}\n"
                          "proxies:\n"
                          "  home-ssh: {peer: home, service: ssh, listen: \"127.0.0.1:2222\"}\n"
                          "  home-web: {peer: home, service: web, listen: /run/peerup/home-web.sock}\n");
        assert_int_equal(generator_run_node(&w->paths), 2);
        assert_has(w, "peerup-proxy@home-ssh.socket.d/50-peerup.conf", "\nListenStream=127.0.0.1:2222\n");
        assert_has(w, "peerup-proxy@home-ssh.service.d/50-peerup.conf",
                   "\nEnvironment=PEERUP_SERVICE=ssh\n");
        assert_has(w, "peerup-proxy@home-web.socket.d/50-peerup.conf",
                   "\nListenStream=/run/peerup/home-web.sock\n");
        assert_int_equal(count(w), 4); /* the node keeps its TCP port to itself */

        /* systemd's directory is empty at each run: what is there is somebody else's, and stays. */
        assert_int_equal(generator_run_node(&w->paths), 0);
}

static void an_entry_that_may_not_stand_in_a_unit_is_left_out(void **state) {
        World *w = *state;

        put(w->node, REST "network: {listen_addresses: [/ip4/0.0.0.0/tcp/0]}\n"
                          "proxies:\n"
                          "  any-port: {peer: home, service: ssh, listen: \"127.0.0.1:0\"}\n"
                          "  good: {peer: home, service: ssh, listen: \"127.0.0.1:2222\"}\n");
        assert_int_equal(generator_run_node(&w->paths), 1);
        assert_int_equal(count(w), 2);
}

static void fixed_ports_become_sockets(void **state) {
        World *w = *state;

        put(w->relay, "network: {listen_addresses: [/ip4/0.0.0.0/tcp/443, /ip6/::/tcp/443]}\n"
                      "security: {enable_connection_gating: true}\n");
        assert_int_equal(generator_run_relay(&w->paths), 1);
        assert_has(w, "peerup-relay.socket", "\nListenStream=0.0.0.0:443\nListenStream=[::]:443\n");
        assert_has(w, "peerup-relay.service.d/50-peerup.conf", "\n[Unit]\nWants=peerup-relay.socket\n");
        assert_int_equal(count(w), 2);
}

static void a_first_start_has_the_ports_of_the_default(void **state) {
        World *w = *state;

        assert_int_equal(generator_run_node(&w->paths), 0);
        assert_int_equal(count(w), 0);
        assert_int_equal(generator_run_relay(&w->paths), 2);
        assert_has(w, "peerup-relay.socket", "\nListenStream=0.0.0.0:7777\nListenStream=[::]:7777\n");
        assert_has(w, "peerup-relay-udp.socket",
                   "\nListenDatagram=0.0.0.0:7777\nListenDatagram=[::]:7777\n");
        assert_has(w, "peerup-relay.service.d/50-peerup.conf",
                   "\n[Unit]\nWants=peerup-relay.socket\nWants=peerup-relay-udp.socket\n");
}

static void ports_that_changed_are_told_by_the_mark(void **state) {
        World *w = *state;

        mark(w, "peerup-relay.socket.ports", "0123456789abcdef");
        mark(w, "peerup-daemon-udp.socket.ports", "0123456789abcdef");
        mark(w, "peerup-daemon.socket.ports", "not one of ours");
        assert_int_equal(generator_run_relay(&w->paths), 2);
        assert_has(w, "peerup-relay.socket", "\nPartOf=peerup-relay.service\n");
        /* The node has no fixed port any more. */
        assert_int_equal(generator_run_node(&w->paths), 0);
        assert_has(w, "peerup-daemon.service.d/50-peerup.conf",
                   "[Unit]\nConflicts=peerup-daemon-udp.socket\n");
        assert_none(w, "peerup-daemon-udp.socket");
}

static void a_mark_that_is_the_ports_changes_nothing(void **state) {
        char digits[17], *text, *at;
        World *w = *state;

        assert_int_equal(generator_run_relay(&w->paths), 2);
        text = get(w, "peerup-relay.socket");
        assert_non_null(text);
        at = strstr(text, "-sfn ");
        assert_non_null(at);
        (void) snprintf(digits, sizeof(digits), "%.16s", at + strlen("-sfn "));
        mark(w, "peerup-relay.socket.ports", digits);
        (void) strcat(w->out, "-again");
        assert_int_equal(mkdir(w->out, 0755), 0);
        assert_int_equal(generator_run_relay(&w->paths), 2);
        assert_has(w, "peerup-relay.socket", text);
        free(text);
}

static void a_wrong_config_makes_nothing(void **state) {
        static const char *const texts[] = { "network: [", "\xff", "network: {listen_addresses: 5}\n" };
        World *w = *state;

        for (size_t i = 0; i < ELEMENTSOF(texts); i++) {
                put(w->node, texts[i]);
                put(w->relay, texts[i]);
                assert_int_equal(generator_run_node(&w->paths), -EINVAL);
                assert_int_equal(generator_run_relay(&w->paths), -EINVAL);
        }
        w->paths.relay_config = w->dir;
        assert_int_equal(generator_run_relay(&w->paths), -EISDIR);
        assert_int_equal(count(w), 0);
}

static void what_cannot_be_written_is_left_out(void **state) {
        char long_name[8192];
        World *w = *state;

        put(w->node, REST "network: {listen_addresses: [/ip4/0.0.0.0/tcp/0]}\n"
                          "proxies: {good: {peer: home, service: ssh, listen: \"127.0.0.1:2222\"}}\n");
        memset(long_name, 'x', sizeof(long_name));
        long_name[sizeof(long_name) - 1] = '\0';
        assert_int_equal(unit_file_write(w->out, long_name, ""), -ENAMETOOLONG);
        assert_int_equal(unit_drop_in_write(w->out, long_name, ""), -ENAMETOOLONG);
        assert_int_equal(unit_file_write("/dev", "full", "text"), -EEXIST);
        w->paths.directory = "/nonexistent";
        assert_int_equal(generator_run_node(&w->paths), 0);
        assert_int_equal(generator_run_relay(&w->paths), 0);
}

static void a_thousand_proxies_have_units(void **state) {
        World *w = *state;
        FILE *f = fopen(w->node, "we");

        assert_non_null(f);
        assert_true(fputs(REST "network: {listen_addresses: [/ip4/0.0.0.0/tcp/0]}\nproxies:\n", f) >= 0);
        for (unsigned i = 0; i < 1026; i++)
                assert_true(fprintf(f, "  p%u: {peer: home, service: ssh, listen: \"127.0.0.1:%u\"}\n", i,
                                    10000 + i) > 0);
        assert_int_equal(fclose(f), 0);
        assert_int_equal(generator_run_node(&w->paths), 1024);
        assert_int_equal(count(w), 2 * 1024);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(proxies_become_drop_ins),
                T(an_entry_that_may_not_stand_in_a_unit_is_left_out),
                T(fixed_ports_become_sockets),
                T(a_first_start_has_the_ports_of_the_default),
                T(ports_that_changed_are_told_by_the_mark),
                T(a_mark_that_is_the_ports_changes_nothing),
                T(a_wrong_config_makes_nothing),
                T(what_cannot_be_written_is_left_out),
                T(a_thousand_proxies_have_units),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
