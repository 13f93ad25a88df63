/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * May the caller do this? uid 0 and our own user are never asked about; everybody else is, asynchronously,
 * by polkit. No polkit, no.
 *
 *      r = authorize(m, ACTION_CONNECT, UID_NONE, manager->polkit, error);
 *      if (r < 0)
 *              return r;       // refused: error is set
 *      if (r == 0)
 *              return 1;       // polkit is being asked; m will be delivered again, or answered with the
 * refusal
 *      ...                     // go on
 *
 * Nothing may happen before the call: the method runs from its start when m comes again.
 */

#include <systemd/sd-bus.h>
#include <sys/types.h>

#include <p2p/macro.h>

#define POLKIT_PENDING_MAX          256u /* questions at a time; LimitsExceeded beyond */
#define POLKIT_PENDING_PER_USER_MAX 32u  /* of one uid */

typedef struct Polkit Polkit;

int polkit_new(sd_bus *bus, Polkit **ret);
Polkit *
polkit_free(Polkit *polkit); /* questions are dropped, their callers answered with NoReply by the bus */
P2P_CLEANUP(Polkit, polkit_free);

/* A user who may do nothing except where authorize() names him as good_user: peerup-proxy. */
void polkit_restrict_user(Polkit *polkit, uid_t uid);

/* 1 go on, 0 pending, < 0 refused (AccessDenied, InteractiveAuthorizationRequired, LimitsExceeded in error).
 * good_user is never asked either; UID_NONE: nobody. A dialog is shown only if the caller allowed it (its
 * message flag). */
int authorize(sd_bus_message *m, const char *action, uid_t good_user, Polkit *polkit, sd_bus_error *error);

/* The rules without bus and polkit: 1 yes, 0 ask, -EACCES no. */
int polkit_judge_uid(const Polkit *polkit, uid_t caller, uid_t own, uid_t good_user);
/* Reads CheckAuthorization's (bba{ss}): 1 yes, 0 no, 2 would need a dialog; < 0 malformed. */
int polkit_read_answer(sd_bus_message *reply);
