/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What the files of the muxer share. yamux.c: the session's life. yamux-receive.c: bytes in. yamux-send.c:
 * bytes out. yamux-stream.c: the streams as channels. yamux-table.c: ids to streams.
 */

#include <p2p/error.h>

#include "io/orphan.h"
#include "io/rate.h"
#include "mux/yamux-frame.h"
#include "mux/yamux-queue.h"
#include "mux/yamux.h"

#define YAMUX_FRAME_MAX (32u * 1024u - 32u)   /* payload we send: eight frames fit four Noise records */
#define YAMUX_OUT_MAX (128u * 1024u)          /* unsent bytes of one stream */
#define YAMUX_OUT_SMALL (4u * 1024u)          /* the same once the session holds YAMUX_OUT_TOTAL */
#define YAMUX_OUT_TOTAL (8u * 1024u * 1024u)  /* the far side can make us hold this by closing its windows */
#define YAMUX_TURN_MAX (256u * 1024u)         /* bytes written in a turn */
#define YAMUX_READ_MAX (128u * 1024u)         /* read at once: a core's cache holds it and its copy */
#define YAMUX_BUFFER_MAX (64u * 1024u * 1024u) /* unread bytes where the options say nothing */
#define YAMUX_REFUSED_MAX 1024u               /* resets of refused streams that wait for the channel */
#define YAMUX_PONGS_MAX 32u                   /* pings answered in a burst, as go does; more are dropped */
#define YAMUX_PONGS_RATE 10u                  /* a second */
#define YAMUX_EMPTY_MAX 1000u                 /* frames that say nothing, in a burst: more end the session */
#define YAMUX_EMPTY_RATE 100u
#define YAMUX_CYCLES_MAX 100u                 /* streams opened and reset by the far side within a second */
#define YAMUX_CYCLES_RATE 100u
#define YAMUX_ID_MAX 0xfffffffdu              /* beyond it only a new session helps */

#define YAMUX_PING_EVERY (30 * USEC_PER_SEC)    /* round trip, as go; also the default of keepalive */
#define YAMUX_ROUND_TRIPS 4u                    /* that a window lasts, as go's; or two and a pause */
#define YAMUX_PAUSE (2 * USEC_PER_MSEC)         /* of the scheduler */
#define YAMUX_PAUSES 4u                         /* or a longer round trip: a rate is measured over it */
#define YAMUX_SAMPLE_EVERY (250 * USEC_PER_MSEC) /* round trip, while a window would grow */
#define YAMUX_SAMPLE_MAX USEC_PER_SEC           /* older than that and four trips: none grows on it */
#define YAMUX_PING_TIMEOUT (10 * USEC_PER_SEC)
#define YAMUX_LINGER (60 * USEC_PER_SEC)        /* how long a closed stream waits for the far side's end */
#define YAMUX_CLOSE_TIMEOUT (2 * USEC_PER_SEC)

/* What is true of a stream. Moved only in yamux-stream.c and, for what was sent, in yamux-send.c. */
enum {
        STREAM_OURS = 1 << 0,         /* we opened it */
        STREAM_UNACKED = 1 << 1,      /* ours, holds a place in the backlog */
        STREAM_SEND_SYN = 1 << 2,     /* these four wait for the next flush */
        STREAM_SEND_ACK = 1 << 3,
        STREAM_SEND_UPDATE = 1 << 4,
        STREAM_SEND_RESET = 1 << 5,
        STREAM_SHUT = 1 << 6,         /* the owner writes no more: our FIN follows the last byte */
        STREAM_FIN_SENT = 1 << 7,
        STREAM_FIN_RECEIVED = 1 << 8,
        STREAM_RESET = 1 << 9,        /* by either side: no more data either way */
        STREAM_IN_TABLE = 1 << 10,    /* its id is taken */
        STREAM_RELEASED = 1 << 11,    /* has no owner any more: goes away by itself */
        STREAM_INCOMING = 1 << 12,    /* waits for accept() */
        STREAM_WANT_READ = 1 << 13,   /* its owner was told -EAGAIN */
        STREAM_WANT_WRITE = 1 << 14,
};

typedef struct p2p_yamux p2p_yamux;

typedef struct p2p_yamux_stream {
        p2p_channel channel;
        p2p_yamux *session;                  /* NULL once the session ended */
        struct p2p_yamux_stream *next_in_bucket;
        p2p_list all;
        p2p_list control;                    /* has something of STREAM_SEND_*, or a FIN, to send */
        p2p_list data;                       /* has bytes and window */
        p2p_list queue;                      /* of those to accept, or of those that linger */
        uint32_t id, state;
        p2p_yamux_queue in, out;
        uint32_t send_window;                /* what we may still send */
        uint32_t receive_window;             /* what the far side may still send */
        uint32_t window;                     /* what receive_window is raised to */
        uint32_t delta;                      /* granted, not yet sent */
        uint32_t planned;                    /* bytes of `out` in the batch that is being put together */
        uint32_t send_code, received_code;   /* of a reset */
        uint64_t epoch;                      /* since when `consumed` counts the bytes that its owner read */
        uint64_t consumed;
        uint64_t born, deadline;             /* the latter of its lingering */
} p2p_yamux_stream;

typedef struct p2p_yamux_table {
        p2p_yamux_stream **buckets;
        unsigned bits, n;
        uint64_t factor;
} p2p_yamux_table;

