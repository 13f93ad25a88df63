/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An intrusive circular list. A head and an unlinked node both point at themselves, so unlinking twice is
 * harmless. */

#include <stdbool.h>

#include <p2p/macro.h>

typedef struct p2p_list {
        struct p2p_list *next, *prev;
} p2p_list;

static inline void p2p_list_init(p2p_list *l) {
        l->next = l->prev = l;
}

static inline bool p2p_list_is_empty(const p2p_list *l) {
        return l->next == l;
}

static inline void p2p_list_unlink(p2p_list *node) {
        node->prev->next = node->next;
        node->next->prev = node->prev;
        p2p_list_init(node);
}

/* The node must not be linked. */
static inline void p2p_list_append(p2p_list *head, p2p_list *node) {
        node->prev = head->prev;
        node->next = head;
        head->prev->next = node;
        head->prev = node;
}

/* First node, or NULL. */
static inline p2p_list *p2p_list_first(p2p_list *head) {
        return p2p_list_is_empty(head) ? NULL : head->next;
}

#define P2P_LIST_ENTRY(node, type, member) container_of(node, type, member)

/* The body may unlink and free the entry itself, and no other one. */
#define P2P_LIST_FOREACH(i, head, type, member)                                                          \
        for (p2p_list *_n_##i = (head)->next, *_next_##i = _n_##i->next;                                 \
             _n_##i != (head) && (i = P2P_LIST_ENTRY(_n_##i, type, member), true);                       \
             _n_##i = _next_##i, _next_##i = _n_##i->next)
