/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Where errnos of sockets enter the library they become words of error.h: above this folder nobody asks
 * whether a path was lost by ENETUNREACH or by EHOSTDOWN. What is not in the table broke the connection,
 * whatever it was.
 */

#include <errno.h>
#include <stddef.h>

#include <p2p/macro.h>

#include "transport/socket-error.h"

int p2p_socket_error(int error) {
        static const struct { int from, to; } table[] = {
                { EAGAIN,        EAGAIN       }, { ECONNRESET,    ECONNRESET   }, { EPIPE,        ECONNRESET   },
                { ECONNABORTED,  ECONNRESET   }, { ETIMEDOUT,     ETIMEDOUT    }, { ECONNREFUSED, ECONNREFUSED },
                { EHOSTUNREACH,  EHOSTUNREACH }, { ENETUNREACH,   EHOSTUNREACH }, { EHOSTDOWN,    EHOSTUNREACH },
                { ENETDOWN,      EHOSTUNREACH }, { ENONET,        EHOSTUNREACH }, { ENOPROTOOPT,  EHOSTUNREACH },
                { EADDRNOTAVAIL, EHOSTUNREACH }, { EACCES,        EHOSTUNREACH }, { EPERM,        EHOSTUNREACH },
                { EAFNOSUPPORT,  EHOSTUNREACH }, { ENOENT,        ECONNREFUSED }, { ENOMEM,       ENOMEM       },
                { ENOBUFS,       ENOMEM       }, { EMFILE,        ENOBUFS      }, { ENFILE,       ENOBUFS      },
        };

        for (size_t i = 0; i < ELEMENTSOF(table); i++)
                if (table[i].from == error)
                        return -table[i].to;
        return -ECONNRESET;
}
