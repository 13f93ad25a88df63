/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The errno of a socket call (positive) as one of error.h (negative). */
int p2p_socket_error(int error);
