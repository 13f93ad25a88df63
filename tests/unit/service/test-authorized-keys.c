/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* authorized_keys: the grammar, wrong lines, expiry, limits, and edits as before and after. */

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "service/atomic-file.h"
#include "service/authorized-keys.h"

#define A "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN" /* libp2p specs/peer-ids */
#define A32                                                                                                 \
        "bafzbeie5745rpv2m6tjyuugywy4d5ewrqgqqhfnf445he3omzpjbx5xqxe" /* an id of the CID form              \
                                                                         [specs/peer-ids] */
#define B "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N"

static p2p_peer_id id_of(const char *text) {
        p2p_peer_id id;

        assert_int_equal(p2p_peer_id_parse(text, &id), 0);
        return id;
}

static AuthorizedKeys *parse(const char *text, ConfigProblems *problems) {
        AuthorizedKeys *keys = NULL;

        assert_int_equal(authorized_keys_parse(P2P_VIEW_STR(text), problems, &keys), 0);
        return keys;
}

static void lines_are_read_to_the_byte(void **state) {
        static const struct {
                const char *line, *comment, *verified, *group;
                uint64_t expires;
        } cases[] = {
                { A, "", "", "", USEC_INFINITY },
                { A "\n", "", "", "", USEC_INFINITY },
                { A "\r\n", "", "", "", USEC_INFINITY },
                { "\t " A "  # home # is = here \n", "home # is = here", "", "", USEC_INFINITY },
                { A "#glued", "glued", "", "", USEC_INFINITY },
                { A "  verified=sha256:0123abcd  group=deadbeef hmac_proof=00 # x", "x", "sha256:0123abcd",
                  "deadbeef", USEC_INFINITY },
                { A " expires=2026-12-31T23:59:59Z", "", "", "", 1798761599000000 },
                { A " expires=2020-01-01T00:00:00Z expires=2026-12-31T23:59:59Z", "", "", "",
                  1798761599000000 },
                { A " expires= bare group==v", "", "", "=v", USEC_INFINITY },
                { A "\xc2\xa0group=nbsp\xe3\x80\x80verified=wide", "", "wide", "nbsp", USEC_INFINITY },
                { A " # bad \xff bytes \x1b[0m", "bad ? bytes ?[0m", "", "", USEC_INFINITY },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                _cleanup_(authorized_keys_freep) AuthorizedKeys *keys = parse(cases[i].line, problems);
                const AuthorizedPeer *peer;
                p2p_peer_id id = id_of(A);

                assert_int_equal(problems->n, 0);
                assert_int_equal(authorized_keys_count(keys), 1);
                peer = authorized_keys_at(keys, 0);
                assert_true(p2p_peer_id_equal(&peer->id, &id));
                assert_string_equal(peer->comment, cases[i].comment);
                assert_string_equal(peer->verified, cases[i].verified);
                assert_string_equal(peer->group, cases[i].group);
                assert_int_equal(peer->expires, cases[i].expires);
                assert_int_equal(peer->line, 1);
        }
}

static void wrong_lines_are_told_and_do_not_count(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(authorized_keys_freep) AuthorizedKeys *keys =
                parse("# a comment\n\n  # another\njunk  # x\n" A " # a\n" B " expires=soon\n" A
                      " # again\nexpires=1 " B "\n",
                      problems);
        static const struct {
                unsigned line;
                const char *text;
        } expect[] = {
                { 4, "'junk' is not a peer id, the line does not count; write what 'peerupctl whoami' "
                     "prints on that "
                     "machine" },
                { 6, "expires=soon is not a time, the line does not count; write e.g. "
                     "expires=2030-12-31T23:59:59Z" },
                { 8, "'expires=1' is not a peer id, the line does not count; write what 'peerupctl whoami' "
                     "prints on that "
                     "machine" },
                { 7, "repeats the peer of line 5, the earlier expiry counts; remove one of the two" },
        };

        (void) state;
        assert_int_equal(authorized_keys_count(keys), 1);
        assert_string_equal(authorized_keys_at(keys, 0)->comment, "a");
        assert_int_equal(problems->n, ELEMENTSOF(expect));
        assert_int_equal(problems->n_errors, 0);
        for (size_t i = 0; i < ELEMENTSOF(expect); i++) {
                assert_int_equal(problems->items[i].line, expect[i].line);
                assert_string_equal(problems->items[i].text, expect[i].text);
        }
}

