//go:build linux

package lab

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// Nft loads a ruleset, given as text, into the host's firewall. An error of nft fails the
// test.
func (h *Host) Nft(t testing.TB, ruleset string) {
	t.Helper()
	Need(t, "nft")
	if err := h.nft(ruleset); err != nil {
		t.Fatal(err)
	}
}

// NftFile is Nft for a ruleset in a file.
func (h *Host) NftFile(t testing.TB, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	h.Nft(t, string(text))
}

func (h *Host) nft(ruleset string) error {
	cmd := h.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("nft on %s: %v: %s", h.Name, err, out)
	}
	return nil
}
