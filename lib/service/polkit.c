/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The question to polkit, in the manner of systemd's own services: the method's message is put aside,
 * CheckAuthorization is called, and with the answer the message is handed to sd-bus again, so that the
 * method runs from its start and finds the answer here. The subject is the caller's bus name, which polkit
 * itself turns into a process and a session.
 */

#include "service/polkit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <p2p/list.h>
#include "service/bus.h"
#include "service/journal.h"

#define RESTRICTED_MAX 4u
#define TIMEOUT        (5 * USEC_PER_SEC)    /* arbitrary; polkitd starts within it */
#define TIMEOUT_DIALOG (2 * USEC_PER_MINUTE) /* arbitrary; somebody types a password */
#define ANSWER_KEPT    (30 * USEC_PER_SEC)   /* until the message that it is for must have come again */

typedef struct Question {
        Polkit *polkit; /* borrowed */
        p2p_list link;
        sd_bus_message *request;
        sd_bus_message *answer; /* NULL: none yet */
        uint64_t answered_at;
        sd_bus_slot *slot;
        uid_t uid;
        char action[];
} Question;

struct Polkit {
        sd_bus *bus;
        p2p_list questions;
        size_t n;
        uid_t restricted[RESTRICTED_MAX];
        size_t n_restricted;
};

