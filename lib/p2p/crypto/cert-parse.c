/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The shape of a libp2p certificate (wire reference 6) [specs/tls; RFC 5280 section 4.1].
 *
 * Every byte is accounted for: each SEQUENCE is read to its end. Of the extensions, three of X.509's are
 * understood besides libp2p's, and matter in two: a key that may not sign, or a purpose other than a
 * server's, is refused as go refuses it. Any other may be there unless it is critical.
 */

#include <errno.h>

#include "crypto/cert-parse.h"
#include "crypto/der.h"

#define VERSION_3      2u
#define TAG_VERSION    0xa0
#define TAG_ISSUER_ID  0x81
#define TAG_SUBJECT_ID 0x82
#define TAG_EXTENSIONS 0xa3
#define SERIAL_MAX     20u /* RFC 5280, 4.1.2.2 */

static const uint8_t oid_libp2p[] = { 0x2b, 0x06, 0x01, 0x04, 0x01, 0x83, 0xa2, 0x5a, 0x01, 0x01 };
static const uint8_t oid_key_usage[] = { 0x55, 0x1d, 0x0f };
static const uint8_t oid_basic_constraints[] = { 0x55, 0x1d, 0x13 };
static const uint8_t oid_extended_key_usage[] = { 0x55, 0x1d, 0x25 };
static const uint8_t oid_server_auth[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01 };
static const uint8_t oid_any_usage[] = { 0x55, 0x1d, 0x25, 0x00 };

#define KEY_USAGE_DIGITAL_SIGNATURE 0x80u

static bool is(p2p_view oid, const uint8_t *known, size_t n) {
        return p2p_view_equal(oid, P2P_VIEW(known, n));
}
#define IS(oid, known) is(oid, known, sizeof(known))

/* SignedKey: what host key, and its signature. */
static int on_libp2p(p2p_view value, p2p_cert_parts *parts) {
        p2p_reader rd = P2P_READER(value), signed_key;
        int r;

        if (parts->host_key.data)
                return -EBADMSG; /* twice */
        signed_key = p2p_der_enter(&rd, P2P_DER_SEQUENCE);
        r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;

        parts->host_key = p2p_der_read(&signed_key, P2P_DER_OCTET_STRING, NULL);
        parts->host_signature = p2p_der_read(&signed_key, P2P_DER_OCTET_STRING, NULL);
        return p2p_reader_finish(&signed_key);
}

static int on_key_usage(p2p_view value, p2p_cert_parts *parts) {
        p2p_reader rd = P2P_READER(value), bits;

        (void) parts;
        bits = p2p_der_enter(&rd, P2P_DER_BIT_STRING);
        (void) p2p_read_u8(&bits); /* how many bits of the last byte do not count: the first one does */
        if (!(p2p_read_u8(&bits) & KEY_USAGE_DIGITAL_SIGNATURE))
                return -EBADMSG;
        return p2p_reader_finish(&rd);
}

static int on_extended_key_usage(p2p_view value, p2p_cert_parts *parts) {
        p2p_reader rd = P2P_READER(value), usages;
        bool is_fit = false;
        int r;

        (void) parts;
        usages = p2p_der_enter(&rd, P2P_DER_SEQUENCE);
        while (usages.error == 0 && usages.n > 0) {
                p2p_view oid = p2p_der_read(&usages, P2P_DER_OID, NULL);

                is_fit = is_fit || IS(oid, oid_server_auth) || IS(oid, oid_any_usage);
        }
        r = p2p_reader_finish(&usages);
        if (r == 0)
                r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;
        return is_fit ? 0 : -EBADMSG;
}

static int on_basic_constraints(p2p_view value, p2p_cert_parts *parts) {
        (void) value; /* about whom it may certify: it is asked about nobody */
        (void) parts;
        return 0;
}

static const struct {
        p2p_view oid;
        int (*handle)(p2p_view value, p2p_cert_parts *parts);
} extensions[] = {
        { { oid_libp2p,             sizeof(oid_libp2p)             }, on_libp2p             },
        { { oid_key_usage,          sizeof(oid_key_usage)          }, on_key_usage          },
        { { oid_extended_key_usage, sizeof(oid_extended_key_usage) }, on_extended_key_usage },
        { { oid_basic_constraints,  sizeof(oid_basic_constraints)  }, on_basic_constraints  },
};

static int read_extension(p2p_reader *list, p2p_cert_parts *parts) {
        p2p_reader rd = p2p_der_enter(list, P2P_DER_SEQUENCE);
        p2p_view oid, critical, value;
        bool is_critical = false;
        int r;

        oid = p2p_der_read(&rd, P2P_DER_OID, NULL);
        if (p2p_der_read_optional(&rd, P2P_DER_BOOLEAN, &critical)) {
                if (critical.n != 1 || (critical.data[0] != 0 && critical.data[0] != 0xff))
                        return -EBADMSG;
                is_critical = critical.data[0] != 0;
        }
        value = p2p_der_read(&rd, P2P_DER_OCTET_STRING, NULL);
        r = p2p_reader_finish(&rd);
        if (r < 0)
                return r;

        for (size_t i = 0; i < sizeof(extensions) / sizeof(*extensions); i++)
                if (p2p_view_equal(oid, extensions[i].oid))
                        return extensions[i].handle(value, parts);
        return is_critical ? -EBADMSG : 0;
}

