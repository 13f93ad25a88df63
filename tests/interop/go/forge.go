// SPDX-License-Identifier: LGPL-2.1-or-later

// A peer of crypto/tls and quic-go alone, whose handshake has one fault. It says what the far side made of it.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
	multistream "github.com/multiformats/go-multistream"
	"github.com/quic-go/quic-go"
)

const (
	tlsID         = "/tls/1.0.0"
	forgeTimeout  = 10 * time.Second
	selectYamux   = "\x13/multistream/1.0.0\n\x0d/yamux/1.0.0\n"
	yamuxPing     = "\x00\x02\x00\x01\x00\x00\x00\x00\x00\x00\x00\x07"
	yamuxPong     = "\x00\x02\x00\x02\x00\x00\x00\x00\x00\x00\x00\x07"
	multistreamID = "\x13/multistream/1.0.0\n"
)

// verdict prints FORGED: admitted; refused, with the alert that came; or failed, where it was us who gave up.
func verdict(err error) {
	switch {
	case err == nil:
		line("FORGED admitted")
	case strings.Contains(err.Error(), "remote error: tls: ") || strings.Contains(err.Error(), "(remote)"):
		line("FORGED refused %v", err)
	default:
		line("FORGED failed %v", err)
	}
}

// say writes what only somebody who was admitted gets an answer to. A write that fails is explained by the read.
func say(c io.ReadWriter, text, want string) error {
	c.Write([]byte(text))
	answer := make([]byte, len(want))
	if _, err := io.ReadFull(c, answer); err != nil {
		return err
	}
	if string(answer) != want {
		return fmt.Errorf("it answered %q", answer)
	}
	return nil
}

func forgedTLS(ctx context.Context, a ma.Multiaddr, config *tls.Config) error {
	raw, err := (&manet.Dialer{}).DialContext(ctx, a)
	if err != nil {
		return err
	}
	defer raw.Close()
	deadline, _ := ctx.Deadline()
	raw.SetDeadline(deadline)
	if err = multistream.SelectProtoOrFail(tlsID, raw); err != nil {
		return err
	}
	c := tls.Client(raw, config)
	if err = c.HandshakeContext(ctx); err != nil {
		return err
	}
	if c.ConnectionState().NegotiatedProtocol == yamuxID {
		return say(c, yamuxPing, yamuxPong)
	}
	return say(c, selectYamux, selectYamux)
}

func forgedQUIC(ctx context.Context, address string, config *tls.Config) error {
	c, err := quic.DialAddr(ctx, address, config, nil)
	if err != nil {
		return err
	}
	defer c.CloseWithError(0, "")
	s, err := c.OpenStreamSync(ctx)
	if err != nil {
		return err
	}
	deadline, _ := ctx.Deadline()
	s.SetDeadline(deadline)
	return say(s, multistreamID, multistreamID)
}

func serveForgedTLS(a ma.Multiaddr, config *tls.Config, id peer.ID) error {
	l, err := manet.Listen(a)
	if err != nil {
		return err
	}
	line("ADDR %s/p2p/%s", l.Multiaddr(), id)
	line("READY %s", id)
	mux := multistream.NewMultistreamMuxer[string]()
	mux.AddHandler(tlsID, nil)
	for {
		raw, err := l.Accept()
		if err != nil {
			return err
		}
		raw.SetDeadline(time.Now().Add(forgeTimeout))
		if _, _, err = mux.Negotiate(raw); err == nil {
			err = tls.Server(raw, config).Handshake()
		}
		verdict(err)
		raw.Close()
	}
}

func serveForgedQUIC(address string, config *tls.Config, id peer.ID) error {
	l, err := quic.ListenAddrEarly(address, config, nil)
	if err != nil {
		return err
	}
	line("ADDR /ip4/127.0.0.1/udp/%d/quic-v1/p2p/%s", l.Addr().(*net.UDPAddr).Port, id)
	line("READY %s", id)
	for {
		c, err := l.Accept(context.Background())
		if err != nil {
			return err
		}
		select {
		case <-c.HandshakeComplete():
			verdict(nil)
		case <-c.Context().Done():
			verdict(context.Cause(c.Context()))
		}
		c.CloseWithError(0, "")
	}
}

// forge runs instead of a host.
func forge(o *options) error {
	host, err := newKey(o.keyType, o.seed)
	if err != nil {
		return err
	}
	id, err := peer.IDFromPrivateKey(host)
	if err != nil {
		return err
	}
	if o.dial == nil {
		return serveForged(o, host, id)
	}
	ctx, cancel := context.WithTimeout(context.Background(), forgeTimeout)
	defer cancel()
	a := o.dial.Addrs[0]
	address, isQUIC := udpAddress(a)
	config, err := forgedConfig(o.forge, host, alpnOf(isQUIC))
	if err != nil {
		return err
	}
	if isQUIC {
		verdict(forgedQUIC(ctx, address, config))
	} else {
		verdict(forgedTLS(ctx, a, config))
	}
	return nil
}

func serveForged(o *options, host crypto.PrivKey, id peer.ID) error {
	if len(o.listen) != 1 {
		return errors.New("--forge wants --dial or one --listen")
	}
	a, err := ma.NewMultiaddr(o.listen[0])
	if err != nil {
		return err
	}
	address, isQUIC := udpAddress(a)
	config, err := forgedConfig(o.forge, host, alpnOf(isQUIC))
	if err != nil {
		return err
	}
	if isQUIC {
		return serveForgedQUIC(address, config, id)
	}
	return serveForgedTLS(a, config, id)
}

func alpnOf(isQUIC bool) []string {
	if isQUIC {
		return []string{"libp2p"}
	}
	return []string{yamuxID, "libp2p"}
}

// udpAddress is host:port of a QUIC address.
func udpAddress(a ma.Multiaddr) (string, bool) {
	ip, err := a.ValueForProtocol(ma.P_IP4)
	port, err2 := a.ValueForProtocol(ma.P_UDP)
	return net.JoinHostPort(ip, port), err == nil && err2 == nil
}
