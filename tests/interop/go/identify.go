// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"encoding/json"
	"slices"
	"sync"

	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
)

type identified struct {
	Peer            string        `json:"peer"`
	Agent           string        `json:"agent"`
	ProtocolVersion string        `json:"protocolVersion"`
	Protocols       []protocol.ID `json:"protocols"`
	Listen          []string      `json:"listen"`
	Observed        string        `json:"observed"`
	Record          bool          `json:"record"`
	Security        protocol.ID   `json:"security"`
	Muxer           protocol.ID   `json:"muxer"`
	Early           bool          `json:"early"`
	Limited         bool          `json:"limited"`
	Direction       string        `json:"direction"`
	Remote          string        `json:"remote"`
}

// The last identify of each peer, for the action that waits for it.
var (
	identifyLock sync.Mutex
	identifyNews = sync.NewCond(&identifyLock)
	identifyLast = map[peer.ID]string{}
)

func texts(addrs []ma.Multiaddr) []string {
	out := []string{}
	for _, a := range addrs {
		out = append(out, a.String())
	}
	return out
}

func direction(c network.Conn) string {
	if c.Stat().Direction == network.DirInbound {
		return "inbound"
	}
	return "outbound"
}

func onIdentified(e event.EvtPeerIdentificationCompleted) {
	state := e.Conn.ConnState()
	slices.Sort(e.Protocols)
	observed := ""
	if e.ObservedAddr != nil {
		observed = e.ObservedAddr.String()
	}
	text, _ := json.Marshal(identified{
		e.Peer.String(), e.AgentVersion, e.ProtocolVersion, e.Protocols, texts(e.ListenAddrs), observed,
		e.SignedPeerRecord != nil, state.Security, state.StreamMultiplexer, state.UsedEarlyMuxerNegotiation,
		e.Conn.Stat().Limited, direction(e.Conn), e.Conn.RemoteMultiaddr().String(),
	})
	line("IDENTIFY %s", text)

	identifyLock.Lock()
	defer identifyLock.Unlock()
	identifyLast[e.Peer] = string(text)
	identifyNews.Broadcast()
}

func waitIdentified(id peer.ID) string {
	identifyLock.Lock()
	defer identifyLock.Unlock()
	for identifyLast[id] == "" {
		identifyNews.Wait()
	}
	return identifyLast[id]
}

func watchConnections(h host.Host) error {
	sub, err := h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted))
	if err != nil {
		return err
	}
	go func() {
		for e := range sub.Out() {
			onIdentified(e.(event.EvtPeerIdentificationCompleted))
		}
	}()

	h.Network().Notify(&network.NotifyBundle{
		ConnectedF: func(_ network.Network, c network.Conn) {
			kind := "direct"
			if c.Stat().Limited {
				kind = "limited"
			}
			line("CONNECTED %s %s %s %s", c.RemotePeer(), direction(c), kind, c.RemoteMultiaddr())
		},
		DisconnectedF: func(_ network.Network, c network.Conn) { line("DISCONNECTED %s", c.RemotePeer()) },
	})
	return nil
}
