/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The few macros that every file leans on: scope-bound cleanup, moving a pointer out, finding the
 * container. */

#include <stddef.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _unused_ __attribute__((unused))
#define _printf_(a, b) __attribute__((format(printf, a, b)))

#define ELEMENTSOF(a) (sizeof(a) / sizeof((a)[0]))
#define P2P_MIN(a, b) ((a) < (b) ? (a) : (b))
#define P2P_MAX(a, b) ((a) > (b) ? (a) : (b))

#define TAKE_PTR(p)                            \
        ({                                     \
                __typeof__(p) _taken = (p);    \
                (p) = NULL;                    \
                _taken;                        \
        })
#define TAKE_FD(fd)                            \
        ({                                     \
                int _taken_fd = (fd);          \
                (fd) = -1;                     \
                _taken_fd;                     \
        })

#define container_of(ptr, type, member) ((type *) ((char *) (ptr) - offsetof(type, member)))

/* Defines x_freep() for _cleanup_(x_freep). x_free(NULL) must be fine. */
#define P2P_CLEANUP(type, free_fn)                                \
        static inline void free_fn##p(type **p) {                 \
                free_fn(*p);                                      \
        }                                                         \
        struct _p2p_cleanup_needs_a_semicolon_##free_fn

#define USEC_PER_MSEC 1000ULL
#define USEC_PER_SEC 1000000ULL
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)
#define USEC_INFINITY UINT64_MAX
