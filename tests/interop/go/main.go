// SPDX-License-Identifier: LGPL-2.1-or-later

// The go-libp2p peer of the interop matrix: one host, with the default options of the library wherever a flag does
// not say otherwise, that obeys the flags and prints the lines of ../PEERS.md.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	o := parseOptions()
	if o.forge != "" {
		if err := forge(o); err != nil {
			fail("start", err)
		}
		return
	}

	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()

	h, err := newHost(o)
	if err != nil {
		fail("start", err)
	}
	defer h.Close()

	if err := serve(ctx, h, o); err != nil {
		fail("start", err)
	}
	for _, a := range o.relays {
		go keepReservation(ctx, h, a)
	}
	announce(h)

	if o.dial == nil {
		<-ctx.Done()
		return
	}

	ctx, cancel := context.WithTimeout(ctx, o.timeout)
	defer cancel()
	time.AfterFunc(o.timeout+5*time.Second, func() { fail("timeout", context.DeadlineExceeded) })
	dial(ctx, h, o)
	os.Stdout.Sync()
}
