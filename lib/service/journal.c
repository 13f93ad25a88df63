/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Datagrams in journald's native format ("Native Journal Protocol": NAME=value, or NAME, the length and the
 * bytes where the value has a newline). libsystemd's own sender waits when journald is slow; a program that
 * moves other people's bytes must not, so the socket is ours, non-blocking, and what it refuses is counted.
 */

#include "service/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "service/journal-private.h"
#include "service/problem.h"

#define LINE_MAX_SIZE 2048u

static struct {
        int fd;
        struct sockaddr_un address;
        const char *identifier;
        const char *role;
        bool stderr_is_journal;
        bool json;
        int level;
        uint64_t dropped;
        uint64_t (*now)(void);
} journal = { .fd = -1, .level = LOG_INFO };

static uint64_t boottime(void) {
        struct timespec ts;

        (void) clock_gettime(CLOCK_BOOTTIME, &ts);
        return (uint64_t) ts.tv_sec * USEC_PER_SEC + (uint64_t) ts.tv_nsec / 1000;
}

uint64_t journal_now(void) {
        return journal.now ? journal.now() : boottime();
}

bool journal_is_open(void) {
        return journal.fd >= 0;
}

bool journal_wants_json(void) {
        return journal.json && !journal.stderr_is_journal;
}

/* JOURNAL_STREAM=device:inode says which stream is journald's [systemd.exec(5)]. */
static bool stderr_is_journal(void) {
        const char *stream = getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 && fstat(STDERR_FILENO, &st) >= 0 &&
               st.st_dev == device && st.st_ino == inode;
}

int journal_open_socket(const char *identifier, const char *role, const char *socket_path,
                        uint64_t (*now)(void)) {
        int fd;

        if (strlen(socket_path) >= sizeof(journal.address.sun_path))
                return -EINVAL;
        fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        if (fd < 0)
                return -errno;

        journal_close();
        journal.fd = fd;
        journal.identifier = identifier;
        journal.role = role;
        journal.now = now;
        journal.address = (struct sockaddr_un){ .sun_family = AF_UNIX };
        strcpy(journal.address.sun_path, socket_path);
        return 0;
}

void journal_open(const char *identifier, const char *role) {
        const char *debug = getenv("PEERUP_DEBUG");

        (void) journal_open_socket(identifier, role, "/run/systemd/journal/socket", NULL);
        journal.stderr_is_journal = stderr_is_journal();
        if (debug && strcmp(debug, "1") == 0)
                journal.level = LOG_DEBUG;
}

void journal_set_json(bool enabled) {
        journal.json = enabled;
}

void journal_set_level(int max_priority) {
        journal.level = max_priority;
}

void journal_close(void) {
        if (journal.fd >= 0)
                close(journal.fd);
        journal.fd = -1;
        journal.now = NULL;
        journal.dropped = 0;
        journal.json = false;
        journal.stderr_is_journal = false;
        journal.level = LOG_INFO;
        audit_reset();
}

/* ---- one entry ---- */
void journal_entry_add(JournalEntry *entry, const char *name, const char *value, size_t n) {
        bool binary = memchr(value, '\n', n);
        size_t n_name = strlen(name);
        uint64_t size = htole64(n);
        char *p = entry->data + entry->n;

        if (n_name + n + 2 + sizeof(size) > sizeof(entry->data) - entry->n)
                return;
        p = mempcpy(p, name, n_name);
        *p++ = binary ? '\n' : '=';
        if (binary)
                p = mempcpy(p, &size, sizeof(size));
        p = mempcpy(p, value, n);
        *p++ = '\n';
        entry->n = (size_t) (p - entry->data);
}

void journal_entry_add_number(JournalEntry *entry, const char *name, uint64_t value) {
        char text[24];
        int n = snprintf(text, sizeof(text), "%" PRIu64, value);

        journal_entry_add(entry, name, text, (size_t) n);
}

bool journal_entry_send(JournalEntry *entry) {
        ssize_t n;

        if (journal.fd < 0)
                return false;
        if (journal.identifier)
                journal_entry_add(entry, "SYSLOG_IDENTIFIER", journal.identifier,
                                  strlen(journal.identifier));
        if (journal.role)
                journal_entry_add(entry, "PEERUP_ROLE", journal.role, strlen(journal.role));
        if (journal.dropped > 0)
                journal_entry_add_number(entry, "PEERUP_LOST", journal.dropped);

        n = sendto(journal.fd, entry->data, entry->n, MSG_DONTWAIT | MSG_NOSIGNAL,
                   (const struct sockaddr *) &journal.address, sizeof(journal.address));
        if (n < 0) {
                journal.dropped++;
                return false;
        }
        journal.dropped = 0;
        return true;
}

/* ---- log lines ---- */
static void log_line(int priority, const char *text) {
        JournalEntry entry;

        if (journal.stderr_is_journal && journal.fd >= 0) {
                entry.n = 0;
                journal_entry_add(&entry, "MESSAGE", text, strlen(text));
                journal_entry_add_number(&entry, "PRIORITY", (uint64_t) priority);
                (void) journal_entry_send(&entry);
                return;
        }
        if (isatty(STDERR_FILENO))
                (void) fprintf(stderr, "%s\n", text);
        else
                (void) fprintf(stderr, "<%d>%s\n", priority, text);
}

int log_full(int priority, int error, const char *format, ...) {
        char text[LINE_MAX_SIZE];
        int saved = errno;
        va_list ap;

        if (priority <= journal.level) {
                va_start(ap, format);
                errno = error < 0 ? -error : error; /* %m */
                (void) vsnprintf(text, sizeof(text), format, ap);
                va_end(ap);
                log_line(priority, text);
        }
        errno = saved;
        return error;
}

void log_problems(const char *path, const struct ConfigProblems *problems) {
        for (size_t i = 0; i < problems->n; i++) {
                const ConfigProblem *problem = &problems->items[i];
                int priority = problem->severity == CONFIG_ERROR ? LOG_ERR : LOG_WARNING;

                if (problem->line > 0)
                        (void) log_full(priority, 0, "%s:%u: %s", path, problem->line, problem->text);
                else
                        (void) log_full(priority, 0, "%s: %s", path, problem->text);
        }
        if (problems->n_dropped > 0)
                log_warning("%s: and %zu more", path, problems->n_dropped);
}
