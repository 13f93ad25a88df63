/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* sd_event and p2p_loop in one thread: deferred work of either is never left lying, signals and sd_notify
 * work, and an idle loop does not turn. File watches run on the same loop. */

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

#include "service/atomic-file.h"
#include "service/file-watch.h"
#include "service/loop-systemd.h"

static char directory[64], path[96];
static int receiver = -1;

static int set_up(void **state) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        char socket_path[sizeof(address.sun_path)];

        (void) state;
        strcpy(directory, "/tmp/peerup-test-XXXXXX");
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/file", directory);
        (void) snprintf(socket_path, sizeof(socket_path), "%s/notify", directory);
        strcpy(address.sun_path, socket_path);
        receiver = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        assert_int_equal(bind(receiver, (struct sockaddr *) &address, sizeof(address)), 0);
        assert_int_equal(setenv("NOTIFY_SOCKET", socket_path, 1), 0);
        unlink(path);
        return 0;
}

static int tear_down(void **state) {
        char name[112];

        (void) state;
        unsetenv("NOTIFY_SOCKET");
        close(receiver);
        unlink(path);
        (void) snprintf(name, sizeof(name), "%s/notify", directory);
        unlink(name);
        return rmdir(directory);
}

static const char *notified(void) {
        static char text[1024];
        ssize_t n = recv(receiver, text, sizeof(text) - 1, 0);

        text[n > 0 ? n : 0] = 0;
        return text;
}

/* Each side makes work for the other, by means that no fd tells. */
typedef struct Chain {
        MainLoop *loop;
        p2p_task task;
        unsigned steps;
} Chain;

static int on_deferred(sd_event_source *source, void *userdata) {
        Chain *chain = userdata;

        (void) source;
        p2p_task_post(&chain->task);
        return 0;
}

static void on_task(void *userdata) {
        Chain *chain = userdata;

        if (++chain->steps >= 1000)
                main_loop_exit(chain->loop, 7);
        else
                assert_int_equal(sd_event_add_defer(main_loop_event(chain->loop), NULL, on_deferred, chain),
                                 0);
}

static void work_of_either_loop_is_never_left_lying(void **state) {
        Chain chain = {};

        (void) state;
        assert_int_equal(main_loop_new(&chain.loop), 0);
        p2p_task_init(&chain.task, main_loop_p2p(chain.loop), on_task, &chain);
        p2p_task_post(&chain.task);
        assert_int_equal(main_loop_run(chain.loop), 7);
        assert_int_equal(chain.steps, 1000);
        main_loop_free(chain.loop);
}

/* A timer of sd_event wakes the p2p_loop, which waits without a limit of its own. */
static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        (void) source;
        (void) usec;
        main_loop_exit(userdata, 3);
        return 0;
}

static void a_timer_of_sd_event_wakes_the_wait(void **state) {
        MainLoop *loop;

        (void) state;
        assert_int_equal(main_loop_new(&loop), 0);
        assert_int_equal(sd_event_add_time_relative(main_loop_event(loop), NULL, CLOCK_MONOTONIC, 1000, 1,
                                                    on_timer, loop),
                         0);
        assert_int_equal(main_loop_run(loop), 3);
        main_loop_free(loop);
}

static int on_busy(sd_event_source *source, void *userdata) {
        (void) userdata;
        return sd_event_source_set_enabled(source, SD_EVENT_ON);
}

static void a_busy_bus_leaves_the_network_its_share(void **state) {
        sd_event_source *source = NULL;
        Chain chain = {};

        (void) state;
        assert_int_equal(main_loop_new(&chain.loop), 0);
        assert_int_equal(sd_event_add_defer(main_loop_event(chain.loop), &source, on_busy, NULL), 0);
        assert_int_equal(sd_event_source_set_enabled(source, SD_EVENT_ON), 0); /* ready for ever */
        p2p_task_init(&chain.task, main_loop_p2p(chain.loop), on_task, &chain);
        p2p_task_post(&chain.task);
        assert_int_equal(main_loop_turn(chain.loop, USEC_INFINITY), 0);
        assert_int_equal(chain.steps, 1);
        sd_event_source_unref(source);
        main_loop_free(chain.loop);
}

static void on_reload(void *userdata) {
        (*(unsigned *) userdata)++;
}

static int on_stop(void *userdata) {
        (*(unsigned *) userdata)++;
        return 1;
}

