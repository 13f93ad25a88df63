/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Accepts on a listening socket that PID 1 made and somebody passed to us.
 *
 * Its file description is shared, so its O_NONBLOCK may be cleared by others at any time: it is set again
 * before every batch, accept(2) runs only when poll says that somebody waits, and waits no longer than
 * SOCKET_ACCEPT_USEC where that one was taken by somebody else in between. Out of file descriptors
 * the proxy pauses for PAUSE_USEC instead of spinning; what waits stays in the socket's queue.
 *
 * Idle is told once, PROXY_IDLE_USEC after the last accept and end of a connection; the owner then closes
 * the proxy, and a connection that comes meanwhile waits in the queue for the next one (architecture.md 2).
 */

#include "daemon/proxy.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/outgoing.h"
#include "service/journal.h"

#define ACCEPT_BATCH 64u /* in one turn; arbitrary */
#define PAUSE_USEC (100 * USEC_PER_MSEC)

static void notify(Proxy *proxy, ObjectEvent event) {
        const Manager *m = proxy->manager;

        if (m->observer && m->observer->proxy)
                m->observer->proxy(proxy, event, m->observer_userdata);
}

static void set_error(Proxy *p, const char *text) {
        free(TAKE_PTR(p->last_error));
        if (!text)
                return;
        p->last_error = strdup(text);
        p->last_error_at = manager_realtime(p->manager, p2p_loop_now(p->manager->loop));
}

static void rest(Proxy *p) {
        if (p->n_outgoing == 0)
                (void) p2p_timer_set(&p->idle, PROXY_IDLE_USEC);
        else
                p2p_timer_stop(&p->idle);
}

static void refuse_unknown(Proxy *p, int fd) {
        char text[96 + 2 * PROXY_PEER_MAX];

        socket_reset(fd);
        (void) snprintf(text, sizeof(text),
                        "no peer is called %s here; give it a name: peerupctl auth add ID --name %s",
                        p->peer, p->peer);
        if (!p->last_error || strcmp(p->last_error, text) != 0)
                log_warning("%s: %s", p->id, text);
        set_error(p, text);
        notify(p, OBJECT_CHANGED);
}

static void begin(Proxy *p, int fd) {
        p2p_peer_id peer;
        int64_t r;

        if (manager_resolve(p->manager, p->peer, &peer) < 0) {
                refuse_unknown(p, fd);
                return;
        }
        r = outgoing_new(p->manager, p, fd, &peer, p->peer, p->service, NULL);
        if (r < 0) {
                socket_reset(fd);
                set_error(p, strerror((int) -r));
                (void) log_warning_errno((int) r, "%s: cannot take a connection: %m", p->id);
                return;
        }
        p->n_outgoing++;
        notify(p, OBJECT_CHANGED);
}

static void pause_accepting(Proxy *p) {
        p->paused = true;
        (void) p2p_watch_set(p->watch, 0);
        (void) p2p_timer_set(&p->resume, PAUSE_USEC);
}

/* What accept(2) says of one connection, not of the socket [accept(2), "Error handling"]. */
static bool is_transient(int error) {
        switch (error) {
        case EINTR:
        case ECONNABORTED:
        case EPERM:
        case ENETDOWN:
        case EPROTO:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
                return true;
        }
        return false;
}

/* Whoever shares the socket could make each accept(2) wait, if only for a moment. */
static int accept_one(int listener) {
        struct pollfd waiting = { .fd = listener, .events = POLLIN };

        return poll(&waiting, 1, 0) > 0 ? socket_accept(listener) : -EAGAIN;
}

static void accept_some(Proxy *p) {
        if (p->paused)
                return;
        socket_prepare_listener(p->fd);
        for (unsigned i = 0; i < ACCEPT_BATCH; i++) {
                int fd = accept_one(p->fd);

                if (fd >= 0) {
                        socket_settle(fd);
                        begin(p, fd);
                        continue;
                }
                if (fd == -EAGAIN) {
                        rest(p);
                        return;
                }
                if (!is_transient(-fd)) {
                        pause_accepting(p);
                        return;
                }
        }
        rest(p);
        p2p_task_post(&p->again);
}

static void on_listener(unsigned events, void *userdata) {
        (void) events;
        accept_some(userdata);
}

static void on_again(void *userdata) {
        accept_some(userdata);
}

static void on_resume(void *userdata) {
        Proxy *p = userdata;

        p->paused = false;
        (void) p2p_watch_set(p->watch, P2P_READABLE);
}

