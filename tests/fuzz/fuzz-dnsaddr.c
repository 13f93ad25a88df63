/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * What a name server says: the input is taken as the string of a text record, as a whole reply, and as the
 * name to ask for. Whatever comes out is an address that survives its own text, and a name that DNS can
 * carry.
 */

#include <stdlib.h>

#include "transport/resolve-private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static void check(p2p_addr *addr) {
        static const sa_family_t families[] = { AF_INET, AF_INET6, AF_UNIX };
        char text[P2P_ADDR_TEXT_MAX];
        struct sockaddr_storage sa = {};
        p2p_addr *again, *replaced;

        if (p2p_addr_parse(p2p_addr_format(addr, text), &again) < 0 || !p2p_addr_equal(addr, again))
                abort();
        if (!dnsaddr_matches(addr, addr) && p2p_addr_n_components(addr) > 1)
                abort();
        for (size_t i = 0; i < ELEMENTSOF(families) && p2p_addr_needs_dns(addr); i++) {
                sa.ss_family = families[i];
                if (dns_replace(addr, (struct sockaddr *) &sa, &replaced) >= 0)
                        p2p_addr_free(replaced);
        }
        p2p_addr_free(again);
        p2p_addr_free(addr);
}

static bool on_addr(p2p_addr *addr, void *userdata) {
        unsigned *left = userdata;

        check(addr);
        return --*left > 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        char name[DNS_NAME_SIZE_MAX];
        unsigned left = 3;
        p2p_addr *addr;

        if (dnsaddr_parse(P2P_VIEW(data, n), &addr) >= 0)
                check(addr);
        if (dns_name("_dnsaddr.", P2P_VIEW(data, n), name) >= 0 && strlen(name) != n + strlen("_dnsaddr."))
                abort();
        (void) dnsaddr_reply_parse(P2P_VIEW(data, n), on_addr, &left);
        return 0;
}
