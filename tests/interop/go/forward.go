// SPDX-License-Identifier: LGPL-2.1-or-later

// Service streams as peer-up pumps them: a copy loop each way; the end of a copy, whatever ended it, half-closes the
// far side; both ended, both are closed. A backend that cannot be reached resets the stream.
package main

import (
	"context"
	"io"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
)

func serviceID(name string) protocol.ID { return protocol.ID("/peerup/" + name + "/1.0.0") }

func pump(s network.Stream, c *net.TCPConn) {
	var both sync.WaitGroup

	both.Go(func() {
		io.Copy(c, s)
		c.CloseWrite()
	})
	both.Go(func() {
		io.Copy(s, c)
		s.CloseWrite()
	})
	both.Wait()
	s.Close()
	c.Close()
}

func serveService(s network.Stream, backend string) {
	c, err := net.DialTimeout("tcp", backend, 10*time.Second)
	if err != nil {
		s.Reset()
		return
	}
	pump(s, c.(*net.TCPConn))
}

func forwardOne(ctx context.Context, h host.Host, f forward, c *net.TCPConn) {
	ctx, cancel := context.WithTimeout(network.WithAllowLimitedConn(ctx, "service"), 30*time.Second)
	defer cancel()

	err := h.Connect(ctx, f.peer)
	if err != nil {
		c.Close()
		return
	}
	s, err := h.NewStream(ctx, f.peer.ID, serviceID(f.name))
	if err != nil {
		c.Close()
		return
	}
	pump(s, c)
}

// forgetOnSignal closes every connection at SIGUSR1: what is opened next is cold.
func forgetOnSignal(h host.Host) {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	for range c {
		for _, p := range h.Network().Peers() {
			h.Network().ClosePeer(p)
		}
	}
}

// accept hands every connection of one TCP listener to serve, and prints the word and the address it got.
func accept(ctx context.Context, listen, word string, serve func(*net.TCPConn)) error {
	l, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	line("%s %s", word, l.Addr())
	context.AfterFunc(ctx, func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go serve(c.(*net.TCPConn))
		}
	}()
	return nil
}

func serveTCP(ctx context.Context, h host.Host, o *options) error {
	for _, s := range o.services {
		h.SetStreamHandler(serviceID(s[0]), func(st network.Stream) { serveService(st, s[1]) })
	}
	if len(o.forwards) > 0 {
		go forgetOnSignal(h)
	}
	for _, f := range o.forwards {
		err := accept(ctx, f.listen, "FORWARD", func(c *net.TCPConn) { forwardOne(ctx, h, f, c) })
		if err != nil {
			return err
		}
	}
	if o.tcpEcho == "" {
		return nil
	}
	return accept(ctx, o.tcpEcho, "TCP-ECHO", func(c *net.TCPConn) {
		io.Copy(c, c)
		c.Close()
	})
}
