// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"math"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/control"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/p2p/protocol/circuitv2/relay"
	"github.com/libp2p/go-libp2p/p2p/security/noise"
	tls "github.com/libp2p/go-libp2p/p2p/security/tls"
	ma "github.com/multiformats/go-multiaddr"
)

// gate refuses inbound peers that are not listed, where peer-up's own gater does: once their identity is proven.
type gate map[peer.ID]bool

func (g gate) InterceptPeerDial(peer.ID) bool               { return true }
func (g gate) InterceptAddrDial(peer.ID, ma.Multiaddr) bool { return true }
func (g gate) InterceptAccept(network.ConnMultiaddrs) bool  { return true }
func (g gate) InterceptUpgraded(network.Conn) (bool, control.DisconnectReason) {
	return true, 0
}

func (g gate) InterceptSecured(d network.Direction, id peer.ID, _ network.ConnMultiaddrs) bool {
	if d == network.DirOutbound || g[id] {
		return true
	}
	line("DENIED %s", id)
	return false
}

var keyTypes = map[string]int{"ed25519": crypto.Ed25519, "secp256k1": crypto.Secp256k1, "ecdsa": crypto.ECDSA, "rsa": crypto.RSA}

// newKey has a seed for Ed25519 only.
func newKey(name string, seed []byte) (crypto.PrivKey, error) {
	kind, ok := keyTypes[name]
	if !ok {
		return nil, fmt.Errorf("key type %q", name)
	}
	if kind == crypto.Ed25519 && seed != nil {
		return crypto.UnmarshalEd25519PrivateKey(bytes.Clone(ed25519.NewKeyFromSeed(seed)))
	}
	key, _, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
	return key, err
}

func securityOption(name string) (libp2p.Option, error) {
	switch name {
	case "default":
		return libp2p.DefaultSecurity, nil
	case "noise":
		return libp2p.Security(noise.ID, noise.New), nil
	case "tls":
		return libp2p.Security(tls.ID, tls.New), nil
	}
	return nil, fmt.Errorf("security %q", name)
}

func unlimited() (network.ResourceManager, error) {
	return rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(rcmgr.InfiniteLimits))
}

func newHost(o *options) (host.Host, error) {
	key, err := newKey(o.keyType, o.seed)
	if err != nil {
		return nil, err
	}
	security, err := securityOption(o.security)
	if err != nil {
		return nil, err
	}
	opts := []libp2p.Option{libp2p.Identity(key), security}

	if len(o.listen) > 0 {
		opts = append(opts, libp2p.ListenAddrStrings(o.listen...))
	} else {
		opts = append(opts, libp2p.NoListenAddrs, libp2p.EnableRelay())
	}
	if len(o.allow) > 0 {
		opts = append(opts, libp2p.ConnectionGater(gate(o.allow)))
	}
	if o.raiseLimits {
		manager, err := unlimited()
		if err != nil {
			return nil, err
		}
		opts = append(opts, libp2p.ResourceManager(manager))
	}
	if len(o.relays) > 0 {
		/* as peer-up does it: the library's own reservations, beside the explicit ones of relay.go */
		opts = append(opts, libp2p.EnableAutoRelayWithStaticRelays(o.relays), libp2p.ForceReachabilityPrivate())
	}
	if o.web != (web{}) {
		transports, err := webTransports(o.web)
		if err != nil {
			return nil, err
		}
		opts = append(opts, transports...)
	}
	return libp2p.New(opts...)
}

// relayLimit knows that 0 means "at once" to the library, which cannot leave out one of the two.
func relayLimit(d time.Duration, data int64) *relay.RelayLimit {
	if d == 0 && data == 0 {
		return nil
	}
	if d == 0 {
		d = math.MaxUint32 * time.Second
	}
	if data == 0 {
		data = math.MaxInt64
	}
	return &relay.RelayLimit{Duration: d, Data: data}
}

func startRelay(h host.Host, o *options) error {
	resources := relay.DefaultResources()
	resources.ReservationTTL = o.ttl
	resources.Limit = relayLimit(o.durationLimit, o.dataLimit)
	_, err := relay.New(h, relay.WithResources(resources))
	return err
}
