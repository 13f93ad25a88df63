// SPDX-License-Identifier: LGPL-2.1-or-later

// The actions that move bytes over the test protocols.
package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
)

const resetCode = 0x2042

// settle waits for a ping: what was written before it, behind our back, is then at the other end. Closing the host
// before that would lose it, because the library closes sockets with a TCP reset.
func settle(ctx context.Context, s *session) error {
	return pings(ctx, s, 1, func(time.Duration) {})
}

// firstByte proves that the stream is open at both ends.
func firstByte(s network.Stream) error {
	b := []byte{0x5a}

	if _, err := s.Write(b); err != nil {
		return err
	}
	_, err := io.ReadFull(s, b)
	if err == nil && b[0] != 0x5a {
		err = errors.New("wrong first byte")
	}
	return err
}

func echoOne(s network.Stream, i int, bytes int64) error {
	done := make(chan error, 1)

	go func() {
		_, err := io.Copy(onlyWriter{s}, io.LimitReader(newPattern(i), bytes))
		if err == nil {
			err = s.CloseWrite()
		}
		done <- err
	}()
	err := newPattern(i).check(s, bytes)
	if err != nil {
		s.Reset()
		return err
	}
	if err = <-done; err != nil {
		return err
	}
	return s.Close()
}

func doEcho(ctx context.Context, s *session, args []int64) error {
	bytes, n := argument(args, 0, 1), int(argument(args, 1, 1))
	deadline, _ := ctx.Deadline()
	errs := make(chan error, n)
	var open, done sync.WaitGroup
	all := make(chan struct{})

	start := time.Now()
	open.Add(n)
	for i := range n {
		done.Go(func() {
			st, err := s.host.NewStream(ctx, s.peer, echoID)
			if err == nil {
				st.SetDeadline(deadline)
				err = firstByte(st)
			}
			open.Done()
			if err != nil {
				errs <- fmt.Errorf("opening stream %d: %w", i, err)
				return
			}
			<-all
			if err = echoOne(st, i, bytes); err != nil {
				errs <- fmt.Errorf("stream %d: %w", i, err)
			}
		})
	}
	open.Wait()
	close(all)
	done.Wait()

	select {
	case err := <-errs:
		return fmt.Errorf("%d of %d streams failed, first: %w", len(errs)+1, n, err)
	default:
	}
	line("ECHO ok %d %.3f", bytes*int64(n), time.Since(start).Seconds())
	return nil
}

func doHalfclose(ctx context.Context, s *session, _ []int64) error {
	deadline, _ := ctx.Deadline()
	var count uint64

	sink, err := s.host.NewStream(ctx, s.peer, sinkID)
	if err != nil {
		return err
	}
	defer sink.Close()
	sink.SetDeadline(deadline)
	if _, err = io.Copy(sink, io.LimitReader(newPattern(1), 1<<20)); err != nil {
		return fmt.Errorf("sink: %w", err)
	}
	sink.CloseWrite()
	if err = binary.Read(sink, binary.BigEndian, &count); err != nil {
		return fmt.Errorf("sink's answer: %w", err)
	}
	if count != 1<<20 {
		return fmt.Errorf("sink counted %d", count)
	}

	source, err := s.host.NewStream(ctx, s.peer, sourceID)
	if err != nil {
		return err
	}
	defer source.Close()
	source.SetDeadline(deadline)
	n, err := io.Copy(io.Discard, source)
	if err != nil {
		return fmt.Errorf("source: %w", err)
	}
	if _, err = io.Copy(source, io.LimitReader(newPattern(2), 64<<10)); err != nil {
		return fmt.Errorf("writing after source's end: %w", err)
	}
	if err = source.CloseWrite(); err != nil {
		return err
	}
	if err = settle(ctx, s); err != nil {
		return err
	}
	line("HALFCLOSE ok %d", n)
	return nil
}

// remoteReset waits for the other side to reset us.
func remoteReset(s network.Stream) error {
	var reset *network.StreamError

	if err := binary.Write(s, binary.BigEndian, uint32(resetCode)); err != nil {
		return err
	}
	n, err := io.Copy(io.Discard, s)
	if err == nil {
		return fmt.Errorf("end of file after %d bytes instead of a reset", n)
	}
	if !errors.As(err, &reset) || !reset.Remote {
		return fmt.Errorf("not a reset: %w", err)
	}
	line("RESET remote %#x", uint32(reset.ErrorCode))
	return nil
}

func doReset(ctx context.Context, s *session, _ []int64) error {
	deadline, _ := ctx.Deadline()
	b := make([]byte, 4)

	st, err := s.host.NewStream(ctx, s.peer, resetID)
	if err != nil {
		return err
	}
	st.SetDeadline(deadline)
	if err = remoteReset(st); err != nil {
		return err
	}

	st, err = s.host.NewStream(ctx, s.peer, echoID)
	if err != nil {
		return err
	}
	st.SetDeadline(deadline)
	if _, err = st.Write(b); err != nil {
		return err
	}
	if _, err = io.ReadFull(st, b); err != nil {
		return err
	}
	if err = st.ResetWithError(resetCode); err != nil {
		return err
	}
	if err = settle(ctx, s); err != nil {
		return err
	}
	line("RESET ok")
	return connected(s)
}

func doPingpong(ctx context.Context, s *session, _ []int64) error {
	deadline, _ := ctx.Deadline()
	start := time.Now()

	st, err := s.host.NewStream(ctx, s.peer, pingpongID)
	if err != nil {
		return err
	}
	defer st.Close()
	st.SetDeadline(deadline)
	if _, err = io.WriteString(st, "ping\n"); err != nil {
		return err
	}
	text, err := bufio.NewReader(st).ReadString('\n')
	if err != nil {
		return err
	}
	if text != "pong\n" {
		return fmt.Errorf("got %q", text)
	}
	line("PINGPONG %.3f", float64(time.Since(start).Microseconds())/1000)
	return nil
}
