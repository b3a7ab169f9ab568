//go:build linux

package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// BenchmarkInit measures what the packages cost that every start initializes, needed
// or not, as the Go runtime tells: in all, for the kinds of knocks that need
// cryptography, and for the handshake of -check.
func BenchmarkInit(b *testing.B) {
	const rounds = 200
	var all, kinds, check times
	for range rounds {
		trace := initTrace(b)
		all = append(all, sum(trace, ``))
		kinds = append(kinds, sum(trace, `^(knockpipe/knock/|crypto/(aes|cipher|hmac|md5|sha|internal/fips140/(aes|hmac|sha)))`))
		check = append(check, sum(trace, `^(golang\.org/x/crypto/|crypto/(ecdh|ecdsa|ed25519|rsa|x509|tls|dsa|des|rc4)|encoding/(asn1|pem))`))
	}
	a, k, c := all.median(), kinds.median(), check.median()
	b.Logf("initialization %v, of which for kinds of knocks %v, for -check %v", a, k, c)
	b.ReportMetric(float64(k.Microseconds())/1000, "ms-for-kinds")
	b.ReportMetric(float64(c.Microseconds())/1000, "ms-for-check")
}

// TestInit has no package of ours do at each start what one mode alone needs: all of
// them together allocate next to nothing. Those of others, some 580 times today, differ
// from one version of Go to the next: what is much more is a package too many.
func TestInit(t *testing.T) {
	t.Parallel()
	const most, mostOfAll = 10, 1000
	total, ofAll := 0, 0
	for lines := bufio.NewScanner(inits(t)); lines.Scan(); {
		var name string
		var at, took float64
		var size, allocs int
		n, _ := fmt.Sscanf(lines.Text(), "init %s @%f ms, %f ms clock, %d bytes, %d allocs", &name, &at, &took, &size, &allocs)
		if n != 5 {
			continue
		}
		if ofAll += allocs; strings.HasPrefix(name, "knockpipe/") {
			total += allocs
			t.Logf("%s: %d", name, allocs)
		}
	}
	if total > most {
		t.Errorf("got %d allocations of ours at the start, want at most %d", total, most)
	}
	if ofAll > mostOfAll {
		t.Errorf("got %d allocations of all packages at the start, want at most %d", ofAll, mostOfAll)
	}
	if ofAll == 0 {
		t.Error("no trace")
	}
}

// inits is what the Go runtime tells of the packages that one start initializes.
func inits(t testing.TB) io.Reader {
	t.Helper()
	cmd := exec.Command(binary(t), "-V")
	cmd.Env = append(os.Environ(), "GODEBUG=inittrace=1")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
	return &stderr
}

// initTrace is how long each package of one start took to initialize.
func initTrace(b *testing.B) map[string]time.Duration {
	b.Helper()
	trace := make(map[string]time.Duration)
	for lines := bufio.NewScanner(inits(b)); lines.Scan(); {
		var name string
		var at, took float64
		if n, _ := fmt.Sscanf(lines.Text(), "init %s @%f ms, %f ms clock", &name, &at, &took); n == 3 && name != "runtime" {
			trace[name] = time.Duration(took * float64(time.Millisecond))
		}
	}
	if len(trace) == 0 {
		b.Fatal("no trace")
	}
	return trace
}

// sum adds up the packages whose names match.
func sum(trace map[string]time.Duration, names string) (total time.Duration) {
	match := regexp.MustCompile(names)
	for name, took := range trace {
		if match.MatchString(name) {
			total += took
		}
	}
	return total
}
