// SPDX-License-Identifier: LGPL-2.1-or-later

package main

import (
	"bytes"
	"fmt"
	"io"
)

// pattern is an endless reader of bytes that differ from stream to stream and never repeat in step with a frame.
type pattern struct{ state uint64 }

func newPattern(stream int) *pattern {
	return &pattern{uint64(stream)*0x9e3779b97f4a7c15 + 0x2545f4914f6cdd1d}
}

func (p *pattern) Read(out []byte) (int, error) {
	for i := range out {
		p.state ^= p.state << 13
		p.state ^= p.state >> 7
		p.state ^= p.state << 17
		out[i] = byte(p.state >> 32)
	}
	return len(out), nil
}

// check reads r to its end and compares it with what the pattern says.
func (p *pattern) check(r io.Reader, n int64) error {
	got, want := make([]byte, chunk), make([]byte, chunk)

	for off := int64(0); ; {
		k, err := r.Read(got)
		p.Read(want[:k])
		if !bytes.Equal(got[:k], want[:k]) {
			return fmt.Errorf("wrong bytes after offset %d", off)
		}
		off += int64(k)
		if err == io.EOF && off == n {
			return nil
		}
		if err == io.EOF {
			return fmt.Errorf("end of file after %d bytes, want %d", off, n)
		}
		if err != nil {
			return fmt.Errorf("after %d bytes: %w", off, err)
		}
	}
}
