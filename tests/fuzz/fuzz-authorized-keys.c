/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* authorized_keys: what is added is found, what is removed is gone, and no other byte changes on the way
 * back. */

#include <string.h>

#include "service/authorized-keys.h"
#include "tests/fuzz/check.h"

static void check_edits(p2p_view text, const p2p_peer_id *id) {
        char *added = NULL, *removed = NULL;
        AuthorizedAttribute group = { "group", "g" };
        AuthorizedKeys *keys = NULL;
        size_t n, n_removed;

        if (authorized_text_add(text, id, "name", &group, 1, &added, &n) < 0)
                return;
        CHECK(authorized_keys_parse(P2P_VIEW(added, n), NULL, &keys) == 0);
        CHECK(authorized_keys_find(keys, id) && strcmp(authorized_keys_find(keys, id)->group, "g") == 0);
        CHECK(authorized_text_remove(P2P_VIEW(added, n), id, &removed, &n_removed) == 0);
        CHECK(n_removed >= text.n && n_removed <= text.n + 1);
        CHECK(text.n == 0 || memcmp(removed, text.data, text.n) == 0);
        authorized_keys_free(keys);
        free(added);
        free(removed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        p2p_peer_id id = { .n = 38, .data = { 0, 36, 8, 1, 18, 32, 42 } };
        _cleanup_(authorized_keys_freep) AuthorizedKeys *keys = NULL;
        p2p_view text = P2P_VIEW(data, size);

        CHECK(authorized_keys_parse(text, NULL, &keys) == 0);
        for (size_t i = 0; i < authorized_keys_count(keys); i++) {
                const AuthorizedPeer *peer = authorized_keys_at(keys, i);
                char *out;
                size_t n;

                CHECK(authorized_keys_find(keys, &peer->id) == peer);
                if (i > 4)
                        continue;
                CHECK(authorized_text_remove(text, &peer->id, &out, &n) == 0 && n < text.n);
                free(out);
        }
        if (!authorized_keys_find(keys, &id))
                check_edits(text, &id);
        return 0;
}
