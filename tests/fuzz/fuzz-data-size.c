/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sizes, times, endpoints and names: the one-line texts of the configs. */

#include <string.h>

#include "service/data-size.h"
#include "service/endpoint.h"
#include "service/names.h"
#include "service/rfc3339.h"
#include "tests/fuzz/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
        char *text = strndup((const char *) data, size);
        struct sockaddr_storage ss;
        Endpoint endpoint;
        socklen_t n;
        uint64_t u;

        if (!text)
                return 0;
        if (data_size_parse(text, &u) == 0)
                CHECK(u <= INT64_MAX);
        if (rfc3339_parse(text, &u) == 0)
                CHECK(u < 1ULL << 60);
        if (endpoint_parse(text, &endpoint) == 0) {
                CHECK(endpoint.is_unix ? endpoint.path[0] == '/' : !strpbrk(endpoint.host, " \n%\"'$"));
                if (endpoint_sockaddr(&endpoint, &ss, &n) == 0)
                        CHECK(n <= sizeof(ss));
        }
        if (service_name_is_valid(text))
                CHECK(instance_name_is_valid(text) && !strpbrk(text, "/ \n%"));
        free(text);
        return 0;
}
