/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * What a program says: log lines, and the audit log.
 *
 * Both go to journald's socket as datagrams that never wait: what the socket does not take is counted and
 * told with the next record that goes through (PEERUP_DROPPED=). Without journald (stderr is not its stream)
 * lines go to stderr. An audit event has a fixed MESSAGE_ID, a priority and a text with @FIELD@ placeholders
 * in one table; each has a rate limit of its own, and what that held back is told likewise.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <syslog.h>

#include <p2p/macro.h>
#include <p2p/peer.h>

typedef enum AuditEvent {
        AUDIT_AUTH_ALLOWED,    /* PEER DIRECTION ADDR */
        AUDIT_AUTH_DENIED,     /* PEER DIRECTION ADDR REASON=unknown|expired|removed */
        AUDIT_SERVICE_DENIED,  /* PEER SERVICE PATH REASON */
        AUDIT_AUTH_CHANGE,     /* ACTION=add|remove|expire|attr|reload SOURCE=file|api, PEER where one */
        AUDIT_RESERVATION,     /* PEER ACTION=open|refresh|refuse|close STATUS */
        AUDIT_CIRCUIT,         /* PEER DST BYTES_RX BYTES_TX DURATION_USEC REASON */
        AUDIT_CIRCUIT_REFUSED, /* PEER DST STATUS */
        AUDIT_SESSION,         /* PEER SERVICE BYTES_RX BYTES_TX DURATION_USEC REASON DIRECTION PATH */
        AUDIT_SESSION_FAILED,  /* PEER SERVICE REASON REMEDY DIRECTION */
        AUDIT_SERVICE_CHANGE,  /* SERVICE ACTION=expose|unexpose|enable|disable */
        AUDIT_CONFIG,          /* ACTION=load|edit FILE */
        AUDIT_CONFIG_REFUSED,  /* ACTION=load FILE REASON */
        AUDIT_RELAY_LOST,      /* PEER (the relay's) ADDR REASON */
        AUDIT_RELAY_RESERVED,  /* PEER ADDR */
        AUDIT_LIFECYCLE,       /* ACTION=ready|reload|stopping VERSION */
        AUDIT_ACCESS_DENIED,   /* UID METHOD ACTION: a D-Bus caller that polkit refused */
        _AUDIT_EVENT_MAX,
} AuditEvent;

/* Name without "PEERUP_". One of the three values. */
typedef struct AuditField {
        const char *name;
        const char *text;
        const p2p_peer_id *peer;
        uint64_t number;
} AuditField;

/* NULL is an empty text. A function, because the address of an array is never NULL and compilers say so. */
static inline const char *audit_text_of(const char *text) {
        return text ? text : "";
}

#define AUDIT_TEXT(n, v)   ((AuditField){ .name = (n), .text = audit_text_of(v) })
#define AUDIT_NUMBER(n, v) ((AuditField){ .name = (n), .number = (v) })
#define AUDIT_PEER(id)     ((AuditField){ .name = "PEER", .peer = (id) })
#define AUDIT_FIELDS_MAX   16u
#define AUDIT_VALUE_MAX    1024u /* longer ones are cut */

/* audit(AUDIT_SESSION, AUDIT_PEER(id), AUDIT_TEXT("SERVICE", name), AUDIT_NUMBER("BYTES_RX", n)); */
#define audit(event, ...)                                                                                   \
        audit_send(event, (const AuditField[]){ __VA_ARGS__ },                                              \
                   ELEMENTSOF(((const AuditField[]){ __VA_ARGS__ })))
void audit_send(AuditEvent event, const AuditField *fields, size_t n_fields);

/* Before the first line. identifier: SYSLOG_IDENTIFIER, role: PEERUP_ROLE; both borrowed for life. Without
 * this call lines go to stderr and audit records nowhere. */
void journal_open(const char *identifier, const char *role);
/* telemetry.audit.enabled: the original's JSON lines on stderr too, where stderr is not the journal's
 * stream. */
void journal_set_json(bool enabled);
/* PEERUP_DEBUG=1 in the environment or this. */
void journal_set_level(int max_priority);
void journal_close(void);
/* For tests: another socket, a clock of one's own (NULL: CLOCK_BOOTTIME), both until journal_close(). */
int journal_open_socket(const char *identifier, const char *role, const char *socket_path,
                        uint64_t (*now)(void));

/* error: a negative errno, what %m prints. Returns error, so that a caller can say `return
 * log_error_errno(...)`. */
int log_full(int priority, int error, const char *format, ...) _printf_(3, 4);
#define log_error(...)                ((void) log_full(LOG_ERR, 0, __VA_ARGS__))
#define log_warning(...)              ((void) log_full(LOG_WARNING, 0, __VA_ARGS__))
#define log_notice(...)               ((void) log_full(LOG_NOTICE, 0, __VA_ARGS__))
#define log_info(...)                 ((void) log_full(LOG_INFO, 0, __VA_ARGS__))
#define log_debug(...)                ((void) log_full(LOG_DEBUG, 0, __VA_ARGS__))
#define log_error_errno(error, ...)   log_full(LOG_ERR, error, __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, error, __VA_ARGS__)
#define log_info_errno(error, ...)    log_full(LOG_INFO, error, __VA_ARGS__)
#define log_debug_errno(error, ...)   log_full(LOG_DEBUG, error, __VA_ARGS__)

struct ConfigProblems;
/* One line each, "config.yaml:12: ...", with its severity. */
void log_problems(const char *path, const struct ConfigProblems *problems);
