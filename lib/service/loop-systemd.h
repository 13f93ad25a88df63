/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * The main loop of a program: a p2p_loop and an sd_event in one thread. Each turn serves the sd_event until
 * it has nothing left to prepare or dispatch, then turns the p2p_loop once, which also waits for the
 * sd_event's fd. Callbacks of either start on an empty stack.
 *
 * SIGTERM and SIGINT end it, SIGHUP asks for a reload; SIGPIPE is ignored. READY, STATUS, RELOADING and
 * STOPPING go to systemd where it asked (NOTIFY_SOCKET), the watchdog is fed from a timer of the p2p_loop,
 * at most every 30 s unless WatchdogSec= is shorter than a minute.
 */

#include <systemd/sd-bus.h>
#include <systemd/sd-event.h>

#include <p2p/loop.h>
#include <p2p/macro.h>

typedef struct MainLoop MainLoop;

/* Blocks the three signals in this thread. */
int main_loop_new(MainLoop **ret);
MainLoop *main_loop_free(MainLoop *loop);
P2P_CLEANUP(MainLoop, main_loop_free);

p2p_loop *main_loop_p2p(MainLoop *loop);   /* borrowed */
sd_event *main_loop_event(MainLoop *loop); /* borrowed */

/* SIGHUP: runs between RELOADING=1 and READY=1, which are sent for it. */
void main_loop_on_reload(MainLoop *loop, void (*reload)(void *userdata), void *userdata);
/* SIGTERM, SIGINT: runs before the loop ends, on an empty stack. Without it, or if it returns 0, the loop
 * exits with 0 at once; 1: the program calls main_loop_exit() itself when it has said goodbye. */
void main_loop_on_stop(MainLoop *loop, int (*stop)(void *userdata), void *userdata);

/* sd-bus on the sd_event. The bus stays the caller's. Without it nobody can reach the program, and what
 * callers held is gone: its end is logged and exits the loop with EXIT_FAILURE, to start anew. */
int main_loop_attach_bus(MainLoop *loop, sd_bus *bus);

/* One turn, waiting at most so long; main_loop_run() is made of these. 0, or 1 once main_loop_exit() was
 * called. */
int main_loop_turn(MainLoop *loop, uint64_t timeout_usec);
/* Until main_loop_exit(): its code, or a negative errno. */
int main_loop_run(MainLoop *loop);
void main_loop_exit(MainLoop *loop, int code);

/* READY=1, once; arms the watchdog. */
void main_loop_ready(MainLoop *loop);
/* STATUS=, sent only when the text changes. */
void main_loop_status(MainLoop *loop, const char *format, ...) _printf_(2, 3);
