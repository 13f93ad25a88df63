/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * From a command line to a verb. A verb of two words is a noun and what to do with it; a word that is
 * neither is answered with the nearest one. Everything that can be wrong about a line is told before
 * anything is done.
 */

#include "cli/verbs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/output.h"

#define EXIT_USAGE 2

static int verb_help(Context *context);

static const Verb verbs[] = {
        { "status", 0, 0, "", 0, 0, verb_status, "Show this node: id, addresses, relays, what is wrong" },
        { "whoami", 0, 0, "", 0, 0, verb_whoami, "Show the peer id of this node" },
        { "peers", 0, 0, "", OPTION_ALL, 0, verb_peers, "List peers with a connection" },
        { "services", 0, 0, "", 0, 0, verb_services, "List what this node offers" },
        { "proxies", 0, 0, "", 0, 0, verb_proxies, "List local sockets that lead to services of peers" },
        { "ping", 1, 1, "PEER", OPTION_COUNT | OPTION_INTERVAL, 0, verb_ping,
          "Measure the way to a peer and back" },
        { "connect", 2, 2, "PEER SERVICE", 0, 0, verb_connect,
          "Join standard input and output to a service of a peer" },
        { "auth add", 1, 1, "ID", OPTION_NAME | OPTION_COMMENT | OPTION_EXPIRES, 0, verb_auth_add,
          "Let a peer in, and name it" },
        { "auth remove", 1, 1, "PEER", 0, 0, verb_auth_remove, "Let a peer in no more, and cut it off" },
        { "auth list", 0, 0, "", 0, 0, verb_auth_list, "List peers that are let in" },
        { "service add", 2, 2, "NAME ADDRESS", OPTION_ALLOW, 0, verb_service_add,
          "Offer HOST:PORT or a UNIX socket to peers" },
        { "service remove", 1, 1, "NAME", 0, 0, verb_service_remove, "Offer it no more" },
        { "service list", 0, 0, "", 0, 0, verb_services, "The same as services" },
        { "service enable", 1, 1, "NAME", 0, 0, verb_service_enable, "Offer it again" },
        { "service disable", 1, 1, "NAME", 0, 0, verb_service_disable,
          "Offer it no more, and keep its entry" },
        { "relay add", 1, 1, "MULTIADDR", 0, 0, verb_relay_add, "Use a relay" },
        { "relay remove", 1, 1, "MULTIADDR|ID", OPTION_FORCE, 0, verb_relay_remove, "Use it no more" },
        { "relay list", 0, 0, "", 0, 0, verb_relay_list, "List relays and how they are doing" },
        { "proxy add", 3, 3, "NAME PEER SERVICE", OPTION_LISTEN, OPTION_LISTEN, verb_proxy_add,
          "Make a local socket that leads to a service of a peer" },
        { "proxy remove", 1, 1, "NAME", 0, 0, verb_proxy_remove, "Remove it" },
        { "proxy list", 0, 0, "", 0, 0, verb_proxies, "The same as proxies" },
        { "relay-server status", 0, 0, "", 0, 0, verb_relay_server_status,
          "Show the relay on this machine" },
        { "relay-server authorize", 1, 1, "ID", OPTION_COMMENT | OPTION_EXPIRES, 0,
          verb_relay_server_authorize, "Let a peer use the relay" },
        { "relay-server deauthorize", 1, 1, "ID", 0, 0, verb_relay_server_deauthorize,
          "Let it no more, and cut it off" },
        { "relay-server list-peers", 0, 0, "", 0, 0, verb_relay_server_list_peers,
          "List peers that may use the relay" },
        { "help", 0, 2, "[VERB]", 0, 0, verb_help, "Show this help, or that of a verb" },
};

/* The words of a line, and the verb they may come to. */
typedef struct Line {
        char **words;
        unsigned n_words;
        const Verb *verb; /* NULL: none */
        unsigned used;    /* words of its name */
} Line;

