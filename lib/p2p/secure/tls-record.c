/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * TLS 1.3 records [RFC 8446, sections 4.6, 5 and 6.1].
 *
 * Behind the handshake everything is sealed. What a record is stands inside, behind its content and before
 * any padding. Besides data there are alerts, which end the channel, and two handshake messages: tickets,
 * which are skipped, and new keys. A new key of the far side counts from the next record on; one of ours
 * goes out before the next data, when the far side asks for it or the old one has sealed enough.
 */

#include <errno.h>
#include <stdlib.h>

#include "crypto/cert.h"
#include "secure/tls-record.h"
#include "wire/reader.h"
#include "wire/writer.h"

#include <p2p/macro.h>

#define LEGACY_VERSION 0x0303u
#define MESSAGE_MAX    16384u /* arbitrary: of a ticket */

enum { TYPE_ALERT = 21, TYPE_HANDSHAKE = 22, TYPE_DATA = 23 };
enum { NEW_SESSION_TICKET = 4, KEY_UPDATE = 24 };
enum { ALERT_WARNING = 1 };
enum { CLOSE_NOTIFY = 0, USER_CANCELED = 90 };

_Static_assert(P2P_TLS_HEAD_SIZE <= P2P_SEAL_HEAD_MAX, "a head is kept whole");

/* ---- opening */

static uint32_t record_size(const uint8_t *head) {
        return P2P_TLS_HEAD_SIZE + (uint32_t) head[3] * 256 + head[4];
}

/* 1: a whole record of *ret_n bytes; 0: more is needed. */
static int parse(p2p_view in, size_t *ret_n) {
        p2p_reader rd = P2P_READER(in);
        uint8_t type;
        uint16_t body;

        type = p2p_read_u8(&rd);
        (void) p2p_read_be16(&rd); /* a version that means nothing [RFC 8446, 5.1] */
        body = p2p_read_be16(&rd);
        if (rd.error < 0)
                return 0;
        if (type != TYPE_DATA)
                return -EPROTO;
        if (body > P2P_TLS_RECORD_MAX - P2P_TLS_HEAD_SIZE)
                return -EMSGSIZE;
        if (body < 1 + P2P_TLS_TAG_SIZE)
                return -EBADMSG;
        if (rd.n < body)
                return 0;
        *ret_n = P2P_TLS_HEAD_SIZE + body;
        return 1;
}

/* The content is then at record + P2P_TLS_HEAD_SIZE. Returns its type. */
static int open_record(p2p_tls_state *s, uint8_t *record, size_t size, size_t *ret_n) {
        uint8_t *content = record + P2P_TLS_HEAD_SIZE;
        size_t n = size - P2P_TLS_HEAD_SIZE - P2P_TLS_TAG_SIZE;
        int r;

        r = p2p_tls_cipher_open(&s->in, P2P_VIEW(record, P2P_TLS_HEAD_SIZE), content, n);
        if (r < 0)
                return r;
        while (n > 0 && content[n - 1] == 0) /* padding */
                n--;
        if (n == 0)
                return -EPROTO;
        if (n - 1 > P2P_TLS_PLAIN_MAX)
                return -EMSGSIZE;
        *ret_n = n - 1;
        return content[n - 1];
}

static int on_alert(p2p_view content) {
        p2p_reader rd = P2P_READER(content);
        uint8_t alert;
        int r;

        (void) p2p_read_u8(&rd); /* a level that means nothing [RFC 8446, 6] */
        alert = p2p_read_u8(&rd);
        r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;
        if (alert == CLOSE_NOTIFY)
                return 1;
        return alert == USER_CANCELED ? 0 : p2p_cert_alert_error(alert);
}

/* Its last byte says whether we are to follow. Nothing may stand behind it in its record. */
static int on_key_update(p2p_tls_state *s, p2p_reader *rd) {
        uint8_t request = p2p_read_u8(rd);
        int r;

        r = p2p_reader_finish(rd);
        if (r < 0 || request > 1)
                return -EPROTO;
        s->update_due = s->update_due || request == 1;
        s->n_head = s->n_left = 0;
        return p2p_tls_cipher_update(&s->in);
}

static int on_message_head(p2p_tls_state *s) {
        p2p_reader rd = P2P_READER(P2P_VIEW(s->head, sizeof(s->head)));
        uint32_t n;

        n = p2p_read_be32(&rd) & 0xffffff;
        if (s->head[0] == KEY_UPDATE ? n != 1 : s->head[0] != NEW_SESSION_TICKET)
                return -EPROTO;
        if (n > MESSAGE_MAX)
                return -EMSGSIZE;
        s->n_left = n;
        return 0;
}

/* Messages may share a record, and one may take several. */
static int on_handshake(p2p_tls_state *s, p2p_view content) {
        p2p_reader rd = P2P_READER(content);
        int r = 0;

        if (rd.n == 0)
                return -EPROTO;
        while (r == 0 && rd.n > 0) {
                if (s->n_head < sizeof(s->head)) {
                        s->head[s->n_head++] = p2p_read_u8(&rd);
                        if (s->n_head == sizeof(s->head))
                                r = on_message_head(s);
                } else if (s->head[0] == KEY_UPDATE)
                        r = on_key_update(s, &rd);
                else {
                        size_t n = P2P_MIN((size_t) s->n_left, rd.n);

                        (void) p2p_read_bytes(&rd, n);
                        s->n_left -= (uint32_t) n;
                }
                if (s->n_head == sizeof(s->head) && s->n_left == 0)
                        s->n_head = 0;
        }
        return r;
}

