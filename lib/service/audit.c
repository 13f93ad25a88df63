/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The audit log: a table of events, each with its MESSAGE_ID, text and rate limit. The ids are for ever:
 * people filter by them, and configs/peerup.catalog explains them. Over its limit an event is counted, and
 * the count goes with the next one of its kind. relay-and-observability.md E.1.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "service/journal-private.h"
#include "service/journal.h"

#define PREFIX "PEERUP_"

typedef struct AuditRule {
        const char *name; /* PEERUP_EVENT */
        const char *id;   /* MESSAGE_ID */
        int priority;
        unsigned burst;     /* records in ten seconds; arbitrary, above what a busy node's people do */
        const char *result; /* PEERUP_RESULT; NULL: none */
        const char *text;
} AuditRule;

#define INTERVAL (10 * USEC_PER_SEC)

static const AuditRule rules[_AUDIT_EVENT_MAX] = {
        [AUDIT_AUTH_ALLOWED] = { "auth_decision", "bf19753a6e82491eb4f36327c36f04af", LOG_INFO, 50, "allow",
                                 "Connected with @PEER@ (@DIRECTION@, @ADDR@)" },
        [AUDIT_AUTH_DENIED] = { "auth_decision", "bf19753a6e82491eb4f36327c36f04af", LOG_WARNING, 20, "deny",
                                "Refused @PEER@ (@DIRECTION@, @ADDR@): @REASON@" },
        [AUDIT_SERVICE_DENIED] = { "service_acl_denied", "c0f5624b6b6c495c97808bed8c675e58", LOG_WARNING, 20,
                                   "deny", "Refused @PEER@ the service @SERVICE@: @REASON@" },
        [AUDIT_AUTH_CHANGE] = { "auth_change", "4fba195ee5df4668b0e451a43240299e", LOG_NOTICE, 100, NULL,
                                "Authorized peers changed: @ACTION@ @PEER@ (by @SOURCE@)" },
        [AUDIT_RESERVATION] = { "relay_reservation", "73a555bebe7243a8ace772bba302f6f8", LOG_INFO, 50, NULL,
                                "Reservation of @PEER@: @ACTION@ @STATUS@" },
        [AUDIT_CIRCUIT] = { "relay_circuit", "e4d3e39d83fa4ae09a641891407f38c7", LOG_INFO, 50, NULL,
                            "Circuit from @PEER@ to @DST@ ended: @REASON@" },
        [AUDIT_CIRCUIT_REFUSED] = { "relay_circuit", "e4d3e39d83fa4ae09a641891407f38c7", LOG_WARNING, 20,
                                    "deny", "Refused a circuit from @PEER@ to @DST@: @STATUS@" },
        [AUDIT_SESSION] = { "proxy_session", "684cdde5fc834bfeae0dcd8d78eab613", LOG_INFO, 200, NULL,
                            "Tunnel to @SERVICE@ (@DIRECTION@, @PEER@) ended: @REASON@" },
        [AUDIT_SESSION_FAILED] = { "session_failed", "1fa760d1d45b47b7877015e82dbe6a8d", LOG_WARNING, 20,
                                   "fail",
                                   "No tunnel to @SERVICE@ (@DIRECTION@, @PEER@): @REASON@. @REMEDY@" },
        [AUDIT_SERVICE_CHANGE] = { "service_change", "7e7759f2909b4b2c9ec4fc898226ddff", LOG_NOTICE, 50,
                                   NULL, "Service @SERVICE@: @ACTION@" },
        [AUDIT_CONFIG] = { "config_event", "1c0a366e676a4819ad4ab59d2c226d68", LOG_NOTICE, 20, NULL,
                           "Configuration: @ACTION@ @FILE@" },
        [AUDIT_CONFIG_REFUSED] = { "config_event", "1c0a366e676a4819ad4ab59d2c226d68", LOG_ERR, 20, "fail",
                                   "Configuration not used: @ACTION@ @FILE@: @REASON@" },
        [AUDIT_RELAY_LOST] = { "relay_lost", "1de85dae5030442b842fbcc8cfec2d8d", LOG_WARNING, 10, "fail",
                               "Lost the relay @PEER@ (@ADDR@): @REASON@" },
        [AUDIT_RELAY_RESERVED] = { "relay_reserved", "13ff869b68b547f9961387c02c4a738f", LOG_INFO, 10, "ok",
                                   "Reachable through the relay @PEER@ (@ADDR@)" },
        [AUDIT_LIFECYCLE] = { "lifecycle", "57e078170eef469f9df713eaf3431aa2", LOG_NOTICE, 20, NULL,
                              "peer-up @VERSION@: @ACTION@" },
        [AUDIT_ACCESS_DENIED] = { "local_access_denied", "82c7c89d8b934244ba6c1c9f6ec91d27", LOG_WARNING, 20,
                                  "deny", "Refused user @UID@ on the bus: @METHOD@ needs @ACTION@" },
};

static struct {
        uint64_t since;
        unsigned n;
        uint64_t dropped;
} budgets[_AUDIT_EVENT_MAX];

void audit_reset(void) {
        memset(budgets, 0, sizeof(budgets));
}

/* ---- values ---- */
static const char *render(const AuditField *field, char out[static AUDIT_VALUE_MAX]) {
        if (field->peer)
                return p2p_peer_id_format(field->peer, out);
        if (field->text)
                (void) snprintf(out, AUDIT_VALUE_MAX, "%s", field->text);
        else
                (void) snprintf(out, AUDIT_VALUE_MAX, "%" PRIu64, field->number);

        return out;
}