static void signals_and_notices_follow_each_other(void **state) {
        unsigned reloads = 0, stops = 0;
        MainLoop *loop;

        (void) state;
        assert_int_equal(setenv("WATCHDOG_USEC", "60000000", 1), 0);
        assert_int_equal(main_loop_new(&loop), 0);
        main_loop_on_reload(loop, on_reload, &reloads);
        main_loop_on_stop(loop, on_stop, &stops);
        main_loop_ready(loop);
        assert_string_equal(notified(), "WATCHDOG=1");
        assert_string_equal(notified(), "READY=1");
        main_loop_ready(loop);
        assert_string_equal(notified(), "");
        main_loop_status(loop, "%u peers\n", 2);
        assert_string_equal(notified(), "STATUS=2 peers ");
        main_loop_status(loop, "%u peers\n", 2);
        assert_string_equal(notified(), "");

        assert_int_equal(raise(SIGHUP), 0);
        assert_int_equal(main_loop_turn(loop, 0), 0);
        assert_int_equal(reloads, 1);
        assert_int_equal(strncmp(notified(), "RELOADING=1\nMONOTONIC_USEC=", 27), 0);
        assert_string_equal(notified(), "READY=1");

        assert_int_equal(raise(SIGTERM), 0);
        assert_int_equal(main_loop_turn(loop, 0), 0); /* on_stop() wants to say goodbye first */
        assert_int_equal(stops, 1);
        assert_string_equal(notified(), "STOPPING=1");
        main_loop_exit(loop, 0);
        assert_int_equal(main_loop_turn(loop, 0), 1);
        main_loop_free(loop);
        unsetenv("WATCHDOG_USEC");
}

static void without_a_stop_function_sigint_ends_it(void **state) {
        MainLoop *loop;

        (void) state;
        assert_int_equal(main_loop_new(&loop), 0);
        assert_int_equal(raise(SIGINT), 0);
        assert_int_equal(main_loop_run(loop), 0);
        main_loop_free(loop);
}

/* ---- file watches, by a clock of our own ---- */
typedef struct Watched {
        p2p_loop *loop;
        FileWatch *watch;
        unsigned changes;
        bool free_in_callback;
} Watched;

static void on_changed(void *userdata) {
        Watched *w = userdata;

        w->changes++;
        if (w->free_in_callback)
                w->watch = file_watch_free(w->watch);
}

/* How many changes are told once things are quiet. */
static unsigned told(Watched *w) {
        unsigned before = w->changes;

        assert_int_equal(p2p_loop_settle(w->loop), 0);
        assert_int_equal(p2p_loop_advance(w->loop, FILE_WATCH_SETTLE_MAX), 0);
        return w->changes - before;
}

static void write_in_place(const char *text) {
        int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        assert_int_equal(write(fd, text, strlen(text)), (ssize_t) strlen(text));
        close(fd);
}

static void every_way_of_changing_a_file_is_told_once(void **state) {
        Watched w = {};
        char other[112];
        int fd;

        (void) state;
        (void) snprintf(other, sizeof(other), "%s/other", directory);
        assert_int_equal(p2p_loop_new_manual(&w.loop), 0);
        assert_int_equal(file_watch_new(w.loop, path, on_changed, &w, &w.watch), 0);
        assert_int_equal(told(&w), 0);
        write_in_place("made");
        assert_int_equal(told(&w), 1);
        write_in_place("written");
        assert_int_equal(told(&w), 1);
        assert_int_equal(file_replace(path, P2P_VIEW_STR("renamed"), 0600), 0);
        assert_int_equal(told(&w), 1);
        write_in_place("again"); /* into the new inode */
        assert_int_equal(told(&w), 1);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(told(&w), 1);
        fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);
        assert_int_equal(write(fd, "x", 1), 1); /* and stays open */
        assert_int_equal(told(&w), 1);
        close(fd);
        (void) told(&w);
        assert_int_equal(unlink(path), 0);
        assert_int_equal(told(&w), 1);
        fd = open(other, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        close(fd);
        assert_int_equal(told(&w), 0);
        unlink(other);
        file_watch_free(w.watch);
        p2p_loop_free(w.loop);
}