unsigned edit_distance(const char *a, const char *b) {
        size_t n = strlen(b);
        unsigned rows[3][64], *before = rows[0], *last = rows[1], *now = rows[2];

        if (n >= ELEMENTSOF(rows[0]))
                return UINT32_MAX;
        for (size_t j = 0; j <= n; j++)
                last[j] = (unsigned) j;
        for (size_t i = 1; a[i - 1]; i++) {
                unsigned *spare = before;

                now[0] = (unsigned) i;
                for (size_t j = 1; j <= n; j++) {
                        now[j] = last[j - 1] + (a[i - 1] != b[j - 1]);
                        now[j] = P2P_MIN(now[j], P2P_MIN(last[j], now[j - 1]) + 1);
                        if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                                now[j] = P2P_MIN(now[j], before[j - 2] + 1);
                }
                before = last;
                last = now;
                now = spare;
        }
        return last[n];
}

/* Whether name is word, or two words that begin with it: the length of its first word in *ret. */
static bool begins_with_word(const char *name, const char *word, size_t *ret) {
        *ret = strcspn(name, " ");
        return strlen(word) == *ret && strncmp(name, word, *ret) == 0;
}

static void find_verb(Line *line) {
        size_t n;

        line->verb = NULL;
        for (size_t i = 0; line->n_words > 0 && i < ELEMENTSOF(verbs); i++) {
                if (!begins_with_word(verbs[i].name, line->words[0], &n))
                        continue;
                line->used = verbs[i].name[n] ? 2 : 1;
                if (line->used == 2 &&
                    (line->n_words < 2 || strcmp(verbs[i].name + n + 1, line->words[1]) != 0))
                        continue;
                line->verb = &verbs[i];
                return;
        }
}

static bool is_noun(const char *word) {
        size_t n;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++)
                if (begins_with_word(verbs[i].name, word, &n) && verbs[i].name[n])
                        return true;
        return false;
}

/* The verb nearest to what was typed, or NULL if none is near. With a noun: what was typed after it. */
static const Verb *nearest_verb(const char *noun, const char *typed) {
        const Verb *best = NULL;
        unsigned least = UINT32_MAX;
        size_t skip = 0;

        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                unsigned d;

                if (noun && (!begins_with_word(verbs[i].name, noun, &skip) || !verbs[i].name[skip++]))
                        continue;
                d = edit_distance(typed, verbs[i].name + skip);
                if (d < least) {
                        least = d;
                        best = &verbs[i];
                }
        }
        return least <= 1 + strlen(typed) / 4 ? best : NULL;
}

/* "add, remove or list" of a noun. */
static void list_after(const char *noun, char *text, size_t size) {
        const char *names[8];
        size_t count = 0, length, used = 0;

        for (size_t i = 0; i < ELEMENTSOF(verbs) && count < ELEMENTSOF(names); i++)
                if (begins_with_word(verbs[i].name, noun, &length) && verbs[i].name[length])
                        names[count++] = verbs[i].name + length + 1;
        text[0] = '\0';
        for (size_t i = 0; i < count && used < size; i++)
                used += (size_t) snprintf(text + used, size - used, "%s%s",
                                          i == 0           ? ""
                                          : i + 1 == count ? " or "
                                                           : ", ",
                                          names[i]);
}

static int unknown_verb(const Line *line) {
        const char *first = line->words[0];
        char typed[128], choice[128];
        const Verb *near;

        if (is_noun(first)) {
                list_after(first, choice, sizeof(choice));
                if (line->n_words < 2)
                        return usage_error("%s what? %s", first, choice);
                (void) snprintf(typed, sizeof(typed), "%s %s", first, line->words[1]);
                near = nearest_verb(first, line->words[1]);
                if (!near)
                        return usage_error("unknown verb '%s'; %s what? %s", typed, first, choice);
                return usage_error("unknown verb '%s'; did you mean '%s'?", typed, near->name);
        }
        (void) snprintf(typed, sizeof(typed), "%s%s%s", first, line->n_words > 1 ? " " : "",
                        line->n_words > 1 ? line->words[1] : "");
        near = nearest_verb(NULL, first);
        if (!near)
                near = nearest_verb(NULL, typed);
        if (near)
                return usage_error("unknown verb '%s'; did you mean '%s'?", first, near->name);
        return usage_error("unknown verb '%s'", first);
}

