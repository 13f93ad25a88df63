/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* TLS 1.3 records: keys as RFC 8448 prints them, every split, and what a far side may and may not send. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <p2p/macro.h>

#include "secure/sealed-channel.h"
#include "secure/tls-record.h"
#include "tests/support/hex.h"
#include "tests/support/memory.h"
#include "tests/support/pattern.h"

#define BIG (P2P_TLS_RECORD_MAX + 100u) /* a reader's buffer that is opened in */

static uint8_t buf[P2P_SCRATCH_SIZE + 4096];

static const struct suite {
        gnutls_cipher_algorithm_t cipher;
        gnutls_digest_algorithm_t hash;
        size_t n;
} suites[] = {
        { GNUTLS_CIPHER_AES_128_GCM, GNUTLS_DIG_SHA256, 32 },
        { GNUTLS_CIPHER_AES_256_GCM, GNUTLS_DIG_SHA384, 48 },
        { GNUTLS_CIPHER_CHACHA20_POLY1305, GNUTLS_DIG_SHA256, 32 },
};

static p2p_tls_state *state_new(const struct suite *suite, uint8_t in, uint8_t out) {
        uint8_t a[P2P_TLS_SECRET_MAX], b[P2P_TLS_SECRET_MAX];
        p2p_tls_state *s;

        memset(a, in, sizeof(a));
        memset(b, out, sizeof(b));
        assert_int_equal(p2p_tls_state_new(suite->cipher, suite->hash, P2P_VIEW(a, suite->n), P2P_VIEW(b, suite->n), &s),
                         0);
        return s;
}

static void keys_follow_from_the_secret(void **state) {
        p2p_tls_cipher c;

        (void) state;
        /* RFC 8448, section 3: the server's application traffic. */
        assert_int_equal(p2p_tls_cipher_init(&c, GNUTLS_CIPHER_AES_128_GCM, GNUTLS_DIG_SHA256,
                                             HEX("a11af9f05531f856ad47116b45a950328204b4f44bfb6b3a4b4f1f3fcb631643")),
                         0);
        assert_memory_equal(c.key, HEX("9f02283b6c9c07efc26bb9f2ac92e356").data, 16);
        assert_memory_equal(c.iv, HEX("cf782b88dd83549aadf1e984").data, 12);
        p2p_tls_cipher_done(&c);
        assert_int_equal(p2p_tls_cipher_init(&c, GNUTLS_CIPHER_AES_128_CBC, GNUTLS_DIG_SHA256, P2P_VIEW(buf, 32)),
                         -EPROTONOSUPPORT);
        assert_int_equal(p2p_tls_cipher_init(&c, GNUTLS_CIPHER_AES_128_GCM, GNUTLS_DIG_SHA256, P2P_VIEW(buf, 48)),
                         -EPROTONOSUPPORT);
}

/* One sealed end, and the far side by hand on the raw bytes below it. */
typedef struct fixture {
        p2p_loop *loop;
        p2p_channel *sealed, *raw;
        p2p_tls_state *far;
} fixture;

static void setup(fixture *f, const struct suite *suite, const p2p_memory_options *options) {
        p2p_channel *below;

        *f = (fixture){};
        assert_int_equal(p2p_loop_new_manual(&f->loop), 0);
        assert_int_equal(p2p_memory_pair(f->loop, options, &below, &f->raw), 0);
        assert_int_equal(p2p_sealed_channel_new(f->loop, below, &p2p_tls_format, state_new(suite, 1, 2), &f->sealed), 0);
        f->far = state_new(suite, 2, 1);
}

static void done(fixture *f) {
        p2p_channel_free(f->sealed);
        p2p_channel_free(f->raw);
        p2p_tls_format.free(f->far);
        p2p_loop_free(f->loop);
}

/* A record of the far side with any content: type and padding are the caller's. */
static size_t far_record(fixture *f, uint8_t *to, p2p_view content) {
        uint8_t ad[5] = { 23, 3, 3, (uint8_t) ((content.n + 16) >> 8), (uint8_t) (content.n + 16) };

        memcpy(to, ad, sizeof(ad));
        memcpy(to + 5, content.data, content.n);
        assert_int_equal(p2p_tls_cipher_seal(&f->far->out, P2P_VIEW(ad, 5), to + 5, content.n), 0);
        return content.n + 5 + 16;
}

static void far_send(fixture *f, p2p_view content) {
        static uint8_t record[5 + (1 << 16)];
        size_t n = far_record(f, record, content);

        assert_int_equal(p2p_channel_write(f->raw, record, n), n);
}

static void on_meanwhile(uint32_t noise, void *userdata) {
        p2p_tls_state *s = userdata;

        s->update_due = noise >> 29 == 0;
}

