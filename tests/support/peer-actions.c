/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The actions of --dial, one after the other. They run outside the loop and turn it themselves until what they wait for came. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "tests/support/peer.h"

#define RESET_CODE 0x2042u
#define BULK (1u << 20)
#define STREAMS_MAX 10000u

static double ms_since(peer *p, uint64_t start) {
        return (double) (p2p_loop_now(p->loop) - start) / 1000;
}

int peer_wait(peer *p, bool (*done)(void *userdata), void *userdata) {
        while (!done(userdata)) {
                uint64_t now = p2p_loop_now(p->loop);
                int r;

                if (p->stopped)
                        return -ECANCELED;
                if (now >= p->deadline)
                        return -ETIMEDOUT;
                r = p2p_loop_turn(p->loop, p->deadline == USEC_INFINITY ? USEC_INFINITY : p->deadline - now);
                if (r < 0)
                        return r;
        }
        return 0;
}

static bool is_over(void *userdata) {
        return ((flow *) userdata)->result != 0;
}

static int flow_wait(flow *f) {
        int r = peer_wait(f->peer, is_over, f);

        return r < 0 ? r : P2P_MIN(f->result, 0);
}

static bool is_connected(peer *p) {
        return p2p_host_find_conn(p->host, &p->target);
}

/* ---- ping: 32 random bytes there and back, each its own time ---- */

static int run_ping(flow *f) {
        if (f->phase == 0) {
                int r = f->n > 0 ? 1 : (int) getrandom(f->small, P2P_PING_SIZE, 0);

                if (r < 0)
                        return -errno;
                if (f->n == 0)
                        memcpy(f->buffer + 64, f->small, P2P_PING_SIZE);
                r = flow_write(f, f->buffer + 64, P2P_PING_SIZE);
                if (r <= 0)
                        return r;
                f->n_small = 0;
                f->phase = 1;
        }
        return flow_read(f, P2P_PING_SIZE);
}

static int pings(peer *p, uint64_t n, bool print) {
        _cleanup_(flow_freep) flow *f = NULL;
        uint64_t start = p2p_loop_now(p->loop);
        int r;

        r = flow_open(p, P2P_PING_PROTOCOL, run_ping, &f);
        if (r < 0)
                return r;
        for (uint64_t i = 0; i < n; i++) {
                r = flow_wait(f);
                if (r < 0)
                        return r;
                if (memcmp(f->small, f->buffer + 64, P2P_PING_SIZE) != 0)
                        return -EBADMSG;
                if (print)
                        peer_line("PING %.3f", ms_since(p, start));
                if (i + 1 == n)
                        break;
                start = p2p_loop_now(p->loop);
                f->phase = 0;
                f->result = 0;
                p2p_task_post(&f->step);
        }
        (void) p2p_channel_shutdown(flow_channel(f));
        return 0;
}

static int do_ping(peer *p, const uint64_t *args) {
        return pings(p, args[0], true);
}

/* ---- echo ---- */
static int run_first_byte(flow *f) {
        int r;

        if (f->phase == 0) {
                r = flow_write(f, "\x5a", 1);
                if (r <= 0)
                        return r;
                f->phase = 1;
        }
        r = flow_read(f, 1);
        return r > 0 && f->small[0] != 0x5a ? -EBADMSG : r;
}

static int run_bulk(flow *f) {
        int a = f->ended ? 1 : flow_send_pattern(f), b;

        if (a < 0)
                return a;
        b = flow_check_pattern(f, f->peer->options.bytes);
        return b <= 0 ? b : a;
}

static int wait_all(flow **flows, uint64_t n) {
        for (uint64_t i = 0; i < n; i++) {
                int r = flow_wait(flows[i]);

                if (r < 0) {
                        fprintf(stderr, "stream %llu of %llu: %s, %llu read, %llu to send, code 0x%x\n", (unsigned long long) i,
                                (unsigned long long) n, strerror(-r), (unsigned long long) flows[i]->n_read,
                                (unsigned long long) flows[i]->to_send, flows[i]->code);
                        return r;
                }
        }
        return 0;
}

static int echo_all(peer *p, flow **flows, uint64_t bytes, uint64_t n) {
        uint64_t start = p2p_loop_now(p->loop);
        int r = 0;

        for (uint64_t i = 0; i < n && r >= 0; i++)
                r = flow_open(p, "/peerup/echo/1.0.0", run_first_byte, &flows[i]);
        if (r >= 0)
                r = wait_all(flows, n);
        if (r < 0)
                return r;
        p->options.bytes = bytes;
        for (uint64_t i = 0; i < n; i++) {
                flows[i]->run = run_bulk;
                flows[i]->in = flows[i]->out = pattern_of((unsigned) i);
                flows[i]->to_send = bytes;
                flows[i]->result = 0;
                p2p_task_post(&flows[i]->step);
        }
        r = wait_all(flows, n);
        if (r >= 0)
                peer_line("ECHO ok %llu %.3f", (unsigned long long) (bytes * n), ms_since(p, start) / 1000);
        return r;
}