static void a_byte_order_mark_spoils_only_its_line(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(authorized_keys_freep) AuthorizedKeys *keys =
                parse("\xef\xbb\xbf" A "\n" B "\n", problems);

        (void) state;
        assert_int_equal(authorized_keys_count(keys), 1);
        assert_int_equal(problems->items[0].line, 1);
}

static void expiry_is_by_the_clock(void **state) {
        _cleanup_(authorized_keys_freep) AuthorizedKeys *keys =
                parse(A " expires=2026-12-31T23:59:59Z\n" B "\n" A " expires=2026-01-01T00:00:00Z\n", NULL);
        p2p_peer_id a = id_of(A), b = id_of(B), other = { .n = 3, .data = { 0, 1, 2 } };
        uint64_t t = 1767225600000000; /* the earlier of the two */

        (void) state;
        assert_int_equal(authorized_keys_count(keys), 2);
        assert_true(authorized_keys_allow(keys, &a, t - 1));
        assert_false(authorized_keys_allow(keys, &a, t));
        assert_true(authorized_keys_allow(keys, &b, UINT64_MAX - 1));
        assert_false(authorized_keys_allow(keys, &other, 0));
        assert_false(authorized_keys_allow(NULL, &a, 0));
        assert_int_equal(authorized_keys_next_expiry(keys, 0), t);
        assert_int_equal(authorized_keys_next_expiry(keys, t), USEC_INFINITY);
        assert_int_equal(authorized_keys_next_expiry(NULL, 0), USEC_INFINITY);
        assert_non_null(authorized_keys_find(keys, &a)); /* still in the file */
}

/* n lines of n different peers. */
static char *many(unsigned n, size_t *ret_n) {
        char *text;
        FILE *f = open_memstream(&text, ret_n);

        for (unsigned i = 0; i < n; i++) {
                p2p_peer_id id = { .n = 38,
                                   .data = { 0, 36, 8, 1, 18, 32, (uint8_t) (i >> 16), (uint8_t) (i >> 8),
                                             (uint8_t) i } };
                char id_text[P2P_PEER_ID_TEXT_MAX];

                fprintf(f, "%s # n%u\n", p2p_peer_id_format(&id, id_text), i);
        }
        fclose(f);
        return text;
}

static void sixteen_thousand_peers_and_no_more(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        _cleanup_(authorized_keys_freep) AuthorizedKeys *keys = NULL;
        p2p_peer_id b = id_of(B);
        size_t n, n_out;
        char *text = many(16384 + 2, &n), *out = NULL;

        (void) state;
        assert_int_equal(authorized_keys_parse(P2P_VIEW(text, n), problems, &keys), 0);
        assert_int_equal(authorized_keys_count(keys), 16384);
        assert_int_equal(problems->n, 1);
        assert_int_equal(problems->items[0].line, 16384 + 1);
        for (unsigned i = 0; i < 16384; i += 97) {
                const AuthorizedPeer *peer = authorized_keys_at(keys, i);

                assert_ptr_equal(authorized_keys_find(keys, &peer->id), peer);
        }
        assert_int_equal(authorized_text_add(P2P_VIEW(text, n), &b, NULL, NULL, 0, &out, &n_out), -ENOBUFS);
        free(text);
}

static void long_lines_do_not_count(void **state) {
        for (unsigned over = 0; over <= 1; over++) {
                _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
                _cleanup_(authorized_keys_freep) AuthorizedKeys *keys = NULL;
                size_t n = 65535 + over;
                char *text = malloc(n);

                memset(text, 'x', n);
                memcpy(text, A " #", strlen(A " #"));
                assert_int_equal(authorized_keys_parse(P2P_VIEW(text, n), problems, &keys), 0);
                assert_int_equal(authorized_keys_count(keys), !over);
                free(text);
        }
        (void) state;
}

