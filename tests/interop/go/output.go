// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"fmt"
	"os"
	"strings"
	"sync"

	"github.com/libp2p/go-libp2p/core/host"
	ma "github.com/multiformats/go-multiaddr"
)

var outputLock sync.Mutex

// line prints one machine-readable line, whole, however many goroutines print.
func line(format string, args ...any) {
	outputLock.Lock()
	defer outputLock.Unlock()
	fmt.Println(strings.ReplaceAll(fmt.Sprintf(format, args...), "\n", " "))
}

func fail(stage string, err error) {
	line("FAIL %s %v", stage, err)
	os.Exit(1)
}

func announce(h host.Host) {
	addrs, err := h.Network().InterfaceListenAddresses()
	if err != nil {
		fail("start", err)
	}
	for _, a := range addrs {
		if _, err := a.ValueForProtocol(ma.P_CIRCUIT); err != nil {
			line("ADDR %s/p2p/%s", a, h.ID())
		}
	}
	line("READY %s", h.ID())
}
