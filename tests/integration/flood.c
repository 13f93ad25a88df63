/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The two sides of a flood, for tests/integration/flood. An attacker opens COUNT connections to 10.255.0.1 from as many /24 of
 * 10.0.0.0/8 as it is told, each of one kind, and keeps every socket until its standard input ends; a friend keeps one
 * connection and measures pings; a newcomer measures how long it takes to get in. One line of output per answer.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <p2p/host.h>
#include <p2p/identify.h>
#include <p2p/ping.h>

#include "host/upgrade.h"
#include "secure/secure.h"
#include "tests/support/memory.h"
#include "tests/support/plain-tls.h"
#include "transport/tcp.h"

#define IN_FLIGHT_MAX 256u
#define SHAKING_MAX 48u /* below the 64 of a prefix: it would drop its own */
#define NOISE_PROLOGUE "\x13/multistream/1.0.0\n\x07/noise\n"
#define TLS_PROLOGUE "\x13/multistream/1.0.0\n\x0b/tls/1.0.0\n"
#define WS_REQUEST                                                                              \
        "GET / HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"                \
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
#define MESSAGE_MAX 1024u
#define WINDOW 200u /* pings */

/* Half of a TLS hello, or of a WebSocket request, which the program can only keep; and a whole one, which it answers. That of
 * wss is TLS from the first byte on. */
typedef enum kind { SILENT, SELECT, NOISE, HALF_TLS, TLS, HALF_WS, WS, HALF_WSS, WSS, REFUSED, _KIND_MAX } kind;

static const char *const kinds[_KIND_MAX] = {
        "silent", "select", "noise", "half-tls", "tls", "half-ws", "ws", "half-wss", "wss", "refused",
};

static p2p_loop *loop;
static p2p_identity *identity;

static void die(const char *what, int r) {
        fprintf(stderr, "flood: %s: %s\n", what, strerror(-r));
        exit(1);
}

/* ---- attacker ---- */
typedef struct attempt {
        int fd;
        p2p_watch *watch;
        p2p_upgrade *upgrade;
        p2p_session *session;
} attempt;

static struct {
        kind kind;
        unsigned port, count, prefixes, started, in_flight, reached, failed;
        attempt *attempts;
        uint8_t hello[MESSAGE_MAX]; /* what GnuTLS says first, behind the choice of TLS */
        size_t n_hello;
} attack;

static void attempt_done(bool ok) {
        attack.in_flight--;
        attack.reached += ok;
        attack.failed += !ok;
}

static void on_upgraded(p2p_upgraded *up, const p2p_peer_id *peer _unused_, int error, void *userdata) {
        attempt *a = userdata;

        a->upgrade = NULL;
        if (error >= 0)
                a->session = up->session; /* kept: its GoAway stays unread, its socket open */
        attempt_done(error >= 0);
}

static void shake_hands(attempt *a) {
        p2p_upgrade_options options = { .identity = identity, .initiator = true, .timeout_usec = 20 * USEC_PER_SEC,
                                        .only = (a - attack.attempts) % 2 == 0 ? p2p_tls.protocol : p2p_noise.protocol,
                                        .yamux = { .streams_max = 1, .buffer_max = 1u << 20 } };
        p2p_channel *channel;
        int r;

        r = p2p_tcp_channel_new(loop, a->fd, &channel);
        if (r < 0)
                return attempt_done(false);
        a->fd = -1;
        r = p2p_upgrade_new(loop, channel, &options, on_upgraded, a, &a->upgrade);
        if (r < 0)
                attempt_done(false);
}

/* The same for all: whoever gets it cannot know. */
static void make_hello(void) {
        static const char *const names[] = { "/yamux/1.0.0", "libp2p", NULL };
        p2p_channel *near, *far;
        plain_tls tls;
        ssize_t k;

        if (p2p_memory_pair(loop, NULL, &near, &far) < 0)
                die("memory", -ENOMEM);
        plain_tls_init(&tls, near, &(plain_tls_options){ .is_client = true, .names = names });
        (void) plain_tls_handshake(&tls);
        attack.n_hello = sizeof(TLS_PROLOGUE) - 1;
        memcpy(attack.hello, TLS_PROLOGUE, attack.n_hello);
        k = p2p_channel_read(far, attack.hello + attack.n_hello, sizeof(attack.hello) - attack.n_hello);
        if (k <= 0 || attack.n_hello + (size_t) k == sizeof(attack.hello))
                die("hello", -EMSGSIZE);
        attack.n_hello += (size_t) k;
        plain_tls_done(&tls);
        p2p_channel_free(far);
}

