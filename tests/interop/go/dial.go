// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/protocol/ping"
)

type session struct {
	host host.Host
	peer peer.ID
}

var actions = map[string]func(context.Context, *session, []int64) error{
	"ping":      doPing,
	"echo":      doEcho,
	"identify":  doIdentify,
	"halfclose": doHalfclose,
	"reset":     doReset,
	"pingpong":  doPingpong,
	"unknown":   doUnknown,
	"wait":      doWait,
}

func dial(ctx context.Context, h host.Host, o *options) {
	ctx = network.WithAllowLimitedConn(ctx, "interop")

	if err := h.Connect(ctx, *o.dial); err != nil {
		var mismatch sec.ErrPeerIDMismatch
		if errors.As(err, &mismatch) {
			fail("mismatch", err)
		}
		fail("connect", err)
	}

	s := &session{h, o.dial.ID}
	for _, text := range o.actions {
		name, args, err := parseAction(text)
		if err != nil {
			fail("usage", err)
		}
		err = actions[name](ctx, s, args)
		if errors.Is(err, context.DeadlineExceeded) {
			fail("timeout", fmt.Errorf("%s: %w", name, err))
		}
		if err != nil {
			fail(name, err)
		}
	}
}

func parseAction(text string) (string, []int64, error) {
	words := strings.Split(text, ":")
	if actions[words[0]] == nil {
		return "", nil, fmt.Errorf("no action %q", words[0])
	}
	args := []int64{}
	for _, w := range words[1:] {
		n, err := strconv.ParseInt(w, 10, 64)
		if err != nil || n < 1 {
			return "", nil, fmt.Errorf("action %q: want counts", text)
		}
		args = append(args, n)
	}
	return words[0], args, nil
}

func argument(args []int64, i int, otherwise int64) int64 {
	if i < len(args) {
		return args[i]
	}
	return otherwise
}

// pings sends n of them on one stream and hands each time to show.
func pings(ctx context.Context, s *session, n int64, show func(time.Duration)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	results := ping.Ping(ctx, s.host, s.peer)
	for range n {
		r, ok := <-results
		if !ok {
			return ctx.Err()
		}
		if r.Error != nil {
			return r.Error
		}
		show(r.RTT)
	}
	return nil
}

func doPing(ctx context.Context, s *session, args []int64) error {
	return pings(ctx, s, argument(args, 0, 1), func(d time.Duration) {
		line("PING %.3f", float64(d.Microseconds())/1000)
	})
}

func doIdentify(_ context.Context, s *session, _ []int64) error {
	line("IDENTIFY %s", waitIdentified(s.peer))
	return nil
}

func doUnknown(ctx context.Context, s *session, _ []int64) error {
	st, err := s.host.NewStream(ctx, s.peer, "/peerup/no-such/1.0.0")
	if err == nil {
		st.Reset()
		return errors.New("an unknown protocol was accepted")
	}
	if !strings.Contains(err.Error(), "protocols not supported") {
		return err
	}
	line("UNKNOWN refused")
	return connected(s)
}

func connected(s *session) error {
	for _, c := range s.host.Network().ConnsToPeer(s.peer) {
		if !c.IsClosed() {
			return nil
		}
	}
	return errors.New("the connection is gone")
}

func doWait(ctx context.Context, s *session, args []int64) error {
	select {
	case <-time.After(time.Duration(argument(args, 0, 1)) * time.Second):
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := connected(s); err != nil {
		return err
	}
	line("WAIT ok")
	return nil
}