/* Bytes in odd pieces, both ends ours, through every split and into buffers of every kind; keys change meanwhile. */
static void bytes_pass_at_every_split(void **state) {
        static const size_t reads[] = { 1, 100, 4096, BIG, P2P_SCRATCH_SIZE };

        (void) state;
        for (size_t i = 0; i < PATTERN_PATHS * ELEMENTSOF(reads); i++) {
                size_t total = pattern_paths[i / ELEMENTSOF(reads)].total, read_max = reads[i % ELEMENTSOF(reads)];
                const struct suite *suite = &suites[i % ELEMENTSOF(suites)];
                p2p_tls_state *of_us = state_new(suite, 1, 2);
                _cleanup_(p2p_loop_freep) p2p_loop *loop = NULL;
                _cleanup_(p2p_channel_freep) p2p_channel *us = NULL, *them = NULL;
                p2p_channel *a, *b;

                if (read_max == 1)
                        total = P2P_MIN(total, (size_t) 100000);
                assert_int_equal(p2p_loop_new_manual(&loop), 0);
                assert_int_equal(p2p_memory_pair(loop, &pattern_paths[i / ELEMENTSOF(reads)].options, &a, &b), 0);
                assert_int_equal(p2p_sealed_channel_new(loop, a, &p2p_tls_format, of_us, &us), 0);
                assert_int_equal(p2p_sealed_channel_new(loop, b, &p2p_tls_format, state_new(suite, 2, 1), &them), 0);
                pattern_flow_run(&(pattern_flow){ loop, us, them, total, read_max, on_meanwhile, of_us });
                (void) p2p_channel_shutdown(us);
                for (unsigned turn = 0; turn < 100 && p2p_channel_read(them, buf, read_max) == -EAGAIN; turn++)
                        (void) p2p_loop_settle(loop);
                assert_int_equal(p2p_channel_read(them, buf, read_max), 0);
        }
}

/* A key wears out: the next one is announced, and used from the next record on. */
static void a_worn_key_is_replaced(void **state) {
        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(suites); i++) {
                p2p_tls_state *us = state_new(&suites[i], 1, 2), *them = state_new(&suites[i], 2, 1);
                size_t n = 0, plain, sealed;

                us->out.counter = them->in.counter = P2P_TLS_KEY_RECORDS_MAX - 1;
                assert_int_equal(p2p_tls_format.notice(us, buf), 0);
                memcpy(buf + 5, "old", 3);
                n += (size_t) p2p_tls_format.seal(us, buf, 3);
                assert_int_equal(us->out.counter, P2P_TLS_KEY_RECORDS_MAX);
                n += (size_t) p2p_tls_format.notice(us, buf + n);
                assert_int_equal(us->out.counter, 0);
                memcpy(buf + n + 5, "new", 3);
                n += (size_t) p2p_tls_format.seal(us, buf + n, 3);
                assert_int_equal(p2p_tls_format.open(them, buf, n, &plain, &sealed), 0);
                assert_int_equal(plain, 6);
                assert_memory_equal(buf, "oldnew", 6);
                assert_int_equal(sealed, n);
                assert_int_equal(them->in.counter, 1);
                assert_false(them->update_due);
                p2p_tls_format.free(us);
                p2p_tls_format.free(them);
        }
}

/* The far side asks for a new key of ours: it comes before our next data, once however often it asked. */
static void a_new_key_is_made_when_asked_for(void **state) {
        size_t plain, sealed;
        fixture f;
        ssize_t k;

        (void) state;
        setup(&f, &suites[0], NULL);
        for (unsigned i = 0; i < 2; i++) {
                far_send(&f, P2P_VIEW("\x18\0\0\x01\x01\x16", 6));
                assert_int_equal(p2p_tls_cipher_update(&f.far->out), 0);
        }
        far_send(&f, P2P_VIEW("hi\x17", 3));
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 2);
        assert_int_equal(p2p_channel_write(f.sealed, "there", 5), 5);
        k = p2p_channel_read(f.raw, buf, sizeof(buf));
        assert_int_equal(k, 5 + 6 + 16 + 5 + 6 + 16);
        assert_int_equal(p2p_tls_format.open(f.far, buf, (size_t) k, &plain, &sealed), 0);
        assert_int_equal(plain, 5);
        assert_memory_equal(buf, "there", 5);
        done(&f);
}

