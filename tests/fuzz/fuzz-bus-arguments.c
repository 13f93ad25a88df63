/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The daemon's D-Bus methods with whatever arguments, over a direct connection (no bus, no polkit: the
 * caller is our own user). The input names a method and fills its signature; the manager behind it is a real
 * one, and its loop is never turned, so nothing is dialled. Between inputs everything that one made is taken
 * away, so that a finding is its input's alone.
 */

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/api-bus.h"
#include "daemon/manager-config.h"
#include "daemon/outgoing.h"
#include "daemon/proxy.h"
#include "daemon/request-bus.h"
#include "daemon/service.h"
#include "service/journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static const struct {
        const char *name, *signature;
} methods[] = {
        { "ListPeers", "b" },          { "ListPaths", "" },           { "ListServices", "" },
        { "ListProxies", "" },         { "ListRelays", "" },          { "ListAuthorizedPeers", "" },
        { "Resolve", "s" },            { "AuthorizePeer", "sso" },    { "DeauthorizePeer", "sb" },
        { "Ping", "s" },               { "CreateProxy", "ssh" },      { "CloseProxy", "sb" },
        { "Connect", "ssh" },          { "OpenStream", "ss" },        { "ExposeService", "sso" },
        { "UnexposeService", "s" },    { "AddRelay", "s" },           { "RemoveRelay", "sb" },
        { "AddProxy", "ssss" },        { "RemoveProxy", "s" },        { "Reload", "" },
        { "SetServiceEnabled", "sb" },
}; /* 'o' here: a{sv} */

typedef struct Input {
        const uint8_t *data;
        size_t n;
} Input;

static struct {
        p2p_loop *loop;
        Manager *manager;
        Api *api;
        sd_bus *server, *client;
        char dir[64], config[128], keys[128];
} world;

static const char config_text[] =
        "version: 1\nidentity: {key_file: identity.key}\nnetwork: {listen_addresses: "
        "[/ip4/127.0.0.1/tcp/0]}\n"
        "relay:\n  addresses:\n    - "
        "/ip4/127.0.0.1/tcp/1/p2p/12D3KooWJWoaqZhDaoEFshF7Rh1bpY9ohihFhzcW6d69Lr2NASuq\n"
        "  reservation_interval: 2m\ndiscovery: {rendezvous: x}\nsecurity: {authorized_keys_file: "
        "authorized_keys}\n"
        "protocols: {ping_pong: {enabled: true, id: /pingpong/1.0.0}}\n"
        "services:\n  web:\n    enabled: true\n    local_address: localhost:80\n"
        "names:\n  home: 12D3KooWK99VoVxNE7XzyBwXEzW7xhK7Gpv85r9F3V3fyKSUKPH5\nproxies: {}\n";
static const char keys_text[] = "12D3KooWRndVhVZPCiQwHBBBdg769GyrPUW13zxwqQyf9r3ANaba  # friend\n";

static void must(int r, const char *what) {
        if (r >= 0)
                return;
        fprintf(stderr, "%s: %s\n", what, strerror(-r));
        abort();
}

static void write_file(const char *path, const char *text) {
        FILE *f = fopen(path, "we");

        if (!f || fputs(text, f) < 0 || fclose(f) != 0 || chmod(path, 0600) < 0)
                abort();
}

static void settle(void) {
        int r;

        do {
                r = sd_bus_process(world.server, NULL);
                r = (r > 0) | (sd_bus_process(world.client, NULL) > 0);
        } while (r > 0);
}

static void connect_directly(void) {
        sd_id128_t id = SD_ID128_MAKE(01, 02, 03, 04, 05, 06, 07, 08, 09, 0a, 0b, 0c, 0d, 0e, 0f, 10);
        int fds[2];

        must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), "socketpair");
        must(sd_bus_new(&world.server), "bus");
        must(sd_bus_new(&world.client), "bus");
        must(sd_bus_set_fd(world.server, fds[0], fds[0]), "fd");
        must(sd_bus_set_fd(world.client, fds[1], fds[1]), "fd");
        must(sd_bus_set_server(world.server, 1, id), "server");
        must(sd_bus_negotiate_fds(world.server, 1), "fds");
        must(sd_bus_negotiate_fds(world.client, 1), "fds");
        must(sd_bus_start(world.server), "start");
        must(sd_bus_start(world.client), "start");
        for (int i = 0; i < 1000 && sd_bus_is_ready(world.client) <= 0; i++)
                settle();
}

static void clean_up(void) {
        (void) unlink(world.config);
        (void) unlink(world.keys);
        (void) snprintf(world.keys, sizeof(world.keys), "%s/identity.key", world.dir);
        (void) unlink(world.keys);
        (void) rmdir(world.dir);
}

static void make_world(void) {
        (void) strcpy(world.dir, "/tmp/peerup-fuzz-XXXXXX");
        if (!mkdtemp(world.dir))
                abort();
        (void) snprintf(world.config, sizeof(world.config), "%s/config.yaml", world.dir);
        (void) snprintf(world.keys, sizeof(world.keys), "%s/authorized_keys", world.dir);
        write_file(world.config, config_text);
        write_file(world.keys, keys_text);
        (void) atexit(clean_up);
        journal_set_level(LOG_EMERG); /* complaints are what is wanted here, not what is looked for */
        must(p2p_loop_new_manual(&world.loop), "loop");
        must(manager_new(world.loop, world.config, &world.manager), "manager");
        connect_directly();
        must(api_new(world.manager, world.server, NULL, NULL, &world.api), "api");
}

