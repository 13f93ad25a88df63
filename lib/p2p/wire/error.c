/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Whose fault an error is. The list is closed: <p2p/error.h> has the vocabulary, and everything that a peer
 * can do wrong is one of these five.
 */

#include <errno.h>

#include <p2p/error.h>

bool p2p_error_is_peer_fault(int error) {
        switch (error) {
        case -EBADMSG:
        case -EPROTO:
        case -EMSGSIZE:
        case -EKEYREJECTED:
        case -EPROTONOSUPPORT:
                return true;
        default:
                return false;
        }
}
