/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/*
 * Changes config.yaml for the user: comments, order, indentation and everything else stay byte for byte. The
 * text is patched, not printed anew; then old and new text are parsed and compared: only if nothing but the
 * wanted change is different does the new text count. Block style with any indentation, a missing or empty
 * section and `services: {}` are handled; where a section is in flow style, shared through an anchor or
 * merged the edit is refused, naming the line.
 */

#include <stdbool.h>
#include <stddef.h>

#include <p2p/view.h>
#include "service/problem.h"

typedef enum ConfigEditKind {
        CONFIG_EDIT_ADD_ENTRY,    /* section.key: { fields }, or section.key: value */
        CONFIG_EDIT_REMOVE_ENTRY, /* section.key with all below it */
        CONFIG_EDIT_SET_FIELD,    /* section.key.fields[0].name: fields[0].value */
        CONFIG_EDIT_ADD_ITEM,     /* section.key is a list: one more, last */
        CONFIG_EDIT_REMOVE_ITEM,  /* every item of it that equals value */
        _CONFIG_EDIT_MAX,
} ConfigEditKind;

typedef struct ConfigEditField {
        const char *name;
        const char *value;
        bool bare; /* written without quotes: true, false */
        const char *const *items; /* instead of value: a list on one line */
        size_t n_items;
} ConfigEditField;

#define CONFIG_EDIT_FIELDS_MAX 4u

typedef struct ConfigEdit {
        ConfigEditKind kind;
        const char *section;
        const char *key;
        const char *value; /* scalar entry or item */
        ConfigEditField fields[CONFIG_EDIT_FIELDS_MAX];
        unsigned n_fields;
} ConfigEdit;

/* Pure. *ret is NUL-terminated, the caller's. -EEXIST: the entry or item is there; -ENOENT: it is not;
 * -EINVAL: the file has an error, or the edit cannot be made in this style (problems says which line to edit
 * by hand). */
int config_text_edit(p2p_view text, const ConfigEdit *edit, ConfigProblems *problems, char **ret,
                     size_t *ret_n);

/* The same on a file, under the directory's lock, replaced atomically; what the edit wrote must also load.
 * Arguments that are not valid are -EINVAL with an error in problems. -EBUSY: the last relay, without force.
 * */
/* allowed: allowed_peers, in text; n_allowed 0: none is written, all authorized peers may use it. */
int config_add_service(const char *path, const char *name, const char *local_address,
                       const char *const *allowed, size_t n_allowed, ConfigProblems *problems);
int config_remove_service(const char *path, const char *name, ConfigProblems *problems);
/* What is so already is not written again. */
int config_set_service_enabled(const char *path, const char *name, bool enabled, ConfigProblems *problems);
int config_add_name(const char *path, const char *name, const char *peer_id, ConfigProblems *problems);
int config_remove_name(const char *path, const char *name, ConfigProblems *problems);
int config_add_proxy(const char *path, const char *name, const char *peer, const char *service,
                     const char *listen, ConfigProblems *problems);
int config_remove_proxy(const char *path, const char *name, ConfigProblems *problems);
int config_add_relay(const char *path, const char *addr, ConfigProblems *problems);
int config_remove_relay(const char *path, const char *addr, bool force, ConfigProblems *problems);
