/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * ping: one Manager.Ping after another, so that every call is short and Ctrl-C ends it at once. A peer that
 * does not answer is a lost ping; anything else that is wrong ends the run. The interval runs from one start
 * to the next.
 */

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "cli/ping-stats.h"
#include "cli/reply.h"
#include "cli/when.h"
#include "service/bus-names.h"

#define PING_TIMEOUT (40 * USEC_PER_SEC) /* the daemon gives up after 30 */

typedef struct Run {
        Context *context;
        const char *peer;
        sd_event *event;
        sd_event_source *timer;
        sd_bus_slot *call;
        uint64_t started; /* of the current ping */
        PingStats stats;
        json_t *results;
} Run;

static int run_end(Run *run, int code) {
        return sd_event_exit(run->event, code);
}

static void record(Run *run, uint64_t rtt, const char *path, const char *error) {
        char text[WHEN_TEXT_MAX];
        json_t *result;

        ping_stats_add(&run->stats, error ? PING_LOST : rtt);
        if (run->context->options->json == JSON_FORMAT_OFF) {
                if (error)
                        printf("seq=%" PRIu64 " lost: %s\n", run->stats.sent, error);
                else
                        printf("seq=%" PRIu64 " time=%s path=%s\n", run->stats.sent, rtt_format(rtt, text),
                               path);
                fflush(stdout);
                return;
        }
        result = json_pack("{sI sI ss ss}", "seq", (json_int_t) run->stats.sent, "rtt_usec",
                           (json_int_t) rtt, "path", path, "error", error ? error : "");
        (void) json_array_append_new(run->results, result);
}

/* An error that is the peer's or the path's: a ping that got lost. */
static bool is_loss(const sd_bus_error *e) {
        return sd_bus_error_has_name(e, BUS_ERROR_PEER_UNREACHABLE) ||
               sd_bus_error_has_name(e, BUS_ERROR_NOT_AUTHORIZED_THERE) ||
               sd_bus_error_has_name(e, BUS_ERROR_SERVICE_REFUSED) ||
               sd_bus_error_has_name(e, SD_BUS_ERROR_TIMEOUT) ||
               sd_bus_error_has_name(e, SD_BUS_ERROR_LIMITS_EXCEEDED);
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const sd_bus_error *e = sd_bus_message_get_error(m);
        const char *id, *path;
        Run *run = userdata;
        uint64_t rtt, now;
        int r;

        (void) ret_error;
        run->call = sd_bus_slot_unref(run->call);
        if (e && !is_loss(e))
                return run_end(run, remote_explain(&remote_daemon, e, -sd_bus_message_get_errno(m)));
        if (e) {
                char *shown = text_printable(e->message ? e->message : "");

                record(run, 0, "", shown ? shown : "?");
                free(shown);
        } else {
                r = sd_bus_message_read(m, "sts", &id, &rtt, &path);
                if (r < 0)
                        return run_end(
                                run, complain(r, "cannot read the answer of the daemon: %s", strerror(-r)));
                record(run, rtt, path, NULL);
        }
        if (run->context->options->count && run->stats.sent >= run->context->options->count)
                return run_end(run, 0);
        (void) sd_event_now(run->event, CLOCK_MONOTONIC, &now);
        (void) sd_event_source_set_time(run->timer,
                                        P2P_MAX(now, run->started + run->context->options->interval));
        return sd_event_source_set_enabled(run->timer, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        Run *run = userdata;
        int r;

        (void) source, (void) usec;
        (void) sd_event_now(run->event, CLOCK_MONOTONIC, &run->started);
        r = remote_message(run->context, &remote_daemon, "Ping", &m);
        if (r < 0)
                return run_end(run, r);
        r = sd_bus_message_append(m, "s", run->peer);
        if (r >= 0)
                r = sd_bus_call_async(run->context->bus, &run->call, m, on_answer, run, PING_TIMEOUT);
        if (r < 0)
                return run_end(run, remote_message_failed(r));
        return 0;
}

static int on_signal(sd_event_source *source, const struct signalfd_siginfo *info, void *userdata) {
        (void) source, (void) info;
        return run_end(userdata, 0);
}

static int run_prepare(Run *run) {
        sigset_t signals;
        int r;

        (void) sigemptyset(&signals);
        (void) sigaddset(&signals, SIGINT);
        (void) sigaddset(&signals, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &signals, NULL);
        r = sd_event_new(&run->event);
        if (r >= 0)
                r = sd_event_add_signal(run->event, NULL, SIGINT, on_signal, run);
        if (r >= 0)
                r = sd_event_add_signal(run->event, NULL, SIGTERM, on_signal, run);
        if (r >= 0)
                r = sd_event_add_time(run->event, &run->timer, CLOCK_MONOTONIC, 0, 1, on_timer, run);
        if (r >= 0)
                r = sd_bus_attach_event(run->context->bus, run->event, SD_EVENT_PRIORITY_NORMAL);
        return r;
}

static int run_report(const Run *run) {
        _cleanup_(json_decrefp) json_t *all = NULL;
        char text[PING_STATS_TEXT_MAX];

        if (run->context->options->json == JSON_FORMAT_OFF) {
                printf("\n--- %s ping statistics ---\n%s\n", run->peer,
                       ping_stats_format(&run->stats, text));
                return 0;
        }
        all = json_pack("{sO so}", "results", run->results, "stats", ping_stats_json(&run->stats));
        return all ? json_print(all, run->context->options) : complain(-ENOMEM, "out of memory");
}

static int run_all(Run *run) {
        int r;

        r = run_prepare(run);
        if (r < 0)
                return complain(r, "cannot wait for events: %s", strerror(-r));
        r = sd_event_loop(run->event);
        if (r < 0)
                return r; /* told where it happened */
        r = run_report(run);
        if (r < 0)
                return r;
        return run->stats.answered == 0; /* as ping(8): exit status 1 */
}

int verb_ping(Context *context) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        Run run = { .context = context, .peer = context->args[0], .results = json_array() };
        const char *id;
        int r;

        r = remote_call(context, &remote_daemon, &reply, "Resolve", "s", run.peer);
        if (r >= 0) {
                r = sd_bus_message_read(reply, "s", &id);
                if (r >= 0 && context->options->json == JSON_FORMAT_OFF)
                        printf("PING %s (%s)\n", run.peer, id);
                r = run_all(&run);
        }
        sd_bus_slot_unref(run.call);
        sd_event_source_unref(run.timer);
        if (context->bus)
                (void) sd_bus_detach_event(context->bus);
        sd_event_unref(run.event);
        json_decref(run.results);
        return r;
}