static void on_idle(void *userdata) {
        Proxy *p = userdata;
        const Manager *m = p->manager;

        if (m->observer && m->observer->proxy_idle)
                m->observer->proxy_idle(p, m->observer_userdata);
}

static int proxy_make(Manager *m, const char *peer, const char *service, Proxy **ret) {
        p2p_peer_id id;
        Proxy *p;

        if (!service_name_is_valid(service))
                return -EINVAL;
        if (strlen(peer) >= PROXY_PEER_MAX ||
            (!peer_name_is_valid(peer) && manager_resolve(m, peer, &id) < 0))
                return -ENXIO;
        if (m->n_proxies >= PROXIES_MAX)
                return -ENOBUFS;
        p = malloc(sizeof(*p));
        if (!p)
                return -ENOMEM;
        *p = (Proxy){ .manager = m, .fd = -1 };
        (void) snprintf(p->id, sizeof(p->id), "proxy-%llu", (unsigned long long) ++m->last_number);
        (void) strcpy(p->peer, peer);
        (void) strcpy(p->service, service);
        p2p_task_init(&p->again, m->loop, on_again, p);
        p2p_timer_init(&p->idle, m->loop, on_idle, p);
        p2p_timer_init(&p->resume, m->loop, on_resume, p);
        p2p_list_init(&p->outgoing);
        p2p_list_init(&p->proxies);
        *ret = p;
        return 0;
}

int proxy_new(Manager *m, const char *peer, const char *service, int fd, Proxy **ret) {
        Proxy *p;
        int r;

        if (socket_check_listening(fd) < 0)
                return -ENOTSOCK;
        r = proxy_make(m, peer, service, &p);
        if (r < 0)
                return r;
        r = p2p_watch_new(m->loop, fd, P2P_READABLE, on_listener, p, &p->watch);
        if (r >= 0)
                r = p2p_timer_set(&p->idle, PROXY_IDLE_USEC);
        if (r < 0) {
                p2p_watch_free(p->watch);
                free(p);
                return r;
        }
        (void) socket_format_name(fd, p->listen);
        socket_tune(fd); /* what it accepts inherits that */
        p->fd = fd; /* taken last */
        p2p_list_append(&m->proxies, &p->proxies);
        m->n_proxies++;
        notify(p, OBJECT_ADDED);
        *ret = p;
        return 0;
}

Proxy *proxy_free(Proxy *p) {
        if (!p)
                return NULL;
        notify(p, OBJECT_REMOVED);
        outgoing_forget_proxy(p);
        p2p_list_unlink(&p->proxies);
        p->manager->n_proxies--;
        p2p_watch_free(p->watch);
        p2p_task_cancel(&p->again);
        p2p_timer_stop(&p->idle);
        p2p_timer_stop(&p->resume);
        (void) close(p->fd); /* not shutdown(): the listener is its owner's */
        free(p->last_error);
        free(p);
        return NULL;
}

void proxy_abort_all(Proxy *p, const char *reason) {
        Outgoing *o;

        P2P_LIST_FOREACH(o, &p->outgoing, Outgoing, of_proxy)
                outgoing_abort(o, reason);
}

Proxy *proxy_find(const Manager *m, const char *id) {
        Proxy *p;

        P2P_LIST_FOREACH(p, &m->proxies, Proxy, proxies)
                if (strcmp(p->id, id) == 0)
                        return p;
        return NULL;
}

unsigned proxy_connections(const Proxy *p) {
        return p->n_outgoing;
}

void proxy_bytes(const Proxy *p, uint64_t *ret_in, uint64_t *ret_out) {
        Outgoing *o;

        *ret_in = p->bytes_in;
        *ret_out = p->bytes_out;
        P2P_LIST_FOREACH(o, (p2p_list *) &p->outgoing, Outgoing, of_proxy) {
                *ret_in += outgoing_bytes_in(o);
                *ret_out += outgoing_bytes_out(o);
        }
}

void proxy_note_end(Proxy *p, Outgoing *o, const char *failure) {
        p->n_outgoing--;
        p->bytes_in += outgoing_bytes_in(o);
        p->bytes_out += outgoing_bytes_out(o);
        /* It may be read once more before it is freed. */
        p2p_list_unlink(&o->of_proxy);
        o->proxy = NULL;
        if (failure || p->last_error)
                set_error(p, failure);
        rest(p);
        notify(p, OBJECT_CHANGED);
}
