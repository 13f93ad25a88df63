// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"os"

	"github.com/libp2p/go-libp2p"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
)

// webTransports are TCP and QUIC, and WebSocket with certificates of the Web: the library's own set knows none.
func webTransports(w web) ([]libp2p.Option, error) {
	var options []interface{}

	if w.certificate != "" {
		certificate, err := tls.LoadX509KeyPair(w.certificate, w.key)
		if err != nil {
			return nil, err
		}
		options = append(options, websocket.WithTLSConfig(&tls.Config{Certificates: []tls.Certificate{certificate}}))
	}
	if w.trust != "" {
		pem, err := os.ReadFile(w.trust)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, errors.New("no certificates in " + w.trust)
		}
		options = append(options, websocket.WithTLSClientConfig(&tls.Config{RootCAs: pool}))
	}
	return []libp2p.Option{
		libp2p.Transport(tcp.NewTCPTransport), libp2p.Transport(quic.NewTransport), libp2p.Transport(websocket.New, options...),
	}, nil
}
