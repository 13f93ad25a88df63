/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* The certificate of wss, from the config's files or from systemd's credentials. */

#include <p2p/web-tls.h>

#include "service/config.h"

/* Where the config names no certificate: these credentials of the unit (LoadCredential=), if both are
 * there. */
#define WEB_CERTIFICATE_CREDENTIAL "wss.crt"
#define WEB_KEY_CREDENTIAL "wss.key"

/* *ret is NULL where there is nothing to load, and where it cannot be loaded, which is logged with its
 * remedy: a node without wss is better than none. Only -ENOMEM is returned. */
int web_certificate_load(const ConfigTls *config, const char *config_path, p2p_web_tls **ret);
/* Reads the files again, for connections that come from now on. tls: what was loaded; NULL: nothing was.
 * Logs what came of it; a file that is wrong now leaves what was read before in use. */
void web_certificate_reload(const ConfigTls *config, const char *config_path, p2p_web_tls *tls);
