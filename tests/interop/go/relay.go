// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"context"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/client"
)

// keepReservation asks by itself, as peer-up does on its ticker: the relay sees more RESERVE than it would need.
func keepReservation(ctx context.Context, h host.Host, relay peer.AddrInfo) {
	for ctx.Err() == nil {
		wait := time.Second

		expiry, n, err := reserve(ctx, h, relay)
		if err != nil {
			line("RESERVE-FAILED %s %v", relay.ID, err)
		} else {
			line("RESERVED %d %s %d", expiry.Unix(), relay.ID, n)
			wait = max(time.Until(expiry)/2, time.Second)
		}

		for until := time.Now().Add(wait); time.Now().Before(until) && ctx.Err() == nil; {
			time.Sleep(100 * time.Millisecond)
			if err == nil && len(h.Network().ConnsToPeer(relay.ID)) == 0 {
				break
			}
		}
	}
}

func reserve(ctx context.Context, h host.Host, relay peer.AddrInfo) (time.Time, int, error) {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()

	if err := h.Connect(ctx, relay); err != nil {
		return time.Time{}, 0, err
	}
	r, err := client.Reserve(ctx, h, relay)
	if err != nil {
		return time.Time{}, 0, err
	}
	return r.Expiration, len(r.Addrs), nil
}