/* ---- edits ---- */
static int edit(bool add, const char *before, const char *comment, const AuthorizedAttribute *attribute,
                char **ret) {
        p2p_peer_id id = id_of(A);
        p2p_view text = P2P_VIEW_STR(before);
        size_t n;
        int r;

        if (add)
                r = authorized_text_add(text, &id, comment, attribute, attribute ? 1 : 0, ret, &n);
        else
                r = authorized_text_remove(text, &id, ret, &n);
        if (r >= 0)
                assert_int_equal(n, strlen(*ret));
        return r;
}

static void edits_keep_every_other_byte(void **state) {
        static const AuthorizedAttribute expires = { "expires", "2026-12-31T23:59:59Z" },
                                         no_group = { "group", NULL };
        static const struct {
                bool add;
                const char *before, *comment;
                const AuthorizedAttribute *attribute;
                const char *after;
        } cases[] = {
                { true, "", NULL, NULL, A "\n" },
                { true, "# head\n\n" B, "home", NULL, "# head\n\n" B "\n" A "  # home\n" }, /* bug 10 */
                { true, B "\r\n", "a\nb\x1b\xff c\x00", &expires,
                  B "\r\n" A "  expires=2026-12-31T23:59:59Z  # ab c\n" },
                { true, "junk\n", "  trimmed  ", NULL,
                  "junk\n" A "  # trimmed\n" }, /* bug 15: a bad line does not block */
                { true, B "\n", NULL, &no_group, B "\n" A "\n" },
                { false, "# x\n" A " # a\r\nbad\n" A32 " #other\n \t" A, NULL, NULL,
                  "# x\nbad\n" A32 " #other\n" },
        };

        (void) state;
        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                char *text = NULL;
                int r = edit(cases[i].add, cases[i].before, cases[i].comment, cases[i].attribute, &text);

                if (r < 0 || strcmp(text, cases[i].after) != 0)
                        fail_msg("%zu: %d\n%s", i, r, text ?: "");
                free(text);
        }
}

static void edits_that_make_no_sense_are_refused(void **state) {
        static const AuthorizedAttribute wrong[] = {
                { "expires", "soon" }, { "group", "a b" }, { "group", "a#b" },      { "group", "a\nb" },
                { "a=b", "c" },        { "", "x" },        { "group", "\xc3\xa9" },
        };
        char *text = NULL;

        (void) state;
        assert_int_equal(edit(true, A " # there\n", NULL, NULL, &text), -EEXIST);
        assert_int_equal(edit(false, B "\n", NULL, NULL, &text), -ENOENT);
        assert_int_equal(edit(false, "# " A "\n", NULL, NULL, &text), -ENOENT);
        for (size_t i = 0; i < ELEMENTSOF(wrong); i++)
                assert_int_equal(edit(true, "", NULL, &wrong[i], &text), -EINVAL);
}

static void comments_are_cut_between_characters(void **state) {
        char comment[2 * 512 + 1], *text = NULL;
        size_t n;

        (void) state;
        for (unsigned i = 0; i < 512; i++)
                memcpy(comment + 2 * i, "\xc3\xa9", 3);
        comment[1] = 0; /* malformed first */
        memmove(comment, comment + 2, sizeof(comment) - 2);
        assert_int_equal(edit(true, "", comment, NULL, &text), 0);
        n = strlen(text);
        assert_int_equal(n, strlen(A "  # \n") + 512);
        free(text);
}

/* ---- the file ---- */
static void a_file_has_at_most_8_MiB(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        static char lines[1024 * 1024];
        char path[] = "/tmp/peerup-test-XXXXXX";
        AuthorizedKeys *keys = NULL;
        int fd = mkstemp(path);

        (void) state;
        assert_true(fd >= 0);
        memset(lines, '\n', sizeof(lines));
        for (unsigned i = 0; i < 8; i++)
                assert_int_equal(write(fd, lines, sizeof(lines)), sizeof(lines));
        assert_int_equal(authorized_keys_load(path, problems, &keys), 0);
        authorized_keys_free(keys);
        assert_int_equal(write(fd, lines, 1), 1);
        assert_int_equal(authorized_keys_load(path, problems, &keys), -EFBIG);
        (void) close(fd);
        (void) unlink(path);
}