static int do_echo(peer *p, const uint64_t *args) {
        flow **flows;
        int r;

        if (args[1] > STREAMS_MAX)
                return -EINVAL;
        flows = calloc(args[1], sizeof(*flows));
        if (!flows)
                return -ENOMEM;
        r = echo_all(p, flows, args[0], args[1]);
        for (uint64_t i = 0; i < args[1]; i++)
                flow_free(flows[i]);
        free(flows);
        return r;
}

/* ---- half-close ---- */
static int run_to_sink(flow *f) {
        int r = f->ended ? 1 : flow_send_pattern(f);

        return r <= 0 ? r : flow_read(f, 8);
}

static int run_from_source(flow *f) {
        if (f->phase == 0) {
                int r = flow_count(f);

                if (r <= 0)
                        return r;
                f->to_send = 65536;
                f->phase = 1;
        }
        return flow_send_pattern(f);
}

static int do_halfclose(peer *p, const uint64_t *args _unused_) {
        _cleanup_(flow_freep) flow *sink = NULL, *source = NULL;
        static const uint8_t count[8] = { 0, 0, 0, 0, 0, 0x10, 0, 0 };
        int r;

        r = flow_open(p, "/peerup/sink/1.0.0", run_to_sink, &sink);
        if (r < 0)
                return r;
        sink->to_send = BULK;
        r = flow_wait(sink);
        if (r >= 0 && memcmp(sink->small, count, sizeof(count)) != 0)
                r = -EBADMSG;
        if (r >= 0)
                r = flow_open(p, "/peerup/source/1.0.0", run_from_source, &source);
        if (r >= 0)
                r = flow_wait(source);
        if (r >= 0)
                r = pings(p, 1, false);
        if (r >= 0)
                peer_line("HALFCLOSE ok %llu", (unsigned long long) source->n_read);
        return r;
}

/* ---- reset ---- */
static int run_be_reset(flow *f) {
        static const uint8_t code[4] = { 0, 0, RESET_CODE >> 8, RESET_CODE & 0xff };
        int r;

        if (f->phase == 0) {
                r = flow_write(f, code, sizeof(code));
                if (r <= 0)
                        return r;
                f->phase = 1;
        }
        r = flow_count(f);
        return r > 0 ? -ENODATA : r; /* an end of file would be wrong */
}

static int run_four(flow *f) {
        int r;

        if (f->phase == 0) {
                r = flow_write(f, "four", 4);
                if (r <= 0)
                        return r;
                f->phase = 1;
        }
        return flow_read(f, 4);
}

static int do_reset(peer *p, const uint64_t *args _unused_) {
        _cleanup_(flow_freep) flow *theirs = NULL, *ours = NULL;
        int r;

        r = flow_open(p, "/peerup/reset/1.0.0", run_be_reset, &theirs);
        if (r >= 0)
                r = flow_wait(theirs);
        if (r != -ECONNRESET || !is_connected(p))
                return r < 0 ? r : -EPROTO;
        peer_line("RESET remote 0x%x", theirs->code);
        r = flow_open(p, "/peerup/echo/1.0.0", run_four, &ours);
        if (r >= 0)
                r = flow_wait(ours);
        if (r < 0)
                return r;
        p2p_channel_reset(flow_channel(ours), RESET_CODE);
        r = pings(p, 1, false);
        if (r < 0)
                return r;
        peer_line("RESET ok");
        return is_connected(p) ? 0 : -ECONNRESET;
}

/* ---- the rest ---- */
static int run_line(flow *f) {
        int r;

        if (f->phase == 0) {
                r = flow_write(f, "ping\n", 5);
                if (r <= 0)
                        return r;
                f->phase = 1;
        }
        r = flow_read(f, 5);
        return r > 0 && memcmp(f->small, "pong\n", 5) != 0 ? -EBADMSG : r;
}

static int do_pingpong(peer *p, const uint64_t *args _unused_) {
        _cleanup_(flow_freep) flow *f = NULL;
        uint64_t start = p2p_loop_now(p->loop);
        int r;

        r = flow_open(p, "/pingpong/1.0.0", run_line, &f);
        if (r >= 0)
                r = flow_wait(f);
        if (r >= 0) {
                peer_line("PINGPONG %.3f", ms_since(p, start));
                (void) p2p_channel_shutdown(flow_channel(f));
        }
        return r;
}

typedef struct answer {
        bool done;
        int error;
        p2p_stream *stream;
} answer;

static bool is_answered(void *userdata) {
        return ((answer *) userdata)->done;
}