static void an_end_is_told_and_heard(void **state) {
        fixture f;

        (void) state;
        setup(&f, &suites[0], NULL);
        /* Ours: behind what was written. We still read. */
        assert_int_equal(p2p_channel_write(f.sealed, "bye", 3), 3);
        assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
        assert_int_equal(p2p_channel_shutdown(f.sealed), 0);
        assert_int_equal(p2p_channel_write(f.sealed, "no", 2), -EPIPE);
        for (size_t n = 0, plain, sealed;;) {
                ssize_t k = p2p_channel_read(f.raw, buf + n, sizeof(buf) - n);

                if (k > 0) {
                        n += (size_t) k;
                        continue;
                }
                assert_int_equal(k, 0);
                assert_int_equal(p2p_tls_format.open(f.far, buf, n, &plain, &sealed), 1);
                assert_int_equal(plain, 3);
                assert_int_equal(sealed, n);
                break;
        }
        far_send(&f, P2P_VIEW("late\x17", 5));
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 4);

        /* Theirs: what follows means nothing. */
        far_send(&f, P2P_VIEW("last\x17", 5));
        far_send(&f, P2P_VIEW("\x01\0\x15", 3));
        far_send(&f, P2P_VIEW("more\x17", 5));
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 4);
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 0);
        assert_int_equal(p2p_channel_read(f.sealed, buf, 1), 0);
        done(&f);
}

/* A path that ends without a word is an end between two records, and a reset within one. */
static void truncation_between_records_is_an_end(void **state) {
        fixture f;

        (void) state;
        for (unsigned cut = 0; cut < 2; cut++) {
                setup(&f, &suites[0], NULL);
                far_send(&f, P2P_VIEW("all\x17", 4));
                if (cut > 0)
                        assert_int_equal(p2p_channel_write(f.raw, "\x17\x03\x03\x01", 4), 4);
                (void) p2p_channel_shutdown(f.raw);
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 3);
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), cut > 0 ? -ECONNRESET : 0);
                done(&f);
        }
}

static void contents_are_judged(void **state) {
        static const struct { const char *why; uint8_t in[64]; size_t n; int expect; } cases[] = {
                { "data",                   "x\x17",                              2, 1               },
                { "padded data",            "x\x17\0\0\0\0\0",                    7, 1               },
                { "empty data",             "\x17",                               1, -EAGAIN         },
                { "a ticket",               "\x04\0\0\x02" "ab\x16",              7, -EAGAIN         },
                { "two tickets",            "\x04\0\0\x01" "a\x04\0\0\0\x16",     10, -EAGAIN        },
                { "half a ticket",          "\x04\0\0\x02" "a\x16",               6, -EAGAIN         },
                { "user_canceled",          "\x01\x5a\x15",                       3, -EAGAIN         },
                { "nothing",                "\0\0\0",                             3, -EPROTO         },
                { "a second hello",         "\x01\0\0\x01" "a\x16",               6, -EPROTO         },
                { "a request for more",     "\x0d\0\0\x01" "a\x16",               6, -EPROTO         },
                { "a key of another size",  "\x18\0\0\x02\0\0\x16",               7, -EPROTO         },
                { "a key with another ask", "\x18\0\0\x01\x02\x16",               6, -EPROTO         },
                { "bytes behind a key",     "\x18\0\0\x01\0\x04\0\0\0\x16",       10, -EPROTO        },
                { "a ticket too large",     "\x04\0\x40\x01\x16",                 5, -EMSGSIZE       },
                { "an empty handshake",     "\x16",                               1, -EPROTO         },
                { "change cipher spec",     "\x01\x14",                           2, -EPROTO         },
                { "an unknown type",        "x\x19",                              2, -EPROTO         },
                { "bad_certificate",        "\x02\x2a\x15",                       3, -EKEYREJECTED   },
                { "certificate_required",   "\x02\x74\x15",                       3, -EKEYREJECTED   },
                { "certificate_expired",    "\x02\x2d\x15",                       3, -EKEYREJECTED   },
                { "no application protocol","\x02\x78\x15",                       3, -EPROTONOSUPPORT },
                { "internal error",         "\x02\x50\x15",                       3, -EPROTO         },
                { "half an alert",          "\x02\x15",                           2, -EBADMSG        },
                { "an alert and a byte",    "\x02\x2a\x01\x15",                   4, -EBADMSG        },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                ssize_t k;
                fixture f;

                setup(&f, &suites[i % ELEMENTSOF(suites)], NULL);
                far_send(&f, P2P_VIEW(cases[i].in, cases[i].n));
                k = p2p_channel_read(f.sealed, buf, BIG);
                if (k != cases[i].expect)
                        fail_msg("%s: %zd", cases[i].why, k);
                if (k < 0 && k != -EAGAIN) {
                        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), cases[i].expect); /* for good */
                        assert_int_equal(p2p_channel_write(f.sealed, "x", 1), cases[i].expect);
                }
                done(&f);
        }
}