static size_t copy(uint8_t message[static MESSAGE_MAX], const void *data, size_t n, bool half) {
        n = half ? n / 2 : n;
        memcpy(message, data, n);
        return n;
}

/* What an attacker of its kind says. */
static size_t make_message(uint8_t message[static MESSAGE_MAX]) {
        const size_t prologue = sizeof(TLS_PROLOGUE) - 1;
        size_t n = sizeof(NOISE_PROLOGUE) - 1;

        if (attack.kind == SILENT)
                return 0;
        if (attack.kind == TLS || attack.kind == HALF_TLS)
                return copy(message, attack.hello, attack.n_hello, attack.kind == HALF_TLS);
        if (attack.kind == WSS || attack.kind == HALF_WSS)
                return copy(message, attack.hello + prologue, attack.n_hello - prologue, attack.kind == HALF_WSS);
        if (attack.kind == WS || attack.kind == HALF_WS)
                return copy(message, WS_REQUEST, sizeof(WS_REQUEST) - 1, attack.kind == HALF_WS);
        memcpy(message, NOISE_PROLOGUE, n);
        if (attack.kind == SELECT)
                return n;
        message[n] = 0;
        message[n + 1] = 32;
        (void) !getrandom(message + n + 2, 32, 0);
        return n + 34;
}

static void on_connected(unsigned events _unused_, void *userdata) {
        attempt *a = userdata;
        uint8_t message[MESSAGE_MAX];
        int error = 0;
        socklen_t n_error = sizeof(error);

        a->watch = p2p_watch_free(a->watch);
        (void) getsockopt(a->fd, SOL_SOCKET, SO_ERROR, &error, &n_error);
        if (error != 0 && error != ECONNRESET) /* reset: it was taken, and had to make room already */
                return attempt_done(false);
        if (attack.kind == REFUSED)
                return shake_hands(a);
        if (attack.kind != SILENT)
                (void) send(a->fd, message, make_message(message), MSG_NOSIGNAL);
        attempt_done(true);
}

/* Prefix i is 10.(i / 250).(i % 250).0/24. */
static int start(unsigned i) {
        unsigned prefix = i % attack.prefixes, host = i / attack.prefixes % 250 + 1;
        struct sockaddr_in from = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(10u << 24 | prefix / 250 << 16 | prefix % 250 << 8 | host) };
        struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t) attack.port), .sin_addr.s_addr = htonl(0x0aff0001) };
        attempt *a = attack.attempts + i;
        const int one = 1;

        a->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (a->fd < 0 || setsockopt(a->fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof(one)) < 0 ||
            bind(a->fd, (struct sockaddr *) &from, sizeof(from)) < 0 ||
            (connect(a->fd, (struct sockaddr *) &to, sizeof(to)) < 0 && errno != EINPROGRESS))
                return -errno;
        return p2p_watch_new(loop, a->fd, P2P_WRITABLE, on_connected, a, &a->watch);
}

static int run_attack(char **args) {
        unsigned max;
        int r;

        for (; attack.kind < _KIND_MAX && strcmp(kinds[attack.kind], args[0]) != 0; attack.kind++)
                ;
        attack.port = (unsigned) atoi(args[1]);
        attack.count = (unsigned) atoi(args[2]);
        attack.prefixes = (unsigned) atoi(args[3]);
        attack.attempts = calloc(attack.count, sizeof(*attack.attempts));
        if (!attack.attempts || attack.kind == _KIND_MAX || attack.prefixes == 0)
                die("start", -EINVAL);
        make_hello();
        r = p2p_identity_generate(&identity);
        if (r < 0)
                die("identity", r);
        max = attack.kind == REFUSED ? SHAKING_MAX : IN_FLIGHT_MAX;
        while (attack.started < attack.count || attack.in_flight > 0) {
                for (; attack.started < attack.count && attack.in_flight < max; attack.started++) {
                        r = start(attack.started);
                        if (r < 0)
                                die("connect", r);
                        attack.in_flight++;
                }
                (void) p2p_loop_turn(loop, USEC_PER_SEC);
        }
        printf("%u %u\n", attack.reached, attack.failed);
        fflush(stdout);
        (void) !getchar();
        return 0;
}

