/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The pager is a child that reads standard output from a pipe. Its less runs with FRSXMK, as systemd's: it
 * leaves the screen alone when all fits, and passes colours; LESSSECURE keeps it from starting programs.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/output.h"

static pid_t pager;

static const char *pager_command(void) {
        const char *command = getenv("PEERUP_PAGER");

        if (!command)
                command = getenv("PAGER");
        return command ? command : "less";
}

static void pager_run(const char *command, int in) __attribute__((noreturn));
static void pager_run(const char *command, int in) {
        (void) dup2(in, STDIN_FILENO);
        (void) prctl(PR_SET_PDEATHSIG, SIGTERM);
        (void) signal(SIGPIPE, SIG_DFL);
        (void) setenv("LESS", "FRSXMK", 0);
        (void) setenv("LESSCHARSET", "utf-8", 0);
        (void) setenv("LESSSECURE", "1", 1);
        (void) execl("/bin/sh", "sh", "-c", command, NULL);
        _exit(127);
}

void pager_open(const Options *options) {
        const char *command = pager_command();
        int fds[2];

        if (pager > 0 || options->no_pager || options->json != JSON_FORMAT_OFF || !stdout_is_terminal() ||
            !*command || strcmp(command, "cat") == 0)
                return;
        (void) colours_wanted(); /* while standard output is the terminal */
        if (pipe2(fds, O_CLOEXEC) < 0)
                return;
        fflush(stdout);
        pager = fork();
        if (pager == 0)
                pager_run(command, fds[0]);
        if (pager > 0)
                (void) dup2(fds[1], STDOUT_FILENO);
        close(fds[0]);
        close(fds[1]);
}

void pager_close(void) {
        if (pager <= 0)
                return;
        fflush(stdout);
        close(STDOUT_FILENO);
        (void) kill(pager, SIGCONT);
        while (waitpid(pager, NULL, 0) < 0 && errno == EINTR)
                ;
        pager = 0;
}