static const AuditField *find_field(const AuditField *fields, size_t n, const char *name, size_t n_name) {
        for (size_t i = 0; i < n; i++)
                if (strlen(fields[i].name) == n_name && memcmp(fields[i].name, name, n_name) == 0)
                        return &fields[i];

        return NULL;
}

/* The text with each @FIELD@ replaced; one that was not given, or is empty, leaves no gap where it stood
 * between blanks. */
static size_t expand(const char *text, const AuditField *fields, size_t n, char *out, size_t size) {
        size_t length = 0;

        while (*text && length < size - 1) {
                const char *end = *text == '@' ? strchr(text + 1, '@') : NULL;
                const AuditField *field;
                char value[AUDIT_VALUE_MAX];
                size_t n_value;

                if (!end) {
                        out[length++] = *text++;
                        continue;
                }
                field = find_field(fields, n, text + 1, (size_t) (end - text - 1));
                text = end + 1;
                value[0] = '\0';
                if (field)
                        (void) render(field, value);
                if (!value[0] && length > 0 && out[length - 1] == ' ' && (*text == ' ' || !*text))
                        length--;
                n_value = P2P_MIN(strlen(value), size - 1 - length);
                memcpy(out + length, value, n_value);
                length += n_value;
        }

        return length;
}

/* ---- the original's lines ---- */
static void write_json_text(const char *text) {
        fputc('"', stderr);
        for (const unsigned char *p = (const unsigned char *) text; *p; p++)
                if (*p == '"' || *p == '\\')
                        fprintf(stderr, "\\%c", *p);
                else if (*p < 0x20)
                        fprintf(stderr, "\\u%04x", *p);
                else
                        fputc(*p, stderr);
        fputc('"', stderr);
}

/* Those three that the original has; the peer cut to 16 characters as there. */
static void write_json(AuditEvent event, const AuditField *fields, size_t n) {
        const AuditRule *rule = &rules[event];
        char value[AUDIT_VALUE_MAX], stamp[64] = "";
        struct timespec now;
        struct tm tm;

        if (event != AUDIT_AUTH_ALLOWED && event != AUDIT_AUTH_DENIED && event != AUDIT_SERVICE_DENIED &&
            event != AUDIT_AUTH_CHANGE)
                return;
        (void) clock_gettime(CLOCK_REALTIME, &now);
        if (gmtime_r(&now.tv_sec, &tm))
                (void) strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
        fprintf(stderr, "{\"time\":\"%s.%09ldZ\",\"level\":\"%s\",\"msg\":\"%s\",\"audit\":{", stamp,
                now.tv_nsec,
                rule->priority <= LOG_WARNING && event == AUDIT_SERVICE_DENIED ? "WARN" : "INFO",
                rule->name);
        for (size_t i = 0; i < n; i++) {
                static const char *const names[][2] = {
                        { "PEER", "peer" },
                        { "DIRECTION", "direction" },
                        { "SERVICE", "service" },
                        { "ACTION", "action" },
                };

                for (size_t k = 0; k < ELEMENTSOF(names); k++) {
                        if (strcmp(fields[i].name, names[k][0]) != 0)
                                continue;
                        (void) render(&fields[i], value);
                        if (fields[i].peer && strlen(value) > 16)
                                strcpy(value + 16, "...");
                        fprintf(stderr, "\"%s\":", names[k][1]);
                        write_json_text(value);
                        fputs(i + 1 < n || rule->result ? "," : "", stderr);
                }
        }
        if (rule->result)
                fprintf(stderr, "\"result\":\"%s\"", rule->result);
        fputs("}}\n", stderr);
}

/* ---- sending ---- */
static bool spend(AuditEvent event) {
        uint64_t now = journal_now();

        if (budgets[event].n == 0 || now - budgets[event].since >= INTERVAL) {
                budgets[event].since = now;
                budgets[event].n = 0;
        }
        if (budgets[event].n >= rules[event].burst) {
                budgets[event].dropped++;
                return false;
        }
        budgets[event].n++;
        return true;
}

static void add_text(JournalEntry *entry, const char *name, const char *value) {
        journal_entry_add(entry, name, value, strlen(value));
}

void audit_send(AuditEvent event, const AuditField *fields, size_t n_fields) {
        const AuditRule *rule = &rules[event];
        char value[AUDIT_VALUE_MAX], name[64], text[2048];
        JournalEntry entry;
        size_t n;

        n_fields = P2P_MIN(n_fields, AUDIT_FIELDS_MAX);
        if (!journal_is_open() || !spend(event))
                return;
        if (journal_wants_json())
                write_json(event, fields, n_fields);

        entry.n = 0;
        n = expand(rule->text, fields, n_fields, text, sizeof(text));
        journal_entry_add(&entry, "MESSAGE", text, n);
        journal_entry_add_number(&entry, "PRIORITY", (uint64_t) rule->priority);
        add_text(&entry, "MESSAGE_ID", rule->id);
        add_text(&entry, PREFIX "EVENT", rule->name);
        if (rule->result)
                add_text(&entry, PREFIX "RESULT", rule->result);
        for (size_t i = 0; i < n_fields; i++) {
                (void) snprintf(name, sizeof(name), PREFIX "%s", fields[i].name);
                add_text(&entry, name, render(&fields[i], value));
        }
        if (budgets[event].dropped > 0)
                journal_entry_add_number(&entry, PREFIX "DROPPED", budgets[event].dropped);
        if (journal_entry_send(&entry))
                budgets[event].dropped = 0;
        else
                budgets[event].dropped++;
}