/* ---- friend and newcomer ---- */
static p2p_host *host;
static p2p_conn *conn;

static p2p_identity *identity_of(const char *seed) {
        uint8_t bytes[32];
        p2p_identity *id;

        memset(bytes, atoi(seed), sizeof(bytes));
        if (p2p_identity_from_seed(bytes, &id) < 0)
                die("identity", -EINVAL);
        return id;
}

static void on_dialled(p2p_conn *c, int error, void *userdata) {
        conn = error < 0 ? NULL : c;
        *(int *) userdata = error < 0 ? error : 1;
}

static void start_host(const char *seed) {
        p2p_host_options options = { .agent = "flood/1", .limits = P2P_HOST_LIMITS_DEFAULT };

        identity = identity_of(seed);
        if (p2p_host_new(loop, identity, &options, &host) < 0)
                die("start", -EINVAL);
}

/* Until somebody answers: a friend's daemon tries again too. */
static void connect_to(const char *seed, const char *address) {
        p2p_peer_id peer;
        p2p_addr *addr;
        int outcome = -1;

        if (!host)
                start_host(seed);
        if (p2p_addr_parse(address, &addr) < 0 || p2p_addr_peer(addr, &peer) < 0 ||
            p2p_host_add_addr(host, &peer, addr, USEC_INFINITY) < 0)
                die("address", -EINVAL);
        p2p_addr_free(addr);
        while (outcome < 0) {
                p2p_dial *dial;

                outcome = 0;
                if (p2p_dial_new(host, &peer, 5 * USEC_PER_SEC, on_dialled, &outcome, &dial) < 0)
                        die("dial", -ENOMEM);
                while (outcome == 0)
                        (void) p2p_loop_turn(loop, USEC_PER_SEC);
                if (outcome < 0)
                        usleep(20000);
        }
}

static p2p_stream *pings;

static void on_opened(p2p_stream *s, int error, uint32_t code _unused_, void *userdata) {
        pings = s;
        *(int *) userdata = error < 0 ? error : 1;
}

static void on_wake(void *userdata _unused_) {}

/* A fresh ping stream on the connection: one lives for 30 s. */
static int open_pings(void) {
        static p2p_task wake;
        int outcome = 0;
        p2p_open *o;

        p2p_stream_free(pings);
        pings = NULL;
        if (p2p_open_on_conn(conn, P2P_PING_PROTOCOL, NULL, on_opened, &outcome, &o) < 0)
                return -ECONNRESET;
        while (outcome == 0)
                (void) p2p_loop_turn(loop, USEC_PER_SEC);
        if (outcome < 0)
                return outcome;
        p2p_task_init(&wake, loop, on_wake, NULL);
        p2p_channel_set_wake(p2p_stream_channel(pings), &wake);
        return 0;
}

/* One ping through the open connection. */
static int ping(uint64_t *ret_usec) {
        uint8_t out[P2P_PING_SIZE], in[P2P_PING_SIZE];
        p2p_channel *c = p2p_stream_channel(pings);
        uint64_t began = p2p_loop_now(loop);
        size_t n = 0;

        (void) !getrandom(out, sizeof(out), 0);
        if (p2p_channel_write(c, out, sizeof(out)) != sizeof(out))
                return -EPIPE;
        while (n < sizeof(in)) {
                ssize_t k = p2p_channel_read(c, in + n, sizeof(in) - n);

                if (k == -EAGAIN)
                        (void) p2p_loop_turn(loop, USEC_PER_SEC);
                else if (k <= 0)
                        return k < 0 ? (int) k : -EPIPE;
                else
                        n += (size_t) k;
        }
        *ret_usec = p2p_loop_now(loop) - began;
        return memcmp(in, out, sizeof(in)) == 0 ? 0 : -EBADMSG;
}

