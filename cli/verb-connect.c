/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * connect: joins standard input and output to a service of a peer, as for ssh's ProxyCommand. The daemon
 * gives the socket, and tells us, once the tunnel is closed, whether it ended in order: a socket alone
 * cannot say that a reset was one.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/agent.h"
#include "cli/output.h"
#include "cli/pump.h"
#include "cli/reply.h"
#include "service/bus-names.h"

#define VERDICT_WAIT (5 * USEC_PER_SEC) /* arbitrary; it comes with the end of the socket */

typedef struct Verdict {
        bool told;
        char *error; /* "" after an ordinary end */
} Verdict;

static int on_tunnel_closed(sd_bus_message *m, void *userdata, sd_bus_error *ret_error) {
        const char *peer, *service, *error;
        Verdict *verdict = userdata;
        uint64_t tunnel;

        (void) ret_error;
        if (verdict->told || sd_bus_message_read(m, "tsss", &tunnel, &peer, &service, &error) < 0)
                return 0;
        verdict->error = strdup(error);
        verdict->told = true;
        return 0;
}

/* The socket, ours to close. */
static int open_stream(Context *context, int *ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        int r, fd;

        r = remote_call(context, &remote_daemon, &reply, "OpenStream", "ss", context->args[0],
                        context->args[1]);
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "h", &fd);
        if (r < 0)
                return complain(r, "cannot read the answer of the daemon: %s", strerror(-r));
        fd = fcntl(fd, F_DUPFD_CLOEXEC, 3);
        if (fd < 0)
                return complain(-errno, "cannot keep the socket: %s", strerror(errno));
        *ret = fd;
        return 0;
}

static uint64_t monotonic(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * USEC_PER_SEC + (uint64_t) now.tv_nsec / 1000;
}

/* Until the daemon has told, has left, or takes too long. */
static void wait_for_verdict(Context *context, const Verdict *verdict) {
        uint64_t now = monotonic(), end = now + VERDICT_WAIT;
        int r;

        while (!verdict->told && now < end) {
                r = sd_bus_process(context->bus, NULL);
                if (r == 0) {
                        if (remote_is_running(context, &remote_daemon) == 0)
                                return;
                        r = sd_bus_wait(context->bus, end - now);
                }
                if (r < 0 && r != -EINTR)
                        return;
                now = monotonic();
        }
}

static int tell_end(const Verdict *verdict, int error) {
        sd_bus_error e = SD_BUS_ERROR_MAKE_CONST(SD_BUS_ERROR_FAILED, verdict->error);

        if (error == -EPIPE && verdict->told && !*verdict->error)
                return complain(error, "the far side ended the connection before it had read everything");
        if (error < 0 && (!verdict->told || !*verdict->error))
                return complain(error, "the connection broke: %s", strerror(-error));
        if (!verdict->told)
                return complain(-ECONNRESET,
                                "the daemon went away in the middle\nSee: systemctl status peerup");
        if (*verdict->error && !strstr(verdict->error, "; ")) /* it ran, and then: */
                return complain(-ECONNRESET, "the connection broke: %s", verdict->error);
        if (*verdict->error)
                return remote_explain(&remote_daemon, &e, -ECONNRESET);
        return 0;
}

int verb_connect(Context *context) {
        Verdict verdict = {};
        int r, fd = -1;

        agent_disable(); /* standard input is the service's */
        r = context_connect(context);
        if (r < 0)
                return r;
        r = sd_bus_match_signal(context->bus, NULL, BUS_DAEMON_NAME, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE,
                                "TunnelClosed", on_tunnel_closed, &verdict);
        if (r < 0)
                return complain(r, "cannot listen on the bus: %s", strerror(-r));
        r = open_stream(context, &fd);
        if (r < 0)
                return r;
        r = pump_run(STDIN_FILENO, STDOUT_FILENO, fd);
        close(fd);
        wait_for_verdict(context, &verdict);
        r = tell_end(&verdict, r);
        free(verdict.error);
        return r;
}
