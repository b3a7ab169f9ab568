package config_test

import (
	"fmt"
	"strings"
	"testing"

	"knockpipe/config"
)

// BenchmarkLoad looks up the last host of a config, five lines to a host: by the name
// that is typed, and by its HostName.
func BenchmarkLoad(b *testing.B) {
	for _, hosts := range []int{2, 4000} {
		var text strings.Builder
		for i := range hosts {
			fmt.Fprintf(&text, "Host host%d\n\tHostName host%d.example.org\n\tUser user%d\n\t# Knock: %d 23456 34567\n\tPort 2222\n", i, i, i, 1000+i)
		}
		h := newHome(b, map[string]string{"config": text.String()})
		last, want := fmt.Sprintf("host%d", hosts-1), fmt.Sprintf("%d 23456 34567", 999+hosts)
		for _, q := range []config.Query{{Name: last, Exact: true}, {Name: last + ".example.org"}} {
			b.Run(fmt.Sprintf("lines=%d/exact=%v", 5*hosts, q.Exact), func(b *testing.B) {
				b.SetBytes(int64(text.Len()))
				b.ReportAllocs()
				for b.Loop() {
					if got := h.ask(q); got != want {
						b.Fatalf("got %v, want %v", got, want)
					}
				}
			})
		}
	}
}