static int compare(const void *a, const void *b) {
        uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

        return x < y ? -1 : x > y;
}

static uint64_t p99(uint64_t *took, size_t n) {
        qsort(took, n, sizeof(*took), compare);
        return took[n * 99 / 100];
}

/* Of the p99 of half a second each, the best: a flood goes on, what else the machine does comes and goes. */
static uint64_t best_p99(const uint64_t *took, size_t n) {
        uint64_t window[WINDOW], best = UINT64_MAX;
        size_t at = 0;

        do {
                size_t k = P2P_MIN(n - at, (size_t) WINDOW);

                memcpy(window, took + at, k * sizeof(*window));
                best = P2P_MIN(best, p99(window, k));
                at += k;
        } while (n - at >= WINDOW);
        return best;
}

/* Pings every 2 ms; at each line of standard input it tells how those since the last line went. After the line "slowly" it
 * pings every 50 ms, until the next line. */
static void serve_pings(void) {
        static uint64_t took[1u << 20];
        useconds_t pause = 2000;
        uint64_t best, all;
        size_t n = 0;

        for (;;) {
                struct timeval no_time = {};
                fd_set in;
                char line[16];
                int r = ping(took + n % ELEMENTSOF(took));

                if (r < 0) /* 30 s are over, or the connection is */
                        r = open_pings();
                if (r < 0)
                        die("the friend was cut off", r);
                n++;
                usleep(pause);
                (void) p2p_loop_turn(loop, 0);
                FD_ZERO(&in);
                FD_SET(0, &in);
                if (select(1, &in, NULL, NULL, &no_time) <= 0)
                        continue;
                if (!fgets(line, sizeof(line), stdin))
                        return;
                pause = line[0] == 's' ? 50000 : 2000;
                n = P2P_MIN(n, ELEMENTSOF(took));
                best = best_p99(took, n);
                all = p99(took, n);
                printf("%zu %llu %llu %llu %llu\n", n, (unsigned long long) took[n / 2], (unsigned long long) all,
                       (unsigned long long) took[n - 1], (unsigned long long) best);
                fflush(stdout);
                n = 0;
                if (open_pings() < 0)
                        die("the friend was cut off", -ECONNRESET);
        }
}

static int run_friend(char **args) {
        connect_to(args[0], args[1]);
        if (open_pings() < 0)
                die("the friend was cut off", -ECONNRESET);
        printf("ready\n");
        fflush(stdout);
        serve_pings();
        return 0;
}

/* In means that a ping comes back: a connection may be dropped behind its last handshake message. */
static int run_join(char **args) {
        struct timespec from, to;
        uint64_t usec;

        clock_gettime(CLOCK_MONOTONIC, &from);
        do
                connect_to(args[0], args[1]);
        while (open_pings() < 0 || ping(&usec) < 0);
        clock_gettime(CLOCK_MONOTONIC, &to);
        printf("%lld\n", (long long) (to.tv_sec - from.tv_sec) * 1000000 + (to.tv_nsec - from.tv_nsec) / 1000);
        return 0;
}

static int run_id(char **args) {
        char text[P2P_PEER_ID_TEXT_MAX];

        identity = identity_of(args[0]);
        puts(p2p_peer_id_format(p2p_identity_peer_id(identity), text));
        return 0;
}

int main(int argc, char **argv) {
        static const struct {
                const char *name;
                int n_args;
                int (*run)(char **args);
        } verbs[] = {
                { "attack", 4, run_attack }, /* KIND PORT COUNT PREFIXES */
                { "friend", 2, run_friend }, /* SEED MULTIADDR */
                { "join", 2, run_join },     /* SEED MULTIADDR */
                { "id", 1, run_id },         /* SEED */
        };

        if (p2p_loop_new(&loop) < 0)
                die("loop", -ENOMEM);
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (argc == verbs[i].n_args + 2 && strcmp(argv[1], verbs[i].name) == 0)
                        return verbs[i].run(argv + 2);
        fprintf(stderr, "flood: attack KIND PORT COUNT PREFIXES | friend SEED ADDR | join SEED ADDR | id SEED\n");
        return 2;
}