static void the_file_is_made_changed_and_read(void **state) {
        _cleanup_(config_problems_freep) ConfigProblems *problems = config_problems_new();
        static const AuthorizedAttribute group = { "group", "g" };
        char directory[] = "/tmp/peerup-test-XXXXXX", path[64];
        p2p_peer_id a = id_of(A), b = id_of(B);
        AuthorizedKeys *keys = NULL;
        struct stat st;

        (void) state;
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/authorized_keys", directory);
        assert_int_equal(authorized_keys_load(path, problems, &keys), 0); /* no file: nobody */
        assert_int_equal(authorized_keys_count(keys), 0);
        authorized_keys_free(keys);
        assert_int_equal(authorized_keys_remove(path, &a), -ENOENT);

        assert_int_equal(authorized_keys_add(path, &a, "home", &group, 1), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(chmod(path, 0640), 0);
        assert_int_equal(authorized_keys_add(path, &a, "home", NULL, 0), -EEXIST);
        assert_int_equal(authorized_keys_add(path, &b, "laptop", &group, 1), 0);
        assert_int_equal(authorized_keys_load(path, problems, &keys), 0);
        assert_int_equal(authorized_keys_count(keys), 2);
        assert_string_equal(authorized_keys_find(keys, &b)->comment, "laptop");
        assert_string_equal(authorized_keys_find(keys, &b)->group, "g");
        authorized_keys_free(keys);
        assert_int_equal(authorized_keys_remove(path, &a), 0);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0640);
        assert_int_equal(problems->n, 0);

        assert_int_equal(chmod(path, 0666), 0);
        assert_int_equal(authorized_keys_load(path, problems, &keys), -EPERM);
        assert_non_null(
                strstr(problems->items[0].text, "other users can change it (mode 0666); run: chmod 0640 "));
        assert_int_equal(authorized_keys_load(directory, problems, &keys), -EISDIR);
        unlink(path);
        assert_int_equal(rmdir(directory), 0);
}

/* Eight processes add eight peers each: none is lost (the original loses some, files.md 3.3). */
static void writers_at_the_same_time_lose_nothing(void **state) {
        char directory[] = "/tmp/peerup-test-XXXXXX", path[64];
        AuthorizedKeys *keys = NULL;

        (void) state;
        assert_non_null(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/authorized_keys", directory);
        for (unsigned k = 0; k < 8; k++)
                if (fork() == 0) {
                        for (unsigned i = 0; i < 8; i++) {
                                p2p_peer_id id = {
                                        .n = 38, .data = { 0, 36, 8, 1, 18, 32, (uint8_t) k, (uint8_t) i }
                                };

                                if (authorized_keys_add(path, &id, "x", NULL, 0) < 0)
                                        _exit(1);
                        }
                        _exit(0);
                }
        for (unsigned k = 0; k < 8; k++) {
                int status;

                assert_true(wait(&status) > 0);
                assert_int_equal(status, 0);
        }
        assert_int_equal(authorized_keys_load(path, NULL, &keys), 0);
        assert_int_equal(authorized_keys_count(keys), 64);
        authorized_keys_free(keys);
        unlink(path);
        assert_int_equal(rmdir(directory), 0);
}

int main(void) {
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(lines_are_read_to_the_byte),
                cmocka_unit_test(wrong_lines_are_told_and_do_not_count),
                cmocka_unit_test(a_byte_order_mark_spoils_only_its_line),
                cmocka_unit_test(expiry_is_by_the_clock),
                cmocka_unit_test(sixteen_thousand_peers_and_no_more),
                cmocka_unit_test(long_lines_do_not_count),
                cmocka_unit_test(edits_keep_every_other_byte),
                cmocka_unit_test(edits_that_make_no_sense_are_refused),
                cmocka_unit_test(comments_are_cut_between_characters),
                cmocka_unit_test(a_file_has_at_most_8_MiB),
                cmocka_unit_test(the_file_is_made_changed_and_read),
                cmocka_unit_test(writers_at_the_same_time_lose_nothing),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