static void data_may_not_cut_a_message(void **state) {
        fixture f;

        (void) state;
        setup(&f, &suites[0], NULL);
        far_send(&f, P2P_VIEW("\x18\0\0\x16", 4)); /* in pieces is fine */
        far_send(&f, P2P_VIEW("\x01\x16", 2));
        far_send(&f, P2P_VIEW("\0\x16", 2));
        assert_int_equal(p2p_tls_cipher_update(&f.far->out), 0);
        far_send(&f, P2P_VIEW("x\x17", 2));
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 1);
        far_send(&f, P2P_VIEW("\x18\0\0\x16", 4));
        far_send(&f, P2P_VIEW("x\x17", 2));
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EPROTO);
        done(&f);
}

static void records_without_data_end_somewhere(void **state) {
        fixture f;

        (void) state;
        setup(&f, &suites[0], NULL);
        for (unsigned round = 0; round < 2; round++) {
                for (unsigned i = 0; i < 32; i++)
                        far_send(&f, P2P_VIEW("\x17", 1));
                far_send(&f, P2P_VIEW("x\x17", 2));
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 1);
        }
        for (unsigned i = 0; i <= 32; i++)
                far_send(&f, P2P_VIEW("\x17", 1));
        assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EPROTO);
        done(&f);
}

static void sizes_are_limited(void **state) {
        static uint8_t content[P2P_TLS_PLAIN_MAX + 2];
        static const struct { uint8_t head[5]; int expect; } heads[] = {
                { { 23, 3, 3, 0x41, 0x01 }, -EMSGSIZE }, /* one above 2^14 + 256 */
                { { 23, 3, 3, 0x00, 0x10 }, -EBADMSG },  /* no room for a type */
                { { 22, 3, 3, 0x00, 0x20 }, -EPROTO },   /* not sealed */
                { { 21, 3, 3, 0x00, 0x02 }, -EPROTO },
        };
        fixture f;

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(heads); i++) {
                setup(&f, &suites[0], NULL);
                assert_int_equal(p2p_channel_write(f.raw, heads[i].head, 5), 5);
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), heads[i].expect);
                done(&f);
        }
        for (size_t more = 0; more < 2; more++) {
                setup(&f, &suites[0], NULL);
                memset(content, 'x', sizeof(content));
                content[P2P_TLS_PLAIN_MAX + more] = 23;
                far_send(&f, P2P_VIEW(content, P2P_TLS_PLAIN_MAX + more + 1));
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), more ? -EMSGSIZE : (int) P2P_TLS_PLAIN_MAX);
                done(&f);
        }
}

/* Any bit of a record changed, a record twice, or one left out. */
static void tampering_is_noticed(void **state) {
        uint8_t record[64], first[64];
        fixture f;
        size_t n;

        (void) state;
        for (size_t s = 0; s < ELEMENTSOF(suites); s++) {
                for (size_t bit = 3 * 8; bit < 28 * 8; bit++) {
                        setup(&f, &suites[s], NULL);
                        n = far_record(&f, record, P2P_VIEW("secret\x17", 7));
                        record[bit / 8] ^= (uint8_t) (1 << bit % 8);
                        assert_int_equal(p2p_channel_write(f.raw, record, n), n);
                        (void) p2p_channel_shutdown(f.raw);
                        assert_true(p2p_channel_read(f.sealed, buf, BIG) < 0);
                        done(&f);
                }
                setup(&f, &suites[s], NULL);
                n = far_record(&f, first, P2P_VIEW("one\x17", 4));
                (void) far_record(&f, record, P2P_VIEW("two\x17", 4));
                assert_int_equal(p2p_channel_write(f.raw, record, n), n); /* the first is left out */
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EBADMSG);
                done(&f);
                setup(&f, &suites[s], NULL);
                n = far_record(&f, first, P2P_VIEW("one\x17", 4));
                assert_int_equal(p2p_channel_write(f.raw, first, n), n);
                assert_int_equal(p2p_channel_write(f.raw, first, n), n);
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), 3);
                assert_int_equal(p2p_channel_read(f.sealed, buf, BIG), -EBADMSG);
                done(&f);
        }
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(keys_follow_from_the_secret),
                cmocka_unit_test(bytes_pass_at_every_split),
                cmocka_unit_test(a_worn_key_is_replaced),
                cmocka_unit_test(a_new_key_is_made_when_asked_for),
                cmocka_unit_test(an_end_is_told_and_heard),
                cmocka_unit_test(truncation_between_records_is_an_end),
                cmocka_unit_test(contents_are_judged),
                cmocka_unit_test(data_may_not_cut_a_message),
                cmocka_unit_test(records_without_data_end_somewhere),
                cmocka_unit_test(sizes_are_limited),
                cmocka_unit_test(tampering_is_noticed),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
