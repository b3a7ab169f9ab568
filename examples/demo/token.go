package main

import (
	"errors"
	"net"
	"sync"
	"time"

	"knockpipe/knock/token"
)

// tokens are to this process what the table of knockpipe -tokens is to a kernel: they
// open a gate to whoever sends one, once.
type tokens struct {
	key  *token.Key
	conn net.PacketConn
	gate *gate

	wg       sync.WaitGroup
	verdicts chan bool // whether one opened, kept until somebody asks

	mu    sync.Mutex
	spent map[[token.Size]byte]bool
	seen  [token.Size]byte // the last one that opened
}

// run lets tokens count.
func (k *tokens) run() {
	k.spent, k.verdicts = make(map[[token.Size]byte]bool), make(chan bool, 1)
	k.wg.Go(func() {
		var data [token.Size + 1]byte
		for {
			n, from, err := k.conn.ReadFrom(data[:])
			if err != nil {
				return
			}
			if n == token.Size {
				opens := k.take(from.(*net.UDPAddr).IP.String(), [token.Size]byte(data[:n]), time.Now())
				select {
				case k.verdicts <- opens:
				default:
				}
			}
		}
	})
}

// take looks a token up, strikes it, and reports whether it opens.
func (k *tokens) take(from string, t [token.Size]byte, at time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case !k.counts(t, at):
		k.gate.logf("no token from %s", from)
		return false
	case k.spent[t]:
		k.gate.logf("token from %s, but it was used before", from)
		return false
	}
	k.gate.logf("token from %s", from)
	k.spent[t], k.seen = true, t
	k.gate.mu.Lock()
	defer k.gate.mu.Unlock()
	if k.gate.door == nil && !k.gate.closed {
		k.gate.open(from)
	}
	return true
}

// counts reports whether it is a token of this slot or of one beside it.
func (k *tokens) counts(t [token.Size]byte, at time.Time) bool {
	now := token.SlotOf(at)
	for slot := now - 1; slot <= now+1; slot++ {
		for n := range token.PerSlot {
			if k.key.Token(slot, n) == t {
				return true
			}
		}
	}
	return false
}

// replay sends again what was seen, which must not open.
func (k *tokens) replay() error {
	conn, err := net.Dial("udp4", k.conn.LocalAddr().String())
	if err != nil {
		return err
	}
	defer conn.Close()
	k.mu.Lock()
	seen := k.seen
	k.mu.Unlock()
	select {
	case <-k.verdicts: // on an earlier one
	default:
	}
	if _, err := conn.Write(seen[:]); err != nil {
		return err
	}
	select {
	case opens := <-k.verdicts:
		if opens {
			return errors.New("what was seen opened the door")
		}
		return nil
	case <-time.After(5 * time.Second):
		return errors.New("the gate did not say what it makes of it")
	}
}

// close ends it.
func (k *tokens) close() {
	k.conn.Close()
	k.wg.Wait()
}