static uint64_t now_usec(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

static void question_free(Question *q) {
        p2p_list_unlink(&q->link);
        q->polkit->n--;
        sd_bus_slot_unref(q->slot);
        sd_bus_message_unref(q->request);
        sd_bus_message_unref(q->answer);
        free(q);
}

int polkit_new(sd_bus *bus, Polkit **ret) {
        Polkit *polkit = calloc(1, sizeof(*polkit));

        if (!polkit)
                return -ENOMEM;
        polkit->bus = sd_bus_ref(bus);
        p2p_list_init(&polkit->questions);

        *ret = polkit;
        return 0;
}

Polkit *polkit_free(Polkit *polkit) {
        Question *q;

        if (!polkit)
                return NULL;

        P2P_LIST_FOREACH(q, &polkit->questions, Question, link)
        question_free(q);
        sd_bus_unref(polkit->bus);
        free(polkit);
        return NULL;
}

void polkit_restrict_user(Polkit *polkit, uid_t uid) {
        if (uid != UID_NONE && polkit->n_restricted < RESTRICTED_MAX)
                polkit->restricted[polkit->n_restricted++] = uid;
}

int polkit_judge_uid(const Polkit *polkit, uid_t caller, uid_t own, uid_t good_user) {
        if (caller == 0 || caller == own || (good_user != UID_NONE && caller == good_user))
                return 1;
        for (size_t i = 0; i < polkit->n_restricted; i++)
                if (polkit->restricted[i] == caller)
                        return -EACCES;

        return 0;
}

int polkit_read_answer(sd_bus_message *reply) {
        int authorized, challenge, r;

        if (sd_bus_message_is_method_error(reply, NULL))
                return 0;
        r = sd_bus_message_enter_container(reply, 'r', "bba{ss}");
        if (r < 0)
                return r;
        r = sd_bus_message_read(reply, "bb", &authorized, &challenge);
        if (r < 0)
                return r;

        return authorized ? 1 : challenge ? 2 : 0;
}

/* ---- asking ---- */
static int on_answer(sd_bus_message *reply, void *userdata, sd_bus_error *error) {
        Question *q = userdata;
        int r;

        (void) error;
        q->slot = sd_bus_slot_unref(q->slot);
        q->answer = sd_bus_message_ref(reply);
        q->answered_at = now_usec();
        r = sd_bus_enqueue_for_read(q->polkit->bus, q->request);
        if (r < 0) {
                (void) sd_bus_reply_method_errno(q->request, r, NULL);
                question_free(q);
        }
        return 1;
}

static int call_polkit(Question *q, sd_bus_message *m) {
        int interactive = sd_bus_message_get_allow_interactive_authorization(m);
        sd_bus_message *call = NULL;
        int r;

        r = sd_bus_message_new_method_call(q->polkit->bus, &call, "org.freedesktop.PolicyKit1",
                                           "/org/freedesktop/PolicyKit1/Authority",
                                           "org.freedesktop.PolicyKit1.Authority", "CheckAuthorization");
        if (r >= 0)
                r = sd_bus_message_append(call, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                          sd_bus_message_get_sender(m), q->action, 0,
                                          interactive > 0 ? 1 : 0, "");
        if (r >= 0)
                r = sd_bus_call_async(q->polkit->bus, &q->slot, call, on_answer, q,
                                      interactive > 0 ? TIMEOUT_DIALOG : TIMEOUT);
        sd_bus_message_unref(call);

        return r;
}

/* Answers whose message never came again, and how many this user waits for. */
static size_t sweep(Polkit *polkit, uid_t uid) {
        uint64_t now = now_usec();
        size_t n = 0;
        Question *q;

        P2P_LIST_FOREACH(q, &polkit->questions, Question, link) {
                if (q->answer && now - q->answered_at > ANSWER_KEPT)
                        question_free(q);
                else
                        n += q->uid == uid;
        }

        return n;
}

static int ask(Polkit *polkit, sd_bus_message *m, const char *action, uid_t uid, sd_bus_error *error) {
        Question *q;
        int r;

        if (sweep(polkit, uid) >= POLKIT_PENDING_PER_USER_MAX || polkit->n >= POLKIT_PENDING_MAX)
                return sd_bus_error_set(
                        error, SD_BUS_ERROR_LIMITS_EXCEEDED,
                        "Too many requests wait for an authorization; answer or cancel some");
        q = calloc(1, sizeof(*q) + strlen(action) + 1);
        if (!q)
                return -ENOMEM;
        *q = (Question){ .polkit = polkit, .request = sd_bus_message_ref(m), .uid = uid };
        strcpy(q->action, action);
        p2p_list_init(&q->link);
        p2p_list_append(&polkit->questions, &q->link);
        polkit->n++;

        r = call_polkit(q, m);
        if (r < 0) {
                question_free(q);
                return r;
        }
        return 0;
}

/* ---- the answer ---- */
static int refuse(sd_bus_message *m, const char *action, uid_t uid, bool dialog, sd_bus_error *error) {
        audit(AUDIT_ACCESS_DENIED, AUDIT_NUMBER("UID", uid),
              AUDIT_TEXT("METHOD", sd_bus_message_get_member(m)), AUDIT_TEXT("ACTION", action));
        if (dialog)
                return sd_bus_error_setf(
                        error, SD_BUS_ERROR_INTERACTIVE_AUTHORIZATION_REQUIRED,
                        "polkit wants a password for %s: run it as root (sudo), or where an "
                        "authentication agent runs",
                        action);

        return sd_bus_error_setf(
                error, SD_BUS_ERROR_ACCESS_DENIED,
                "Not allowed to %s: run it as root (sudo), or join the group peerup where that is "
                "enough",
                action);
}

static Question *find_question(Polkit *polkit, sd_bus_message *m, const char *action) {
        Question *q;

        P2P_LIST_FOREACH(q, &polkit->questions, Question, link)
        if (q->request == m && strcmp(q->action, action) == 0)
                return q;

        return NULL;
}

int authorize(sd_bus_message *m, const char *action, uid_t good_user, Polkit *polkit, sd_bus_error *error) {
        Question *q = find_question(polkit, m, action);
        uid_t uid = UID_NONE;
        int r;

        if (q && !q->answer)
                return 0;
        if (q) {
                r = polkit_read_answer(q->answer);
                uid = q->uid;
                question_free(q);
                return r == 1 ? 1 : refuse(m, action, uid, r == 2, error);
        }

        r = bus_sender_uid(m, &uid);
        if (r < 0)
                return refuse(m, action, uid, false, error);
        r = polkit_judge_uid(polkit, uid, geteuid(), good_user);
        if (r < 0)
                return refuse(m, action, uid, false, error);
        if (r > 0)
                return 1;

        return ask(polkit, m, action, uid, error);
}