typedef enum p2p_yamux_state {
        YAMUX_OPEN,
        YAMUX_CLOSING, /* over for everybody above; a GoAway is on its way */
        YAMUX_ENDED,   /* has no channel any more */
} p2p_yamux_state;

/* The frame of which the channel took only a part: it comes before anything else. */
typedef struct p2p_yamux_rest {
        uint8_t header[P2P_YAMUX_HEADER_SIZE];
        unsigned begin, end;          /* what is left of the header */
        p2p_yamux_stream *stream;     /* whose `out` starts with the payload; NULL: `own` has it */
        p2p_yamux_queue own;
        uint32_t n;                   /* payload left */
} p2p_yamux_rest;

struct p2p_yamux {
        p2p_session session;
        p2p_loop *loop;       /* borrowed */
        p2p_channel *channel;
        p2p_yamux_state state;
        bool client, is_orphan; /* freed by its owner, says its GoAway: the loop's */
        p2p_orphan orphan;
        int error;            /* why it ended */
        uint32_t received_code;

        p2p_task wake, flush;
        p2p_timer timer;

        /* streams */
        p2p_yamux_table table;
        p2p_list all, incoming, lingering;
        unsigned n_theirs, streams_max, n_unacked;
        bool want_open;
        uint32_t next_id;

        /* in */
        uint8_t header[P2P_YAMUX_HEADER_SIZE];
        unsigned n_header;
        uint32_t remaining;         /* payload of the current frame that is still to come ... */
        p2p_yamux_stream *target;   /* ... for this stream; NULL: discarded */
        bool target_fin;
        uint64_t last_frame;
        size_t buffered, buffer_max, windows;
        uint32_t window_max;
        p2p_budget *budget;         /* borrowed; may be NULL */
        p2p_list budget_node;
        p2p_rate pongs_allowed, empty_allowed, cycles_allowed;

        /* out */
        p2p_list control, data;
        p2p_yamux_rest rest;
        p2p_yamux_pool pool;        /* of all queues; emptied with each tick of the timer */
        size_t queued;              /* bytes in all out queues */
        bool blocked;               /* until the channel wakes us */
        int write_error;
        uint32_t pongs[YAMUX_PONGS_MAX], *refused;
        unsigned n_pongs, n_refused;
        bool go_away;
        uint32_t go_away_code;

        /* our pings */
        enum { PING_IDLE, PING_QUEUED, PING_SENT } ping;
        uint32_t ping_value;
        uint64_t ping_sent, last_ping, ping_deadline, keepalive;
        uint64_t pause;
        uint64_t rtt, rtt_min;      /* an average for people, the least for windows */
        uint64_t sampled;           /* when the last pong came; 0: never */
};

/* yamux-table.c */
int p2p_yamux_table_init(p2p_yamux_table *t);
void p2p_yamux_table_done(p2p_yamux_table *t);
p2p_yamux_stream *p2p_yamux_table_find(const p2p_yamux_table *t, uint32_t id);
void p2p_yamux_table_add(p2p_yamux_table *t, p2p_yamux_stream *s);
void p2p_yamux_table_remove(p2p_yamux_table *t, p2p_yamux_stream *s);

/* yamux-stream.c */
int p2p_yamux_stream_new(p2p_yamux *y, uint32_t id, uint32_t state, p2p_yamux_stream **ret);
void p2p_yamux_stream_destroy(p2p_yamux_stream *s);
/* Puts it on the lists that its state asks for, and posts a flush when it has something to send. */
void p2p_yamux_stream_schedule(p2p_yamux_stream *s);
/* Our FIN or our RST is out: frees the id, and the stream itself if nobody owns it. */
void p2p_yamux_stream_settle(p2p_yamux_stream *s);
/* Ends it from our side. May free it. */
void p2p_yamux_stream_abort(p2p_yamux_stream *s, uint32_t code);
void p2p_yamux_stream_on_ack(p2p_yamux_stream *s);
void p2p_yamux_stream_on_fin(p2p_yamux_stream *s);      /* may free it */
void p2p_yamux_stream_on_reset(p2p_yamux_stream *s, uint32_t code); /* may free it */
void p2p_yamux_stream_on_bytes(p2p_yamux_stream *s, p2p_view bytes); /* may reset any stream */
/* The session ended: nobody may touch it again. May free it. */
void p2p_yamux_stream_detach(p2p_yamux_stream *s);
bool p2p_yamux_stream_fin_is_due(const p2p_yamux_stream *s);
size_t p2p_yamux_stream_unsent(const p2p_yamux_stream *s); /* bytes in no frame yet */

/* yamux-receive.c */
int p2p_yamux_receive(p2p_yamux *y); /* reads the channel dry; the session may have ended afterwards */

/* yamux-send.c */
void p2p_yamux_send(p2p_yamux *y); /* flushes; the session may be gone afterwards */

/* yamux.c */
void p2p_yamux_end(p2p_yamux *y, int error, uint32_t received_code);
/* Ends it with a GoAway on its way out. */
void p2p_yamux_fail(p2p_yamux *y, int error, uint32_t code);
/* The GoAway went out, or will not: closes the channel. May free the session. */
void p2p_yamux_finish(p2p_yamux *y);
void p2p_yamux_on_pong(p2p_yamux *y, uint32_t value);
/* Whether the round trip was measured lately; if not, sees to it. */
bool p2p_yamux_rtt_is_fresh(p2p_yamux *y);
void p2p_yamux_set_timer(p2p_yamux *y);