static int read_extensions(p2p_view content, p2p_cert_parts *parts) {
        p2p_reader rd = P2P_READER(content), list;
        int r;

        list = p2p_der_enter(&rd, P2P_DER_SEQUENCE);
        r = p2p_reader_finish(&rd);
        while (r == 0 && list.n > 0)
                r = read_extension(&list, parts);
        if (r < 0)
                return r;
        return parts->host_key.data ? 0 : -EBADMSG;
}

/* UTCTime has two digits of a year, of 1950 to 2049 [RFC 5280, 4.1.2.5]. */
static void read_time(p2p_reader *rd, char ret[static P2P_CERT_TIME_SIZE]) {
        char *to = ret;
        p2p_view text;

        if (p2p_der_read_optional(rd, P2P_DER_UTC_TIME, &text)) {
                memcpy(to, text.n > 0 && text.data[0] >= '5' ? "19" : "20", 2);
                to += 2;
        } else
                text = p2p_der_read(rd, P2P_DER_GENERALIZED_TIME, NULL);

        if (text.n != (size_t) (ret + P2P_CERT_TIME_SIZE - to) + 1 || text.data[text.n - 1] != 'Z')
                return p2p_reader_fail(rd, -EBADMSG);
        for (size_t i = 0; i + 1 < text.n; i++) {
                if (text.data[i] < '0' || text.data[i] > '9')
                        return p2p_reader_fail(rd, -EBADMSG);
                to[i] = (char) text.data[i];
        }
}

static void read_validity(p2p_reader *tbs, p2p_cert_parts *parts) {
        p2p_reader rd = p2p_der_enter(tbs, P2P_DER_SEQUENCE);
        int r;

        read_time(&rd, parts->not_before);
        read_time(&rd, parts->not_after);
        r = p2p_reader_finish(&rd);
        if (r < 0)
                p2p_reader_fail(tbs, r);
}

static void read_head(p2p_reader *tbs, p2p_view *ret_algorithm) {
        p2p_reader version = p2p_der_enter(tbs, TAG_VERSION);
        p2p_view number = p2p_der_read(&version, P2P_DER_INTEGER, NULL), serial;

        if (p2p_reader_finish(&version) < 0 || number.n != 1 || number.data[0] != VERSION_3)
                p2p_reader_fail(tbs, -EBADMSG);
        serial = p2p_der_read(tbs, P2P_DER_INTEGER, NULL);
        if (serial.n < 1 || serial.n > SERIAL_MAX)
                p2p_reader_fail(tbs, -EBADMSG);
        *ret_algorithm = p2p_der_read(tbs, P2P_DER_SEQUENCE, NULL);
}

static int parse_tbs(p2p_view content, p2p_view *ret_algorithm, p2p_cert_parts *parts) {
        p2p_reader tbs = P2P_READER(content);
        p2p_view list, unused;
        int r;

        read_head(&tbs, ret_algorithm);
        (void) p2p_der_read(&tbs, P2P_DER_SEQUENCE, NULL); /* issuer: itself, whatever it says */
        read_validity(&tbs, parts);
        (void) p2p_der_read(&tbs, P2P_DER_SEQUENCE, NULL); /* subject */
        (void) p2p_der_read(&tbs, P2P_DER_SEQUENCE, &parts->spki);
        (void) p2p_der_read_optional(&tbs, TAG_ISSUER_ID, &unused);
        (void) p2p_der_read_optional(&tbs, TAG_SUBJECT_ID, &unused);
        list = p2p_der_read(&tbs, TAG_EXTENSIONS, NULL);
        r = p2p_reader_finish(&tbs);
        return r < 0 ? r : read_extensions(list, parts);
}

int p2p_cert_parse(p2p_view der, p2p_cert_parts *ret) {
        p2p_reader outer = P2P_READER(der), certificate, algorithm;
        p2p_cert_parts parts = {};
        p2p_view tbs, claimed, actual;
        int r;

        certificate = p2p_der_enter(&outer, P2P_DER_SEQUENCE);
        tbs = p2p_der_read(&certificate, P2P_DER_SEQUENCE, &parts.tbs);
        actual = p2p_der_read(&certificate, P2P_DER_SEQUENCE, NULL);
        algorithm = P2P_READER(actual);
        parts.signature = p2p_der_read_bits(&certificate);
        parts.algorithm = p2p_der_read(&algorithm, P2P_DER_OID, NULL); /* parameters, if any, say nothing */
        r = p2p_reader_finish(&certificate);
        if (r == 0)
                r = p2p_reader_finish(&outer);
        if (r == 0)
                r = algorithm.error;
        if (r == 0)
                r = parse_tbs(tbs, &claimed, &parts);
        if (r < 0)
                return r;
        if (!p2p_view_equal(claimed, actual))
                return -EBADMSG;

        *ret = parts;
        return 0;
}
