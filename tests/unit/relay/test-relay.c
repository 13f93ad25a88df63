/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* A relay with its files in a directory of its own, and two nodes: who may use it, and how soon a change
 * counts. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "host/host-internal.h"
#include "relay/relay.h"
#include "service/atomic-file.h"
#include "service/journal.h"
#include "tests/support/node.h"

typedef struct world {
        p2p_loop *loop;
        char dir[64], config[96], keys[96];
        Relay *relay;
        node home, laptop;
        p2p_reservation *reservation;
        p2p_conn *conn;
        bool done;
        int error;
} world;

static void write_file(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        assert_non_null(f);
        assert_int_equal(fchmod(fileno(f), 0600), 0);
        assert_true(fputs(text, f) >= 0);
        assert_int_equal(fclose(f), 0);
}

static void allow(world *w, const node *n, const char *attributes) {
        char id[P2P_PEER_ID_TEXT_MAX];
        FILE *f = fopen(w->keys, "ae");

        assert_non_null(f);
        fprintf(f, "%s  %s  # test\n", p2p_peer_id_format(node_id(n), id), attributes);
        assert_int_equal(fclose(f), 0);
}

/* The relay listens on loopback, where it is told to. */
static void introduce(world *w, node *n) {
        assert_int_equal(p2p_host_add_addr(n->host, p2p_host_peer_id(w->relay->host),
                                           p2p_host_listen_addr(w->relay->host, 0), USEC_INFINITY),
                         0);
}

static void start_relay(world *w, const char *more) {
        char text[512];

        (void) snprintf(
                text, sizeof(text),
                "identity:\n  key_file: k.key\nnetwork:\n  listen_addresses: [/ip4/127.0.0.1/tcp/0]\n"
                "security:\n  authorized_keys_file: keys\n  enable_connection_gating: true\n%s",
                more);
        write_file(w->config, text);
        assert_int_equal(relay_new(w->loop, w->config, &w->relay), 0);
        introduce(w, &w->home);
        introduce(w, &w->laptop);
}

static int setup(void **state) {
        world *w = calloc(1, sizeof(*w));

        assert_non_null(w);
        strcpy(w->dir, "/tmp/test-relay-XXXXXX");
        assert_non_null(mkdtemp(w->dir));
        (void) snprintf(w->config, sizeof(w->config), "%s/relay-server.yaml", w->dir);
        (void) snprintf(w->keys, sizeof(w->keys), "%s/keys", w->dir);
        assert_int_equal(p2p_loop_new(&w->loop), 0);
        node_start(&w->home, w->loop, 1, &(node_options){ .silent = true });
        node_start(&w->laptop, w->loop, 2, &(node_options){ .silent = true });
        *state = w;
        return 0;
}

static int teardown(void **state) {
        char command[128];
        world *w = *state;

        p2p_reservation_free(w->reservation);
        node_stop(&w->home);
        node_stop(&w->laptop);
        relay_free(w->relay);
        p2p_loop_free(w->loop);
        (void) snprintf(command, sizeof(command), "rm -rf %s", w->dir);
        assert_int_equal(system(command), 0);
        free(w);
        return 0;
}

static bool is_active(void *userdata) {
        return p2p_reservation_state_of(((world *) userdata)->reservation) == P2P_RESERVATION_ACTIVE;
}

static bool is_refused(void *userdata) {
        world *w = userdata;

        return p2p_reservation_state_of(w->reservation) == P2P_RESERVATION_WAITING;
}

static bool is_done(void *userdata) {
        return ((world *) userdata)->done;
}

static bool nobody_reserves(void *userdata) {
        return p2p_hop_n_reservations(((world *) userdata)->relay->hop) == 0;
}

static bool home_lost_it(void *userdata) {
        return ((world *) userdata)->home.n_closed > 0;
}

static void reserve(world *w) {
        assert_int_equal(p2p_reservation_new(w->home.circuit, p2p_host_peer_id(w->relay->host), NULL, NULL,
                                             &w->reservation),
                         0);
}

static void on_dialled(p2p_conn *conn, int error, void *userdata) {
        world *w = userdata;

        w->conn = conn;
        w->error = error;
        w->done = true;
}

static void dial_home(world *w) {
        p2p_addr *circuit;
        p2p_dial *dial;

        assert_int_equal(p2p_addr_make_circuit(p2p_host_listen_addr(w->relay->host, 0),
                                               p2p_host_peer_id(w->relay->host), &circuit),
                         0);
        assert_int_equal(p2p_host_add_addr(w->laptop.host, node_id(&w->home), circuit, USEC_INFINITY), 0);
        p2p_addr_free(circuit);
        w->done = false;
        assert_int_equal(
                p2p_dial_new(w->laptop.host, node_id(&w->home), 5 * USEC_PER_SEC, on_dialled, w, &dial), 0);
        assert_true(loop_until(w->loop, is_done, w));
}

