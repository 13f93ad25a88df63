/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Sums of microseconds: 2^64 of them are 584,000 years, so nothing here overflows. */

#include "cli/ping-stats.h"

#include <inttypes.h>
#include <stdio.h>

#include <p2p/macro.h>

#include "cli/when.h"

void ping_stats_add(PingStats *s, uint64_t rtt) {
        s->sent++;
        if (rtt == PING_LOST)
                return;
        s->least = s->answered == 0 ? rtt : P2P_MIN(s->least, rtt);
        s->most = P2P_MAX(s->most, rtt);
        s->sum += rtt;
        s->answered++;
}

unsigned ping_stats_loss(const PingStats *s) {
        double lost = s->sent == 0 ? 0 : 100.0 * (double) (s->sent - s->answered) / (double) s->sent;
        unsigned percent = (unsigned) (lost + 0.5);

        if (s->answered > 0 && percent == 100)
                return 99;
        if (s->answered < s->sent && percent == 0)
                return 1;
        return percent;
}

const char *ping_stats_format(const PingStats *s, char text[static PING_STATS_TEXT_MAX]) {
        char least[WHEN_TEXT_MAX], average[WHEN_TEXT_MAX], most[WHEN_TEXT_MAX];
        int n;

        n = snprintf(text, PING_STATS_TEXT_MAX, "%" PRIu64 " sent, %" PRIu64 " answered, %u%% lost", s->sent,
                     s->answered, ping_stats_loss(s));
        if (s->answered > 0)
                (void) snprintf(text + n, PING_STATS_TEXT_MAX - (size_t) n,
                                "\nround trip min %s, average %s, max %s", rtt_format(s->least, least),
                                rtt_format(s->sum / s->answered, average), rtt_format(s->most, most));
        return text;
}

json_t *ping_stats_json(const PingStats *s) {
        return json_pack(
                "{sI sI si sI sI sI}", "sent", (json_int_t) s->sent, "answered", (json_int_t) s->answered,
                "loss_percent", (int) ping_stats_loss(s), "min_usec", (json_int_t) s->least, "avg_usec",
                (json_int_t) (s->answered ? s->sum / s->answered : 0), "max_usec", (json_int_t) s->most);
}