static void print_usage(FILE *out, const Verb *verb) {
        fprintf(out, "Usage: peerupctl %s%s%s%s\n", verb->name, *verb->arguments ? " " : "", verb->arguments,
                verb->required ? " --listen=ADDRESS" : "");
}

static void print_verb_help(const Verb *verb) {
        print_usage(stdout, verb);
        printf("\n%s.\n\n", verb->help);
        options_help(stdout, verb->options, false);
        options_help(stdout, 0, true);
        printf("\nSee peerupctl(1).\n");
}

static void print_help(void) {
        char left[64];

        printf("Usage: peerupctl [OPTION...] VERB\n\n"
               "Looks at and changes peer-up, which connects your own machines through firewalls and "
               "NAT.\n\n");
        for (size_t i = 0; i < ELEMENTSOF(verbs); i++) {
                (void) snprintf(left, sizeof(left), "%s %s", verbs[i].name, verbs[i].arguments);
                printf("  %-29s %s\n", left, verbs[i].help);
        }
        putchar('\n');
        options_help(stdout, 0, true);
        printf("\nWithout a verb: status. Options of a verb: peerupctl VERB --help. See peerupctl(1).\n");
}

static int verb_help(Context *context) {
        Line line = { .words = context->args, .n_words = context->n_args };

        if (line.n_words == 0) {
                print_help();
                return 0;
        }
        find_verb(&line);
        if (!line.verb) {
                (void) unknown_verb(&line);
                return EXIT_USAGE;
        }
        print_verb_help(line.verb);
        return 0;
}

/* Whether options and number of arguments fit the verb. */
static int check_line(const Line *line, const Options *options) {
        unsigned n = line->n_words - line->used, wrong = options->given & ~line->verb->options;
        unsigned missing = line->verb->required & ~options->given;

        if (wrong)
                return usage_error("%s takes no %s", line->verb->name, option_name(wrong & -wrong));
        if (n < line->verb->min)
                return usage_error("%s wants %s", line->verb->name, line->verb->arguments);
        if (n > line->verb->max)
                return usage_error("%s: '%s' is one argument too many", line->verb->name,
                                   line->words[line->used + line->verb->max]);
        if (missing)
                return usage_error("%s wants %s", line->verb->name, option_name(missing & -missing));
        return 0;
}

static int run_verb(const Line *line, const Options *options) {
        Context context = { .options = options,
                            .args = line->words + line->used,
                            .n_args = line->n_words - line->used };
        int r;

        r = line->verb->run(&context);
        pager_close();
        context_done(&context);
        if (r >= 0 && (fflush(stdout) == EOF || ferror(stdout)))
                r = complain(-EIO, "cannot write: %s", strerror(errno));
        return r < 0 ? EXIT_FAILURE : r;
}

int command_main(int argc, char **argv) {
        static char *status[] = { (char *) "status", NULL };
        Options options;
        Line line;
        int first;

        if (options_parse(argc, argv, &options, &first) < 0)
                return EXIT_USAGE;
        if (options.version) {
                printf("peerupctl %s\n", PEERUP_VERSION);
                return EXIT_SUCCESS;
        }
        line = (Line){ .words = argv + first, .n_words = (unsigned) (argc - first) };
        if (line.n_words == 0 && options.help) {
                print_help();
                return EXIT_SUCCESS;
        }
        if (line.n_words == 0)
                line = (Line){ .words = status, .n_words = 1 };
        find_verb(&line);
        if (!line.verb) {
                (void) unknown_verb(&line);
                return EXIT_USAGE;
        }
        if (options.help) {
                print_verb_help(line.verb);
                return EXIT_SUCCESS;
        }
        if (check_line(&line, &options) < 0)
                return EXIT_USAGE;
        return run_verb(&line, &options);
}
