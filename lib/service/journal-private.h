/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* One datagram to journald, and the few things that log lines and audit records share: private to journal.c,
 * audit.c. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define JOURNAL_ENTRY_MAX (24u * 1024u) /* fits every audit record: 16 fields of 1 KiB and their names */

typedef struct JournalEntry {
        size_t n;
        char data[JOURNAL_ENTRY_MAX];
} JournalEntry;

/* What does not fit is left out. */
void journal_entry_add(JournalEntry *entry, const char *name, const char *value, size_t n);
void journal_entry_add_number(JournalEntry *entry, const char *name, uint64_t value);
/* Adds who we are and sends; never waits. False: counted as dropped. */
bool journal_entry_send(JournalEntry *entry);

bool journal_is_open(void);
bool journal_wants_json(void);
uint64_t journal_now(void);
void audit_reset(void);
