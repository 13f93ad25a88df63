/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The practical limit of TLS over TCP: a pipe that is GnuTLS and nothing else, without a muxer, a thread a
 * direction.
 *
 *   bench-pipe listen PORT BACKEND-PORT     takes TLS, and connects each to 127.0.0.1
 *   bench-pipe connect LOCAL-PORT HOST PORT takes plain TCP on 127.0.0.1, and connects each by TLS
 *
 * Prints READY. It takes anybody's certificate: it is there to be measured.
 */

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/forge.h"

#define PRIORITY   "NORMAL:-VERS-ALL:+VERS-TLS1.3:-CIPHER-ALL:+AES-128-GCM:+CHACHA20-POLY1305"
#define RECORD_MAX 16384

static gnutls_certificate_credentials_t credentials;
static const char *to_host;
static int to_port;
static bool is_server;

typedef struct pipe_pair {
        gnutls_session_t session;
        int plain, sealed;
} pipe_pair;

static struct sockaddr_in address_of(const char *host, int port) {
        struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons((uint16_t) port) };

        (void) inet_pton(AF_INET, host, &a.sin_addr);
        return a;
}

static int dial(const char *host, int port) {
        struct sockaddr_in a = address_of(host, port);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        if (fd < 0 || connect(fd, (struct sockaddr *) &a, sizeof(a)) < 0)
                return -1;
        (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        return fd;
}

static int serve(const char *host, int port) {
        struct sockaddr_in a = address_of(host, port);
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

        (void) setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        if (fd < 0 || bind(fd, (struct sockaddr *) &a, sizeof(a)) < 0 || listen(fd, 128) < 0)
                return -1;
        return fd;
}

static void *seal(void *userdata) {
        pipe_pair *p = userdata;
        char data[RECORD_MAX];
        ssize_t n;

        while ((n = read(p->plain, data, sizeof(data))) > 0)
                if (gnutls_record_send(p->session, data, (size_t) n) < 0)
                        break;
        (void) gnutls_bye(p->session, GNUTLS_SHUT_WR);
        (void) shutdown(p->sealed, SHUT_WR);
        return NULL;
}

static void unseal(pipe_pair *p) {
        char data[RECORD_MAX];
        ssize_t n;

        while ((n = gnutls_record_recv(p->session, data, sizeof(data))) > 0)
                for (ssize_t done = 0; done < n;) {
                        ssize_t k = write(p->plain, data + done, (size_t) (n - done));

                        if (k < 0)
                                return;
                        done += k;
                }
        (void) shutdown(p->plain, SHUT_WR);
}

static int handshake(pipe_pair *p) {
        int r;

        if (gnutls_init(&p->session, is_server ? GNUTLS_SERVER | GNUTLS_NO_TICKETS : GNUTLS_CLIENT) < 0 ||
            gnutls_priority_set_direct(p->session, PRIORITY, NULL) < 0 ||
            gnutls_credentials_set(p->session, GNUTLS_CRD_CERTIFICATE, credentials) < 0)
                return -1;
        gnutls_transport_set_int(p->session, p->sealed);
        do
                r = gnutls_handshake(p->session);
        while (r < 0 && !gnutls_error_is_fatal(r));
        return r;
}

static void *run(void *userdata) {
        pipe_pair *p = userdata;
        pthread_t thread;

        *(is_server ? &p->plain : &p->sealed) = dial(to_host, to_port);
        if (p->plain >= 0 && p->sealed >= 0 && handshake(p) >= 0 &&
            pthread_create(&thread, NULL, seal, p) == 0) {
                unseal(p);
                (void) pthread_join(thread, NULL);
        }
        if (p->session)
                gnutls_deinit(p->session);
        close(p->plain);
        close(p->sealed);
        free(p);
        return NULL;
}

static int make_credentials(void) {
        static const forge usual = { .name = "usual" };
        gnutls_x509_privkey_t key;
        gnutls_x509_crt_t crt;
        p2p_identity *identity;

        if (p2p_identity_generate(&identity) < 0 ||
            gnutls_certificate_allocate_credentials(&credentials) < 0)
                return -1;
        forge_certificate(&usual, identity, &crt, &key);
        p2p_identity_free(identity);
        return gnutls_certificate_set_x509_key(credentials, &crt, 1, key);
}

int main(int argc, char **argv) {
        int listener, fd, one = 1;
        pthread_t thread;

        is_server = argc == 4 && strcmp(argv[1], "listen") == 0;
        if (!is_server && (argc != 5 || strcmp(argv[1], "connect") != 0))
                return EXIT_FAILURE;
        (void) signal(SIGPIPE, SIG_IGN);
        to_host = is_server ? "127.0.0.1" : argv[3];
        to_port = atoi(argv[is_server ? 3 : 4]);
        listener = serve(is_server ? "0.0.0.0" : "127.0.0.1", atoi(argv[2]));
        if (listener < 0 || make_credentials() < 0)
                return EXIT_FAILURE;
        printf("READY\n");
        (void) fflush(stdout);
        while ((fd = accept(listener, NULL, NULL)) >= 0) {
                pipe_pair *p = calloc(1, sizeof(*p));

                if (!p)
                        return EXIT_FAILURE;
                (void) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
                p->plain = is_server ? -1 : fd;
                p->sealed = is_server ? fd : -1;
                if (pthread_create(&thread, NULL, run, p) == 0)
                        (void) pthread_detach(thread);
        }
        return EXIT_SUCCESS;
}