static void a_link_and_its_target_are_both_watched(void **state) {
        char targets[2][256], sub[2][112];
        Watched w = {};

        (void) state;
        for (unsigned i = 0; i < 2; i++) {
                (void) snprintf(sub[i], sizeof(sub[i]), "%s/d%u", directory, i);
                (void) snprintf(targets[i], sizeof(targets[i]), "%s/t", sub[i]);
                assert_int_equal(mkdir(sub[i], 0700), 0);
                assert_int_equal(file_create(targets[i], P2P_VIEW_STR("1"), 0600), 0);
        }
        assert_int_equal(symlink(targets[0], path), 0);
        assert_int_equal(p2p_loop_new_manual(&w.loop), 0);
        assert_int_equal(file_watch_new(w.loop, path, on_changed, &w, &w.watch), 0);
        assert_int_equal(file_replace(targets[0], P2P_VIEW_STR("2"), 0600), 0);
        assert_int_equal(told(&w), 1);
        assert_int_equal(file_replace(targets[1], P2P_VIEW_STR("2"), 0600), 0);
        assert_int_equal(told(&w), 0);
        unlink(path);
        assert_int_equal(symlink(targets[1], path), 0);
        assert_int_equal(told(&w), 1);
        assert_int_equal(file_replace(targets[1], P2P_VIEW_STR("3"), 0600), 0);
        assert_int_equal(told(&w), 1);
        assert_int_equal(file_replace(targets[0], P2P_VIEW_STR("3"), 0600), 0);
        assert_int_equal(told(&w), 0);
        w.free_in_callback = true;
        assert_int_equal(file_replace(targets[1], P2P_VIEW_STR("4"), 0600), 0);
        assert_int_equal(told(&w), 1);
        assert_null(w.watch);
        p2p_loop_free(w.loop);
        for (unsigned i = 0; i < 2; i++) {
                unlink(targets[i]);
                rmdir(sub[i]);
        }
}

static void a_writer_without_a_pause_is_told_about_all_the_same(void **state) {
        Watched w = {};
        unsigned i;

        (void) state;
        assert_int_equal(p2p_loop_new_manual(&w.loop), 0);
        assert_int_equal(file_watch_new(w.loop, path, on_changed, &w, &w.watch), 0);
        for (i = 0; i < 100 && w.changes == 0; i++) {
                write_in_place("x");
                assert_int_equal(p2p_loop_settle(w.loop), 0);
                assert_int_equal(p2p_loop_advance(w.loop, FILE_WATCH_SETTLE / 5), 0);
        }
        assert_true(i >= 20 && i <= 30); /* 250 ms in steps of 10 */
        file_watch_free(w.watch);
        p2p_loop_free(w.loop);
}

static void a_directory_that_returns_is_found_again(void **state) {
        char sub[112], file[128];
        Watched w = {};

        (void) state;
        (void) snprintf(sub, sizeof(sub), "%s/sub", directory);
        (void) snprintf(file, sizeof(file), "%s/f", sub);
        assert_int_equal(p2p_loop_new_manual(&w.loop), 0);
        assert_int_equal(file_watch_new(w.loop, file, on_changed, &w, &w.watch), -ENOENT);
        assert_int_equal(mkdir(sub, 0700), 0);
        assert_int_equal(file_watch_new(w.loop, file, on_changed, &w, &w.watch), 0);
        assert_int_equal(rmdir(sub), 0);
        assert_int_equal(told(&w), 1);
        assert_int_equal(mkdir(sub, 0700), 0);
        assert_int_equal(file_create(file, P2P_VIEW_STR("x"), 0600), 0);
        assert_int_equal(p2p_loop_advance(w.loop, 31 * USEC_PER_SEC), 0);
        assert_int_equal(w.changes, 2);
        assert_int_equal(file_replace(file, P2P_VIEW_STR("y"), 0600), 0);
        assert_int_equal(told(&w), 1);
        file_watch_free(w.watch);
        p2p_loop_free(w.loop);
        unlink(file);
        rmdir(sub);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(work_of_either_loop_is_never_left_lying),
                cmocka_unit_test(a_timer_of_sd_event_wakes_the_wait),
                cmocka_unit_test(a_busy_bus_leaves_the_network_its_share),
                cmocka_unit_test_setup_teardown(signals_and_notices_follow_each_other, set_up, tear_down),
                cmocka_unit_test_setup_teardown(without_a_stop_function_sigint_ends_it, set_up, tear_down),
                cmocka_unit_test_setup_teardown(every_way_of_changing_a_file_is_told_once, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_link_and_its_target_are_both_watched, set_up, tear_down),
                cmocka_unit_test_setup_teardown(a_writer_without_a_pause_is_told_about_all_the_same, set_up,
                                                tear_down),
                cmocka_unit_test_setup_teardown(a_directory_that_returns_is_found_again, set_up, tear_down),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
