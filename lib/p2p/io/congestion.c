/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * bbr takes the highest rate of the last ten round trips for the path's, and paces by a timer. Where a round
 * trip is 50 us, ten of them are shorter than one pause that the scheduler makes: what it saw of such a
 * pause becomes the rate of the path, and between two segments it then waits 10 ms [measured: on a LAN 2.2
 * Gbit/s instead of 3.5, and a keystroke behind a copy 15 ms instead of 5]. So on short paths we take one
 * that waits for acknowledgements only.
 *
 * Pacing, once begun, stays with a socket. So it begins without, and gets what the system prefers when the
 * handshake has told that the path is long. Where the system prefers another algorithm nothing is touched.
 * There is no memory of what was deferred: a listener that PID 1 keeps over our restarts has none either.
 */

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <p2p/congestion.h>
#include <p2p/macro.h>

#define NAME_MAX_SIZE 16u /* TCP_CA_NAME_MAX of the kernel, with its NUL */

static bool get_name(int fd, char ret[static NAME_MAX_SIZE]) {
        char name[NAME_MAX_SIZE] = "";
        socklen_t n = sizeof(name) - 1;

        if (getsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, &n) < 0)
                return false;
        memcpy(ret, name, sizeof(name));
        return true;
}

static bool set_name(int fd, const char *name) {
        return setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, name, (socklen_t) strlen(name)) >= 0;
}

static bool is_model(const char *name) {
        return strncmp(name, "bbr", 3) == 0; /* and bbr2, bbr3 */
}

static const char *const plain[] = { "cubic", "reno" }; /* the latter is open to everybody */

static bool is_plain(const char *name) {
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (strcmp(name, plain[i]) == 0)
                        return true;
        return false;
}

void p2p_congestion_defer(int fd) {
        char name[NAME_MAX_SIZE];

        if (!get_name(fd, name) || !is_model(name))
                return;
        for (size_t i = 0; i < ELEMENTSOF(plain); i++)
                if (set_name(fd, plain[i]))
                        return;
}

/* What a socket has that nobody has touched. */
static bool get_default(char ret[static NAME_MAX_SIZE]) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        bool ok;

        if (fd < 0)
                fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd < 0)
                return false;
        ok = get_name(fd, ret);
        close(fd);
        return ok;
}

void p2p_congestion_settle_rtt(int fd, uint64_t rtt_usec) {
        char name[NAME_MAX_SIZE], preferred[NAME_MAX_SIZE];

        if (rtt_usec < P2P_CONGESTION_SHORT_USEC || !get_name(fd, name) || !is_plain(name))
                return;
        if (get_default(preferred) && is_model(preferred))
                (void) set_name(fd, preferred);
}

void p2p_congestion_settle(int fd) {
        struct tcp_info info = {};
        socklen_t n = sizeof(info);

        if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &n) >= 0)
                p2p_congestion_settle_rtt(fd, info.tcpi_rtt);
}
