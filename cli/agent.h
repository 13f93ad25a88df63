/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* An agent of polkit, which asks for a password on the terminal while we run. */

/* Starts one, once: not for root, not without a terminal, and behind an agent of the desktop where there is
 * one. */
void agent_open(void);
/* From now on none is started: the terminal belongs to something else. */
void agent_disable(void);
void agent_close(void);
