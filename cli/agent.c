/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * pkttyagent(1) as a child. It closes its --notify-fd when polkit knows of it; before that a call would be
 * refused for want of an agent. Without the program calls are made all the same, and polkit decides.
 */

#include "cli/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define AGENT_PATH      "/usr/bin/pkttyagent"
#define AGENT_WAIT_MSEC 5000

static pid_t agent;
static bool disabled;

static void agent_run(int notify) __attribute__((noreturn));
static void agent_run(int notify) {
        char number[16];

        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void) fcntl(notify, F_SETFD, 0);
        (void) snprintf(number, sizeof(number), "%d", notify);
        (void) dup2(STDERR_FILENO, STDOUT_FILENO);
        (void) execl(AGENT_PATH, AGENT_PATH, "--notify-fd", number, "--fallback", NULL);
        _exit(127);
}

void agent_open(void) {
        struct pollfd p;
        int fds[2];

        if (disabled || agent > 0 || geteuid() == 0 || !isatty(STDIN_FILENO) || access(AGENT_PATH, X_OK) < 0)
                return;
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        agent = fork();
        if (agent == 0)
                agent_run(fds[1]);
        close(fds[1]);
        p = (struct pollfd){ .fd = fds[0], .events = POLLIN };
        while (agent > 0 && poll(&p, 1, AGENT_WAIT_MSEC) < 0 && errno == EINTR)
                ;
        close(fds[0]);
}

void agent_disable(void) {
        disabled = true;
}

void agent_close(void) {
        if (agent <= 0)
                return;
        (void) kill(agent, SIGTERM);
        (void) kill(agent, SIGCONT);
        while (waitpid(agent, NULL, 0) < 0 && errno == EINTR)
                ;
        agent = 0;
}