static void on_opened(p2p_stream *stream, int error, uint32_t code _unused_, void *userdata) {
        *(answer *) userdata = (answer){ true, error, stream };
}

static int do_unknown(peer *p, const uint64_t *args _unused_) {
        p2p_open_options options = { .confirm = true };
        answer a = {};
        p2p_open *open;
        int r;

        r = p2p_open_new(p->host, &p->target, "/peerup/no-such/1.0.0", &options, on_opened, &a, &open);
        if (r < 0)
                return r;
        r = peer_wait(p, is_answered, &a);
        if (r < 0) {
                p2p_open_free(open);
                return r;
        }
        p2p_stream_free(a.stream);
        if (a.error != -EPROTONOSUPPORT)
                return a.error < 0 ? a.error : -EPROTO;
        peer_line("UNKNOWN refused");
        return is_connected(p) ? 0 : -ECONNRESET;
}

static bool is_identified(void *userdata) {
        peer *p = userdata;

        return p->identified || !is_connected(p);
}

static int do_identify(peer *p, const uint64_t *args _unused_) {
        int r = peer_wait(p, is_identified, p);

        if (r < 0)
                return r;
        if (!p->identified)
                return -ECONNRESET;
        peer_line("IDENTIFY %s", p->identified);
        return 0;
}

static bool never(void *userdata _unused_) {
        return false;
}

static int do_wait(peer *p, const uint64_t *args) {
        uint64_t deadline = p->deadline;
        int r;

        p->deadline = P2P_MIN(deadline, p2p_loop_now(p->loop) + args[0] * USEC_PER_SEC);
        r = peer_wait(p, never, NULL);
        p->deadline = deadline;
        if (r != -ETIMEDOUT || p2p_loop_now(p->loop) >= deadline)
                return r;
        if (!is_connected(p))
                return -ECONNRESET;
        peer_line("WAIT ok");
        return 0;
}

static const struct action {
        const char *name;
        int (*run)(peer *p, const uint64_t *args);
} actions[] = {
        { "ping",      do_ping      },
        { "echo",      do_echo      },
        { "identify",  do_identify  },
        { "halfclose", do_halfclose },
        { "reset",     do_reset     },
        { "pingpong",  do_pingpong  },
        { "unknown",   do_unknown   },
        { "wait",      do_wait      },
};

/* NAME[:N[:N]], the numbers 1 where they are missing. */
static int run_action(peer *p, const char *text) {
        uint64_t args[2] = { 1, 1 };
        size_t n = strcspn(text, ":");
        const char *rest = text + n;
        int r = -EINVAL;

        for (unsigned i = 0; i < ELEMENTSOF(args) && *rest == ':'; i++)
                args[i] = strtoull(rest + 1, (char **) &rest, 10);
        for (size_t i = 0; i < ELEMENTSOF(actions) && !*rest && args[0] > 0 && args[1] > 0; i++)
                if (strlen(actions[i].name) == n && memcmp(actions[i].name, text, n) == 0) {
                        r = actions[i].run(p, args);
                        if (r < 0)
                                peer_line("FAIL %.*s %.*s: %s", r == -ETIMEDOUT ? 7 : (int) n,
                                          r == -ETIMEDOUT ? "timeout" : text, (int) n, text, strerror(-r));
                        return r;
                }
        peer_line("FAIL usage action %s", text);
        return r;
}

static void on_dialled(p2p_conn *conn _unused_, int error, void *userdata) {
        *(answer *) userdata = (answer){ .done = true, .error = error };
}

static int connect_target(peer *p) {
        _cleanup_(p2p_addr_freep) p2p_addr *addr = NULL;
        answer a = {};
        p2p_dial *dial;
        int r;

        r = p2p_addr_parse(p->options.dial, &addr);
        if (r >= 0)
                r = p2p_addr_peer(addr, &p->target);
        if (r >= 0)
                r = p2p_host_add_addr(p->host, &p->target, addr, USEC_INFINITY);
        if (r >= 0)
                r = p2p_dial_new(p->host, &p->target, p->options.timeout_s * USEC_PER_SEC, on_dialled, &a, &dial);
        if (r < 0) {
                peer_line("FAIL usage --dial %s: %s", p->options.dial, strerror(-r));
                return r;
        }
        r = peer_wait(p, is_answered, &a);
        if (r < 0)
                p2p_dial_free(dial);
        else
                r = a.error;
        if (r < 0)
                peer_line("FAIL %s %s",
                          r == -EKEYREJECTED ? "mismatch" : r == -ETIMEDOUT ? "timeout" : "connect", strerror(-r));
        return r;
}

int peer_dial(peer *p) {
        int r;

        p->deadline = p2p_loop_now(p->loop) + p->options.timeout_s * USEC_PER_SEC;
        r = connect_target(p);
        for (char **a = p->options.actions; *a && r >= 0; a++)
                r = run_action(p, *a);
        return r;
}
