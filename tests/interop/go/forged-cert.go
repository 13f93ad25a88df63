// SPDX-License-Identifier: LGPL-2.1-or-later

// Certificates and handshakes with one fault each, and with none.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
)

const yamuxID = "/yamux/1.0.0"

// maker is what a fault changes before the certificate is made, or after.
type maker struct {
	template *x509.Certificate
	extended bool                // with the extension of libp2p
	vouched  *ecdsa.PrivateKey   // whose public key the host key signs
	signer   *ecdsa.PrivateKey   // who signs the certificate
	proof    *ecdsa.PrivateKey   // who signs the handshake
	value    func([]byte) []byte // of the extension
	chain    int                 // copies that are sent
	names    []string            // ALPN
	version  uint16              // the highest
}

var faults = map[string]func(*maker){
	"none":           func(*maker) {},
	"expired":        func(m *maker) { m.template.NotAfter = time.Now().Add(-time.Minute) },
	"not-yet":        func(m *maker) { m.template.NotBefore = time.Now().Add(10 * time.Minute) },
	"no-extension":   func(m *maker) { m.extended = false },
	"critical":       func(m *maker) { m.extend(asn1.ObjectIdentifier{1, 2, 3, 4}, true, []byte{5, 0}) },
	"other-key":      func(m *maker) { m.vouched = newECDSA() },
	"host-signature": func(m *maker) { m.value = func(b []byte) []byte { b[len(b)-1] ^= 1; return b } },
	"trailing":       func(m *maker) { m.value = func(b []byte) []byte { return append(b, 5, 0) } },
	"own-signature":  func(m *maker) { m.signer = newECDSA() },
	"stolen":         func(m *maker) { m.proof = newECDSA() },
	"two":            func(m *maker) { m.chain = 2 },
	"no-certificate": func(m *maker) { m.chain = 0 },
	"alpn-h3":        func(m *maker) { m.names = []string{"h3"} },
	"alpn-none":      func(m *maker) { m.names = nil },
	"alpn-libp2p":    func(m *maker) { m.names = []string{"libp2p"} },
	"tls-1.2":        func(m *maker) { m.version = tls.VersionTLS12 },
}

func newECDSA() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}

func (m *maker) extend(id asn1.ObjectIdentifier, critical bool, value []byte) {
	m.template.ExtraExtensions = append(m.template.ExtraExtensions, pkix.Extension{Id: id, Critical: critical, Value: value})
}

func (m *maker) make(host crypto.PrivKey, key *ecdsa.PrivateKey) (tls.Certificate, error) {
	if m.extended {
		extension, err := libp2ptls.GenerateSignedExtension(host, m.vouched.Public())
		if err != nil {
			return tls.Certificate{}, err
		}
		m.extend(extension.Id, false, m.value(extension.Value))
	}
	der, err := x509.CreateCertificate(rand.Reader, m.template, m.template, key.Public(), m.signer)
	c := tls.Certificate{PrivateKey: m.proof}
	for range m.chain {
		c.Certificate = append(c.Certificate, der)
	}
	return c, err
}

// forgedConfig is for either role; names are the ALPN of somebody without a fault there.
func forgedConfig(kind string, host crypto.PrivKey, names []string) (*tls.Config, error) {
	fault := faults[kind]
	if fault == nil {
		return nil, fmt.Errorf("no fault %q", kind)
	}
	key := newECDSA()
	m := &maker{
		template: &x509.Certificate{
			SerialNumber: big.NewInt(1 << 40),
			Subject:      pkix.Name{SerialNumber: "1"},
			NotBefore:    time.Now().Add(-time.Hour),
			NotAfter:     time.Now().Add(time.Hour),
		},
		extended: true, vouched: key, signer: key, proof: key, chain: 1, names: names, version: tls.VersionTLS13,
		value: func(b []byte) []byte { return b },
	}
	fault(m)
	certificate, err := m.make(host, key)
	if err != nil {
		return nil, err
	}
	config := &tls.Config{
		MaxVersion:             m.version,
		InsecureSkipVerify:     true,
		ClientAuth:             tls.RequireAnyClientCert,
		NextProtos:             m.names,
		SessionTicketsDisabled: true,
	}
	if m.chain > 0 {
		config.Certificates = []tls.Certificate{certificate}
	}
	return config, nil
}