static bool is_changed(const char *path, const char *text) {
        struct stat st;

        return stat(path, &st) < 0 || (size_t) st.st_size != strlen(text);
}

/* Back to the first state. */
static void reset_world(void) {
        Manager *m = world.manager;
        Request *request;
        Service *service;
        Proxy *proxy;

        P2P_LIST_FOREACH(request, &world.api->requests, Request, requests)
                request_free(request);
        P2P_LIST_FOREACH(proxy, &m->proxies, Proxy, proxies)
                proxy_free(proxy);
        outgoing_free_all(m);
        P2P_LIST_FOREACH(service, &m->services, Service, services)
                if (service->transient)
                        service_free(service);
        if (is_changed(world.config, config_text) || is_changed(world.keys, keys_text)) {
                write_file(world.config, config_text);
                write_file(world.keys, keys_text);
                must(manager_reload(m, NULL), "reload");
        }
}

/* ---- arguments out of bytes ---- */
static uint8_t take_byte(Input *in) {
        if (in->n == 0)
                return 0;
        in->n--;
        return *in->data++;
}

static uint64_t take_number(Input *in) {
        uint64_t v = 0;

        for (int i = 0; i < 8; i++)
                v = v << 8 | take_byte(in);
        return v;
}

/* Up to a NUL; the caller frees. */
static char *take_string(Input *in) {
        size_t n = strnlen((const char *) in->data, in->n);
        char *s = malloc(n + 1);

        if (!s)
                abort();
        if (n > 0)
                memcpy(s, in->data, n);
        s[n] = '\0';
        in->data += n + (n < in->n);
        in->n -= n + (n < in->n);
        return s;
}

static int append_string(sd_bus_message *m, Input *in) {
        char *s = take_string(in);
        int r = sd_bus_message_append(m, "s", s); /* -EINVAL: no UTF-8, which no bus would carry */

        free(s);
        return r;
}

static int append_fd(sd_bus_message *m, Input *in) {
        int fds[2] = { -1, -1 }, r;

        switch (take_byte(in) % 4) {
        case 0:
                r = socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
                break;
        case 1:
                r = pipe(fds);
                break;
        case 2:
                r = fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (r >= 0)
                        r = listen(fds[0], 1);
                break;
        default:
                r = fds[0] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        }
        must(r, "socket");
        r = sd_bus_message_append(m, "h", fds[0]);
        for (int i = 0; i < 2; i++)
                if (fds[i] >= 0)
                        (void) close(fds[i]);
        return r;
}

static int append_variant(sd_bus_message *m, Input *in) {
        static const char *const types[] = { "s", "t", "b", "as", "u" };
        const char *type = types[take_byte(in) % ELEMENTSOF(types)];
        int r;

        r = sd_bus_message_open_container(m, 'v', type);
        if (r < 0)
                return r;
        if (strcmp(type, "s") == 0)
                r = append_string(m, in);
        else if (strcmp(type, "t") == 0)
                r = sd_bus_message_append(m, "t", take_number(in));
        else if (strcmp(type, "b") == 0)
                r = sd_bus_message_append(m, "b", take_byte(in) & 1);
        else if (strcmp(type, "u") == 0)
                r = sd_bus_message_append(m, "u", (uint32_t) take_number(in));
        else {
                r = sd_bus_message_open_container(m, 'a', "s");
                for (unsigned i = take_byte(in), n = i == 255 ? 1100 : i % 4; r >= 0 && n > 0; n--)
                        r = append_string(m, in);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_options(sd_bus_message *m, Input *in) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        for (unsigned i = take_byte(in) % 4; r >= 0 && i > 0; i--) {
                r = sd_bus_message_open_container(m, 'e', "sv");
                if (r >= 0)
                        r = append_string(m, in);
                if (r >= 0)
                        r = append_variant(m, in);
                if (r >= 0)
                        r = sd_bus_message_close_container(m);
        }
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_all(sd_bus_message *m, const char *signature, Input *in) {
        int r = 0;

        for (; *signature && r >= 0; signature++)
                switch (*signature) {
                case 's':
                        r = append_string(m, in);
                        break;
                case 'b':
                        r = sd_bus_message_append(m, "b", take_byte(in) & 1);
                        break;
                case 'h':
                        r = append_fd(m, in);
                        break;
                default:
                        r = append_options(m, in);
                }
        return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n) {
        Input in = { data, n };
        sd_bus_message *m = NULL;
        size_t method;

        if (n == 0)
                return 0;
        if (!world.api)
                make_world();
        method = take_byte(&in) % ELEMENTSOF(methods);
        must(sd_bus_message_new_method_call(world.client, &m, NULL, BUS_DAEMON_PATH, BUS_MANAGER_INTERFACE,
                                            methods[method].name), "message");
        if (append_all(m, methods[method].signature, &in) >= 0) {
                (void) sd_bus_send(world.client, m, NULL);
                settle();
        }
        sd_bus_message_unref(m);
        reset_world();
        return 0;
}
