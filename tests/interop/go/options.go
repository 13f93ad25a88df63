// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

type options struct {
	role          string
	seed          []byte
	keyType       string
	forge         string
	listen        []string
	relays        []peer.AddrInfo
	echo          bool
	bytes         int64
	services      [][2]string // name, host:port
	forwards      []forward
	tcpEcho       string
	security      string
	raiseLimits   bool
	allow         map[peer.ID]bool
	dataLimit     int64
	durationLimit time.Duration
	ttl           time.Duration
	timeout       time.Duration
	dial          *peer.AddrInfo
	actions       []string
	web           web
}

// web has PEM files for wss.
type web struct {
	certificate, key, trust string
}

type forward struct {
	listen, name string
	peer         peer.AddrInfo
}

func parseAddrInfo(s string) (peer.AddrInfo, error) {
	if !strings.HasPrefix(s, "/") {
		id, err := peer.Decode(s)
		return peer.AddrInfo{ID: id}, err
	}
	m, err := ma.NewMultiaddr(s)
	if err != nil {
		return peer.AddrInfo{}, err
	}
	info, err := peer.AddrInfoFromP2pAddr(m)
	if err != nil {
		return peer.AddrInfo{}, err
	}
	return *info, nil
}

func parseForward(s string) (forward, error) {
	listen, rest, ok := strings.Cut(s, "=")
	slash := strings.LastIndexByte(rest, '/')
	if !ok || slash < 0 {
		return forward{}, errors.New("want HOST:PORT=PEER/NAME")
	}
	info, err := parseAddrInfo(rest[:slash])
	return forward{listen, rest[slash+1:], info}, err
}

func (o *options) parseSeed(s string) (err error) {
	o.seed, err = hex.DecodeString(s)
	if err == nil && len(o.seed) != 32 {
		err = errors.New("want 64 hex digits")
	}
	return err
}

func (o *options) addService(s string) error {
	name, backend, ok := strings.Cut(s, "=")
	if !ok {
		return errors.New("want NAME=HOST:PORT")
	}
	o.services = append(o.services, [2]string{name, backend})
	return nil
}

func (o *options) addFlags(fs *flag.FlagSet) {
	fs.StringVar(&o.role, "role", "node", "node or relay")
	fs.Func("key", "Ed25519 seed in hex", o.parseSeed)
	fs.StringVar(&o.keyType, "key-type", "ed25519", "or secp256k1, ecdsa, rsa")
	fs.StringVar(&o.forge, "forge", "", "a fault of the TLS handshake")
	fs.Func("listen", "multiaddr", func(s string) error { o.listen = append(o.listen, s); return nil })
	fs.Func("relay", "multiaddr of a relay to reserve at", func(s string) error {
		info, err := parseAddrInfo(s)
		o.relays = append(o.relays, info)
		return err
	})
	fs.BoolVar(&o.echo, "echo", false, "serve the test protocols")
	fs.Int64Var(&o.bytes, "bytes", 1<<20, "what source sends")
	fs.Func("service", "NAME=HOST:PORT", o.addService)
	fs.Func("forward", "HOST:PORT=PEER/NAME", func(s string) error {
		f, err := parseForward(s)
		o.forwards = append(o.forwards, f)
		return err
	})
	fs.StringVar(&o.tcpEcho, "tcp-echo", "", "host:port of a plain TCP echo")
	fs.StringVar(&o.security, "security", "default", "default, noise or tls")
	fs.BoolVar(&o.raiseLimits, "raise-limits", false, "no resource limits")
	fs.Func("allow", "peer id let in", func(s string) error {
		id, err := peer.Decode(s)
		o.allow[id] = true
		return err
	})
	fs.Int64Var(&o.dataLimit, "data-limit", 1<<17, "bytes each way of a circuit")
	fs.Func("duration-limit", "seconds of a circuit", seconds(&o.durationLimit))
	fs.Func("ttl", "seconds of a reservation", seconds(&o.ttl))
	fs.Func("timeout", "seconds for all of --dial", seconds(&o.timeout))
	fs.StringVar(&o.web.certificate, "web-certificate", "", "PEM file, of a wss listener")
	fs.StringVar(&o.web.key, "web-key", "", "PEM file, of a wss listener")
	fs.StringVar(&o.web.trust, "web-trust", "", "PEM file of authorities, for wss")
	fs.Func("dial", "multiaddr, then actions", func(s string) error {
		info, err := parseAddrInfo(s)
		o.dial = &info
		return err
	})
}

func seconds(d *time.Duration) func(string) error {
	return func(s string) (err error) {
		*d, err = time.ParseDuration(s + "s")
		return err
	}
}

func parseOptions() *options {
	o := &options{
		allow:         map[peer.ID]bool{},
		durationLimit: 2 * time.Minute,
		ttl:           time.Hour,
		timeout:       time.Minute,
	}
	o.addFlags(flag.CommandLine)
	flag.Parse()
	o.actions = flag.Args()

	if o.role != "node" && o.role != "relay" {
		fail("usage", fmt.Errorf("role %q", o.role))
	}
	if o.dial == nil && len(o.actions) > 0 {
		fail("usage", errors.New("actions without --dial"))
	}
	return o
}
