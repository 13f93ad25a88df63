// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"strings"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
)

const (
	echoID     = "/peerup/echo/1.0.0"
	sinkID     = "/peerup/sink/1.0.0"
	sourceID   = "/peerup/source/1.0.0"
	resetID    = "/peerup/reset/1.0.0"
	pingpongID = "/pingpong/1.0.0"
	chunk      = 32 << 10
)

func serve(ctx context.Context, h host.Host, o *options) error {
	if err := watchConnections(h); err != nil {
		return err
	}
	if o.role == "relay" {
		if err := startRelay(h, o); err != nil {
			return err
		}
	}
	if o.echo {
		h.SetStreamHandler(echoID, serveEcho)
		h.SetStreamHandler(sinkID, serveSink)
		h.SetStreamHandler(sourceID, func(s network.Stream) { serveSource(s, o.bytes) })
		h.SetStreamHandler(resetID, serveReset)
		h.SetStreamHandler(pingpongID, servePingpong)
	}
	return serveTCP(ctx, h, o)
}

func serveEcho(s network.Stream) {
	buf := make([]byte, chunk)
	_, err := io.CopyBuffer(onlyWriter{s}, onlyReader{s}, buf)

	var reset *network.StreamError
	if errors.As(err, &reset) {
		line("RESET echo %#x", uint32(reset.ErrorCode))
	}
	if err != nil {
		s.Reset()
		return
	}
	s.Close()
}

func serveSink(s network.Stream) {
	n, err := io.Copy(io.Discard, s)
	if err != nil {
		s.Reset()
		return
	}
	binary.Write(s, binary.BigEndian, uint64(n))
	s.Close()
}

func serveSource(s network.Stream, bytes int64) {
	defer s.Close()

	sent, err := io.Copy(s, io.LimitReader(newPattern(0), bytes))
	if err != nil {
		s.Reset()
		return
	}
	s.CloseWrite()
	got, err := io.Copy(io.Discard, s)
	if err != nil {
		s.Reset()
		return
	}
	line("SOURCE sent %d read %d", sent, got)
}

func serveReset(s network.Stream) {
	var code uint32

	if binary.Read(s, binary.BigEndian, &code) != nil {
		s.Reset()
		return
	}
	s.ResetWithError(network.StreamErrorCode(code))
}

func servePingpong(s network.Stream) {
	defer s.Close()

	text, err := bufio.NewReader(io.LimitReader(s, 1024)).ReadString('\n')
	if err != nil {
		return
	}
	answer := "unknown\n"
	if strings.TrimSpace(text) == "ping" {
		answer = "pong\n"
	}
	io.WriteString(s, answer)
}

// io.Copy must not find a shortcut past the buffer it was given.
type onlyReader struct{ io.Reader }
type onlyWriter struct{ io.Writer }