static int on_content(p2p_tls_state *s, int type, p2p_view content) {
        if (s->n_head > 0 && type != TYPE_HANDSHAKE)
                return -EPROTO; /* in the middle of a message */
        s->n_idle = type == TYPE_DATA && content.n > 0 ? 0 : s->n_idle + 1;
        if (s->n_idle > P2P_TLS_IDLE_MAX)
                return -EPROTO;
        if (type == TYPE_DATA)
                return 0;
        if (type == TYPE_ALERT)
                return on_alert(content);
        return type == TYPE_HANDSHAKE ? on_handshake(s, content) : -EPROTO;
}

static int tls_open(void *state, uint8_t *data, size_t n, size_t *ret_plain, size_t *ret_sealed) {
        size_t plain = 0, sealed = 0, size, n_content;
        p2p_tls_state *s = state;
        int r;

        for (;;) {
                uint8_t *content = data + sealed + P2P_TLS_HEAD_SIZE;
                int type;

                r = parse(P2P_VIEW(data + sealed, n - sealed), &size);
                if (r <= 0)
                        break;
                type = open_record(s, data + sealed, size, &n_content);
                r = type < 0 ? type : on_content(s, type, P2P_VIEW(content, n_content));
                if (r < 0)
                        break;
                sealed += size;
                if (r > 0)
                        break;
                if (type == TYPE_DATA) {
                        memmove(data + plain, content, n_content);
                        plain += n_content;
                }
        }
        *ret_plain = plain;
        *ret_sealed = sealed;
        return r;
}

/* ---- sealing */

/* A record of the n bytes at record + P2P_TLS_HEAD_SIZE, behind which there is room. */
static ssize_t seal_record(p2p_tls_state *s, uint8_t type, uint8_t *record, size_t n) {
        p2p_writer w = P2P_WRITER(record, P2P_TLS_HEAD_SIZE);
        int r;

        p2p_write_u8(&w, TYPE_DATA);
        p2p_write_be16(&w, LEGACY_VERSION);
        p2p_write_be16(&w, (uint16_t) (n + 1 + P2P_TLS_TAG_SIZE));
        record[P2P_TLS_HEAD_SIZE + n] = type;
        r = p2p_tls_cipher_seal(&s->out, P2P_VIEW(record, P2P_TLS_HEAD_SIZE), record + P2P_TLS_HEAD_SIZE,
                                n + 1);
        return r < 0 ? r : (ssize_t) (n + P2P_TLS_OVERHEAD);
}

static ssize_t tls_seal(void *state, uint8_t *record, size_t n) {
        return seal_record(state, TYPE_DATA, record, n);
}

#define KEY_UPDATE_SIZE 5u

static ssize_t tls_notice(void *state, uint8_t *to) {
        static const uint8_t message[KEY_UPDATE_SIZE] = { KEY_UPDATE, 0, 0, 1, 0 };
        p2p_tls_state *s = state;
        ssize_t k;
        int r;

        if (!s->update_due && s->out.counter < P2P_TLS_KEY_RECORDS_MAX)
                return 0;
        memcpy(to + P2P_TLS_HEAD_SIZE, message, sizeof(message));
        k = seal_record(s, TYPE_HANDSHAKE, to, sizeof(message));
        if (k < 0)
                return k;
        r = p2p_tls_cipher_update(&s->out);
        if (r < 0)
                return r;
        s->update_due = false;
        return k;
}

static ssize_t tls_end(void *state, uint8_t *to) {
        to[P2P_TLS_HEAD_SIZE] = ALERT_WARNING;
        to[P2P_TLS_HEAD_SIZE + 1] = CLOSE_NOTIFY;
        return seal_record(state, TYPE_ALERT, to, 2);
}

/* ---- the value */

static void tls_state_free(void *state) {
        p2p_tls_state *s = state;

        if (!s)
                return;
        p2p_tls_cipher_done(&s->in);
        p2p_tls_cipher_done(&s->out);
        free(s);
}

int p2p_tls_state_new(gnutls_cipher_algorithm_t algorithm, gnutls_digest_algorithm_t hash,
                      p2p_view in_secret, p2p_view out_secret, p2p_tls_state **ret) {
        p2p_tls_state *s;
        int r;

        s = calloc(1, sizeof(*s));
        if (!s)
                return -ENOMEM;
        r = p2p_tls_cipher_init(&s->in, algorithm, hash, in_secret);
        if (r == 0)
                r = p2p_tls_cipher_init(&s->out, algorithm, hash, out_secret);
        if (r < 0) {
                tls_state_free(s);
                return r;
        }
        *ret = s;
        return 0;
}

const p2p_seal_format p2p_tls_format = {
        .head_size = P2P_TLS_HEAD_SIZE,
        .overhead = P2P_TLS_OVERHEAD,
        .plain_max = P2P_TLS_PLAIN_MAX,
        .record_max = P2P_TLS_RECORD_MAX,
        .notice_max = P2P_TLS_OVERHEAD + KEY_UPDATE_SIZE,
        .record_size = record_size,
        .open = tls_open,
        .seal = tls_seal,
        .notice = tls_notice,
        .end = tls_end,
        .free = tls_state_free,
};
