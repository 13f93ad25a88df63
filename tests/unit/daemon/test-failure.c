/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The golden table of refusals: what went wrong, and what to type. */

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include <p2p/error.h>
#include <p2p/identity.h>
#include <p2p/macro.h>

#include "daemon/failure.h"
#include "daemon/refusals.h"

static p2p_peer_id peer_of(uint8_t seed) {
        _cleanup_(p2p_identity_freep) p2p_identity *identity = NULL;
        uint8_t bytes[32];

        memset(bytes, seed, sizeof(bytes));
        assert_int_equal(p2p_identity_from_seed(bytes, &identity), 0);
        return *p2p_identity_peer_id(identity);
}

static void every_fault_has_its_text(void **state) {
        static const struct {
                Failure failure;
                const char *reason, *remedy;
        } cases[] = {
                { { .error = -EKEYREJECTED, .gated = true },
                  "home does not let this machine in",
                  "run on home: peerupctl auth add 12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5" },
                { { .error = -ECONNRESET, .code = P2P_STREAM_GATED, .opened = true },
                  "home does not let this machine use the service ssh",
                  "run on home: peerupctl auth add 12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5 (or "
                  "add that id to "
                  "allowed_peers of ssh there)" },
                { { .error = -EPROTONOSUPPORT, .opened = true },
                  "home offers no service ssh",
                  "run on home: peerupctl service add ssh localhost:PORT" },
                { { .error = -ECONNRESET, .code = P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED, .opened = true },
                  "home offers no service ssh",
                  "run on home: peerupctl service add ssh localhost:PORT" },
                { { .error = -ECONNRESET, .code = P2P_STREAM_BACKEND_UNREACHABLE, .opened = true },
                  "nothing answers behind the service ssh on home",
                  "start it on home, or correct its address there: peerupctl services" },
                { { .error = -ECONNRESET, .code = P2P_STREAM_RESOURCE_LIMIT_EXCEEDED, .opened = true },
                  "too many connections to home at a time",
                  "try again, or close some" },
                { { .error = -ENOBUFS },
                  "too many connections to home at a time",
                  "try again, or close some" },
                { { .error = -EKEYREJECTED },
                  "the machine that answered for home is another one, or refused the connection",
                  "compare names: in config.yaml with peerupctl whoami there" },
                { { .error = -EPROTONOSUPPORT, .code = P2P_STREAM_PROTOCOL_NEGOTIATION_FAILED },
                  "home offers no service ssh",
                  "run on home: peerupctl service add ssh localhost:PORT" },
                { { .error = -EPROTONOSUPPORT },
                  "home has no way to connect in common with this machine",
                  "update peer-up on home: it needs an Ed25519 key, and QUIC, or yamux over TLS 1.3 or "
                  "Noise" },
                { { .error = -ENOKEY },
                  "the certificate of a wss address on the way to home comes from nobody whom this machine "
                  "trusts",
                  "name the file of its authority here, below network: tls: trust: in config.yaml, and run: "
                  "systemctl "
                  "restart peerup" },
                { { .error = -EKEYEXPIRED },
                  "the certificate of a wss address on the way to home is not valid today",
                  "renew it there (systemctl reload takes it up), or set the clock of this machine: "
                  "timedatectl" },
                { { .error = -EREMCHG },
                  "the certificate of a wss address on the way to home is for another name",
                  "write the address with the name in its certificate: /dns/NAME/tcp/PORT/wss; see: "
                  "peerupctl relay "
                  "list" },
                { { .error = -EACCES },
                  "no relay lets this machine through to home",
                  "see on the relay whom it serves, this machine is "
                  "12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5: peerupctl relay-server "
                  "list-peers; peerupctl relay-server authorize ID" },
                { { .error = -ETIMEDOUT },
                  "home cannot be reached: it is off, or connected to no relay of this machine",
                  "see peerupctl relay list here and there, and peerupctl status on home" },
                { { .error = -EHOSTUNREACH, .no_relay = true },
                  "home cannot be reached, and this machine uses no relay",
                  "run here: peerupctl relay add ADDRESS, with one that peerupctl relay-server status "
                  "prints on the "
                  "relay" },
                { { .error = -ECONNRESET, .opened = true, .alive = true },
                  "home reset the stream for the service ssh: it is not for this machine, or nothing "
                  "listens behind it",
                  "see journalctl -u peerup-daemon on home, and peerupctl services there" },
                { { .error = -ECONNRESET, .opened = true },
                  "the connection to home broke",
                  "try again; if it stays, see journalctl -u peerup-daemon on home" },
        };
        char reason[FAILURE_TEXT_MAX], remedy[FAILURE_TEXT_MAX];
        p2p_peer_id self = peer_of(1);

        (void) state;
        for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
                failure_describe(failure_kind(&cases[i].failure), "home", "ssh", &self, reason, remedy);
                assert_string_equal(reason, cases[i].reason);
                assert_string_equal(remedy, cases[i].remedy);
        }
}

static void long_names_are_cut(void **state) {
        char reason[FAILURE_TEXT_MAX], remedy[FAILURE_TEXT_MAX], name[1000];
        p2p_peer_id self = peer_of(1);

        (void) state;
        memset(name, 'n', sizeof(name) - 1);
        name[sizeof(name) - 1] = '\0';
        failure_describe(FAILURE_RESET, name, name, &self, reason, remedy);
        assert_int_equal(strlen(reason), FAILURE_TEXT_MAX - 1);
        assert_true(strlen(remedy) < FAILURE_TEXT_MAX);
}

static void refusals_are_remembered_for_a_while(void **state) {
        p2p_peer_id one = peer_of(1), two = peer_of(2);
        Refusals refusals = {};

        (void) state;
        assert_false(refusals_since(&refusals, &one, 0));
        refusals_note(&refusals, &one, 100);
        assert_true(refusals_since(&refusals, &one, 100));
        assert_false(refusals_since(&refusals, &one, 101));
        assert_false(refusals_since(&refusals, &two, 0));
        for (unsigned i = 0; i < REFUSALS_MAX - 1; i++)
                refusals_note(&refusals, &two, 200);
        assert_true(refusals_since(&refusals, &one, 0)); /* the last place is its */
        refusals_note(&refusals, &two, 200);
        assert_false(refusals_since(&refusals, &one, 0));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(every_fault_has_its_text),
                cmocka_unit_test(long_names_are_cut),
                cmocka_unit_test(refusals_are_remembered_for_a_while),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