static void those_in_the_file_meet(void **state) {
        world *w = *state;

        allow(w, &w->home, "");
        allow(w, &w->laptop, "");
        start_relay(w, "");
        reserve(w);
        assert_true(loop_until(w->loop, is_active, w));
        dial_home(w);
        assert_int_equal(w->error, 0);
        assert_true(p2p_conn_is_circuit(w->conn));
}

static void a_stranger_is_told_that_it_is_one(void **state) {
        world *w = *state;

        allow(w, &w->laptop, "");
        start_relay(w, "");
        reserve(w);
        assert_true(loop_until(w->loop, home_lost_it, w));
        assert_int_equal(w->home.close_code, P2P_CONN_GATED);
        assert_true(loop_until(w->loop, is_refused, w));
        assert_int_equal(p2p_reservation_error(w->reservation), -EKEYREJECTED);
        assert_true(nobody_reserves(w));
}

static void no_file_is_nobody(void **state) {
        world *w = *state;

        start_relay(w, "");
        reserve(w);
        assert_true(loop_until(w->loop, home_lost_it, w));
        assert_int_equal(w->home.close_code, P2P_CONN_GATED);
}

static void a_removed_line_cuts_off_at_once(void **state) {
        struct timespec before, after;
        world *w = *state;

        allow(w, &w->home, "");
        start_relay(w, "");
        reserve(w);
        assert_true(loop_until(w->loop, is_active, w));
        clock_gettime(CLOCK_MONOTONIC, &before);
        write_file(w->keys, "# nobody\n"); /* in place, as an editor may */
        assert_true(loop_until(w->loop, nobody_reserves, w));
        assert_true(loop_until(w->loop, home_lost_it, w));
        clock_gettime(CLOCK_MONOTONIC, &after);
        assert_true((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000 <
                    1000);
        assert_int_equal(w->home.close_code, P2P_CONN_GATED);
}

/* ---- what is recorded ---- */
static int open_journal(world *w) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd;

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s/journal", w->dir);
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_true(fd >= 0);
        assert_int_equal(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(journal_open_socket("peerup-relay", "relay", address.sun_path, NULL), 0);
        return fd;
}

/* How many records about this peer have this text. */
static unsigned count_records(int fd, const p2p_peer_id *peer, const char *text) {
        char record[8192], id[P2P_PEER_ID_TEXT_MAX];
        unsigned n = 0;
        ssize_t k;

        (void) p2p_peer_id_format(peer, id);
        while ((k = recv(fd, record, sizeof(record) - 1, 0)) >= 0) {
                record[k] = '\0';
                n += strstr(record, id) && strstr(record, text);
        }
        return n;
}

/* Once, as what it is: nobody was refused. */
static void a_removal_is_recorded_once(void **state) {
        world *w = *state;
        int fd = open_journal(w);

        allow(w, &w->home, "");
        start_relay(w, "");
        assert_int_equal(relay_deauthorize(w->relay, node_id(&w->home)), 0);
        assert_int_equal(count_records(fd, node_id(&w->home), "PEERUP_ACTION=remove\nPEERUP_SOURCE=api\n"),
                         1);
        assert_int_equal(relay_deauthorize(w->relay, node_id(&w->home)), -ENOENT);
        assert_int_equal(count_records(fd, node_id(&w->home), ""), 0);

        allow(w, &w->laptop, "");
        assert_int_equal(relay_reload_keys(w->relay), 0);
        write_file(w->keys, "# nobody\n");
        assert_int_equal(relay_reload_keys(w->relay), 0);
        assert_int_equal(
                count_records(fd, node_id(&w->laptop), "PEERUP_ACTION=remove\nPEERUP_SOURCE=file\n"), 1);

        allow(w, &w->laptop, "");
        assert_int_equal(relay_reload_keys(w->relay), 0);
        write_file(w->keys, "# nobody\n");
        assert_int_equal(relay_reload_keys(w->relay), 0);
        assert_int_equal(count_records(fd, node_id(&w->laptop), "PEERUP_RESULT=deny"), 0);
        journal_close();
        close(fd);
}

static void an_expiry_in_the_file_is_enforced(void **state) {
        char attribute[48], when[RFC3339_TEXT_MAX];
        world *w = *state;

        (void) snprintf(attribute, sizeof(attribute), "expires=%s",
                        rfc3339_format((uint64_t) (time(NULL) + 2) * USEC_PER_SEC, when));
        allow(w, &w->home, attribute);
        start_relay(w, "");
        reserve(w);
        assert_true(loop_until(w->loop, is_active, w));
        assert_true(loop_until(w->loop, nobody_reserves, w));
}

static void the_file_s_limits_are_the_service_s(void **state) {
        uint32_t duration;
        uint64_t data;
        world *w = *state;

        allow(w, &w->home, "");
        start_relay(
                w,
                "resources:\n  session_duration: 90s\n  session_data_limit: 3MB\n  reservation_ttl: 5m\n");
        reserve(w);
        assert_true(loop_until(w->loop, is_active, w));
        p2p_reservation_limit(w->reservation, &duration, &data);
        assert_int_equal(duration, 90);
        assert_int_equal(data, 3 << 20);
        assert_in_range(p2p_reservation_expires(w->reservation), time(NULL) + 290, time(NULL) + 301);
}

typedef struct burst {
        p2p_channel *streams[140];
        unsigned n_alive;
} burst;

static bool some_are_reset(void *userdata) {
        burst *b = userdata;

        b->n_alive = 0;
        for (unsigned i = 0; i < ELEMENTSOF(b->streams); i++)
                b->n_alive += p2p_channel_reset_code(b->streams[i]) == P2P_STREAM_NO_ERROR;
        return b->n_alive < ELEMENTSOF(b->streams);
}

/* go-libp2p has 128 for hop; ours come on top of the circuits. Identify may have some for a moment. */
static void a_peer_has_128_streams_beside_its_circuits(void **state) {
        world *w = *state;
        p2p_dial *dial;
        burst b = {};

        allow(w, &w->home, "");
        start_relay(w, "resources: {max_circuits: 4}\n");
        assert_int_equal(p2p_dial_new(w->home.host, p2p_host_peer_id(w->relay->host), 5 * USEC_PER_SEC,
                                      on_dialled, w, &dial),
                         0);
        assert_true(loop_until(w->loop, is_done, w));
        assert_int_equal(w->error, 0);
        for (unsigned i = 0; i < ELEMENTSOF(b.streams); i++) {
                assert_int_equal(w->conn->session->ops->open(w->conn->session, &b.streams[i]), 0);
                assert_int_equal(p2p_channel_write(b.streams[i], "\x13", 1), 1);
        }
        assert_true(loop_until(w->loop, some_are_reset, &b));
        for (unsigned i = 0; i < 20; i++)
                (void) p2p_loop_turn(w->loop, USEC_PER_MSEC);
        (void) some_are_reset(&b);
        assert_in_range(b.n_alive, 128, 128 + 4);
        for (unsigned i = 0; i < ELEMENTSOF(b.streams); i++)
                p2p_channel_free(b.streams[i]);
}

static void a_first_start_makes_what_it_needs(void **state) {
        struct stat st;
        char key[96];
        world *w = *state;
        Relay *relay;

        /* The default listens on port 7777 of every address: in use here, perhaps. Only the files matter. */
        if (relay_new(w->loop, w->config, &relay) >= 0)
                relay_free(relay);
        assert_int_equal(stat(w->config, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        (void) snprintf(key, sizeof(key), "%s/relay_node.key", w->dir);
        assert_int_equal(stat(key, &st), 0);
        assert_int_equal(st.st_mode & 0777, 0600);
        assert_int_equal(st.st_size, 68);
}

static void a_port_in_use_is_fatal(void **state) {
        char text[512], addr[P2P_ADDR_TEXT_MAX];
        Relay *second = NULL;
        world *w = *state;

        start_relay(w, "");
        (void) snprintf(text, sizeof(text),
                        "identity:\n  key_file: other.key\nnetwork:\n  listen_addresses: [%s]\n",
                        p2p_addr_format(p2p_host_listen_addr(w->relay->host, 0), addr));
        write_file(w->config, text);
        assert_int_equal(relay_new(w->loop, w->config, &second), -EADDRINUSE);
        assert_null(second);
}

int main(void) {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        static const struct CMUnitTest tests[] = {
                T(those_in_the_file_meet),
                T(a_stranger_is_told_that_it_is_one),
                T(no_file_is_nobody),
                T(a_removed_line_cuts_off_at_once),
                T(a_removal_is_recorded_once),
                T(an_expiry_in_the_file_is_enforced),
                T(the_file_s_limits_are_the_service_s),
                T(a_peer_has_128_streams_beside_its_circuits),
                T(a_first_start_makes_what_it_needs),
                T(a_port_in_use_is_fatal),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
