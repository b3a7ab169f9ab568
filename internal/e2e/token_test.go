//go:build linux

package e2e

import (
	"bytes"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"knockpipe/internal/lab"
	"knockpipe/internal/rules"
	"knockpipe/knock/token"
)

// A tokenDoor is a server behind what -rules prints, and the keys to it.
type tokenDoor struct {
	*lab.Lab
	dir    string // of the keys
	banner *lab.Banner
}

// supplyTime is how long a supply lasts where that does not matter: it loads at once.
const supplyTime = "10m"

// loadDoor loads what -rules prints, into the place of what was loaded.
func (d *tokenDoor) loadDoor(t testing.TB) {
	t.Helper()
	path := filepath.Join(d.dir, "door.key")
	if _, err := os.Stat(path); err != nil {
		d.run(t, "", "-keygen", path)
	}
	d.run(t, "| nft -f -", "-rules", "nftables", "-f", d.config(t, "door", ""), "tango", "22")
}

// newTokenDoor makes a server with a door and no key. The client has a second address
// of each family, from which somebody else repeats what was seen.
func newTokenDoor(t testing.TB, link ...lab.Link) *tokenDoor {
	t.Helper()
	d := &tokenDoor{Lab: lab.New(t, link...), dir: t.TempDir()}
	for _, addr := range []string{"198.51.100.9/24", "2001:db8::9/64"} {
		args := []string{"addr", "add", addr, "dev", "eth0"}
		if strings.Contains(addr, ":") {
			args = append(args, "nodad", "preferred_lft", "0") // nobody takes it unasked
		}
		if out, err := d.Client.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip: %v: %s", err, out)
		}
	}
	d.loadDoor(t)
	d.banner = d.Server.Banner(t, 22)
	return d
}

// key makes a key file, and loads its tokens, those of now too.
func (d *tokenDoor) key(t testing.TB, name string, carriers ...string) *token.Key {
	t.Helper()
	path := filepath.Join(d.dir, name+".key")
	d.run(t, "", append([]string{"-keygen", path}, carriers...)...)
	d.load(t, "-fresh", "-for", "1h", path)
	k, err := token.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

// run runs knockpipe on the server, and nft on what it prints if there is one.
func (d *tokenDoor) run(t testing.TB, nft string, args ...string) {
	t.Helper()
	if out, err := d.try(t, nft, args...); err != nil {
		t.Fatalf("knockpipe %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

func (d *tokenDoor) try(t testing.TB, nft string, args ...string) ([]byte, error) {
	t.Helper()
	lab.Need(t, "nft", "bash")
	cmd := d.Server.Command("bash", append([]string{"-o", "pipefail", "-c", `"$0" "$@" ` + nft, binary(t)}, args...)...)
	cmd.Env = append(cmd.Env, "STATE_DIRECTORY="+filepath.Join(d.dir, "state"))
	return cmd.CombinedOutput()
}

func (d *tokenDoor) load(t testing.TB, args ...string) {
	t.Helper()
	d.run(t, "| nft -f -", append([]string{"-tokens"}, args...)...)
}

// send sends a token from an address of the client, as a carrier has it.
func (d *tokenDoor) send(t testing.TB, carrier string, from netip.Addr, data [token.Size]byte) {
	t.Helper()
	to := d.Server.IP4
	if from.Is6() {
		to = d.Server.IP6
	}
	var err error
	d.Client.Do(func() { err = sendToken(carrier, from, to, data) })
	if err != nil {
		t.Fatalf("%s from %v: %v", carrier, from, err)
	}
}

// sendToken sends one packet from the calling thread's host.
func sendToken(carrier string, from, to netip.Addr, data [token.Size]byte) error {
	family, echo, proto := unix.AF_INET, byte(8), unix.IPPROTO_ICMP
	if to.Is6() {
		family, echo, proto = unix.AF_INET6, 128, unix.IPPROTO_ICMPV6
	}
	kind, flags, packet := unix.SOCK_DGRAM, 0, data[:]
	switch carrier {
	case "udp":
		proto = unix.IPPROTO_UDP
	case "icmp":
		kind = unix.SOCK_RAW
		packet = append([]byte{echo, 0, 0, 0, 0, 1, 0, 1}, packet...)
		if family == unix.AF_INET { // the kernel does it for IPv6
			sum := 0
			for i := 0; i < len(packet); i += 2 {
				sum += int(packet[i])<<8 + int(packet[i+1])
			}
			sum = sum>>16 + sum&0xffff
			sum = ^(sum>>16 + sum)
			packet[2], packet[3] = byte(sum>>8), byte(sum)
		}
	case "tcp":
		kind, proto, flags = unix.SOCK_STREAM|unix.SOCK_NONBLOCK, unix.IPPROTO_TCP, unix.MSG_FASTOPEN
	}
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if carrier == "tcp" {
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_FASTOPEN_NO_COOKIE, 1); err != nil {
			return err
		}
	}
	name := func(addr netip.Addr, port int) unix.Sockaddr {
		if addr.Is4() {
			return &unix.SockaddrInet4{Addr: addr.As4(), Port: port}
		}
		return &unix.SockaddrInet6{Addr: addr.As16(), Port: port}
	}
	if err := unix.Bind(fd, name(from, 0)); err != nil {
		return err
	}
	port := 40022
	if carrier == "icmp" {
		port = 0
	}
	if err := unix.Sendto(fd, packet, flags, name(to, port)); err != nil && err != unix.EINPROGRESS {
		return err
	}
	return nil
}

// open reports whether the port is open to an address of the client.
func (d *tokenDoor) open(t testing.TB, from netip.Addr) bool {
	t.Helper()
	network, to := "tcp4", d.Server.IP4
	if from.Is6() {
		network, to = "tcp6", d.Server.IP6
	}
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: from.AsSlice()}, Timeout: 300 * time.Millisecond}
	var conn net.Conn
	var err error
	d.Client.Do(func() { conn, err = dialer.Dial(network, netip.AddrPortFrom(to, 22).String()) })
	if err == nil {
		conn.Close()
	}
	return err == nil
}

// shut makes the door forget who came in.
func (d *tokenDoor) shut(t testing.TB) {
	t.Helper()
	flush(t, d.Server, "knockpipe_22", "clients4", "clients6")
	unfollowed(t, d.Client.Own)
}

// counts are the counters of a key's table: opened, early, late, used.
func (d *tokenDoor) counts(t testing.TB, name string) string {
	t.Helper()
	var counts []string
	for _, counter := range []string{"opened", "early", "late", "used"} {
		out, err := d.Server.Command("nft", "list", "counter", "inet", rules.KeyTable+name, counter+"_v1").CombinedOutput()
		m := regexp.MustCompile(`packets (\d+)`).FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("nft: %v: %s", err, out)
		}
		counts = append(counts, string(m[1]))
	}
	return strings.Join(counts, " ")
}

// The addresses of the client: its own, and those of somebody who has seen all.
var (
	ours   = []netip.Addr{netip.MustParseAddr("198.51.100.1"), netip.MustParseAddr("2001:db8::1")}
	theirs = []netip.Addr{netip.MustParseAddr("198.51.100.9"), netip.MustParseAddr("2001:db8::9")}
)

// TestTokenOnce uses tokens once by each carrier. A token that was seen opens nothing for
// someone else, at once or after anything is loaded again. A token that was not used
// does.
func TestTokenOnce(t *testing.T) {
	t.Parallel()
	for _, carrier := range []string{"udp", "icmp", "tcp"} {
		for i, family := range []string{"IPv4", "IPv6"} {
			t.Run(carrier+" "+family, func(t *testing.T) {
				t.Parallel()
				d := newTokenDoor(t)
				we, they := ours[i], theirs[i]
				k := d.key(t, "anna", "udp:40022", "icmp", "tcp:40022")
				path := filepath.Join(d.dir, "anna.key")
				now := token.SlotOf(time.Now())
				if d.open(t, we) || d.open(t, they) {
					t.Fatal("the door is open before anything was sent")
				}
				d.send(t, carrier, we, [token.Size]byte{})
				if d.open(t, we) {
					t.Fatal("16 bytes that are no token open")
				}
				seen := k.Token(now, 7)
				d.send(t, carrier, we, seen)
				if !d.open(t, we) {
					t.Fatalf("a token does not open: %s", d.counts(t, "anna"))
				}
				replay := func(when string) {
					t.Helper()
					for _, by := range []string{"udp", "icmp", "tcp"} {
						for _, from := range theirs {
							d.send(t, by, from, seen)
						}
					}
					if d.open(t, they) {
						t.Errorf("%s: what was seen opens", when)
					}
				}
				replay("at once")
				if got, want := d.counts(t, "anna"), "1 0 0 6"; got != want {
					t.Errorf("counters: got %s, want %s", got, want)
				}
				d.Server.Nft(t, "delete table inet knockpipe_22")
				d.loadDoor(t)
				replay("after the door was loaded again")
				d.load(t, "-for", supplyTime, path)
				replay("after a refill")
				if out, err := d.try(t, "| nft -f -", "-tokens", "-fresh", "-for", supplyTime, path); err == nil || !bytes.Contains(out, []byte("File exists")) {
					t.Errorf("-fresh is not refused: %v: %s", err, out)
				}
				replay("after -fresh")
				if !strings.HasPrefix(d.counts(t, "anna"), "1 0 0 ") {
					t.Errorf("counters: got %s, want one that opened", d.counts(t, "anna"))
				}
				d.send(t, carrier, they, k.Token(now, 8))
				if !d.open(t, they) {
					t.Errorf("a token that was not used does not open: %s", d.counts(t, "anna"))
				}
				d.Server.Nft(t, "flush ruleset")
				d.loadDoor(t)
				d.load(t, "-for", supplyTime, path)
				replay("after a flush and a refill")
				for n := range token.PerSlot { // nothing whose time has begun is back
					for slot := now - 1; slot <= now+1; slot++ {
						d.send(t, carrier, they, k.Token(slot, n))
					}
				}
				if d.open(t, they) {
					t.Errorf("tokens whose time had begun open after a flush and a refill: %s", d.counts(t, "anna"))
				}
			})
		}
	}
}

// TestTokenClocks has clients whose clocks are wrong. What they spend opens nothing
// later.
func TestTokenClocks(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	k := d.key(t, "anna")
	path := filepath.Join(d.dir, "anna.key")
	d.load(t, path) // of a day
	n := 0
	send := func(from netip.Addr, off time.Duration) token.Slot {
		n++
		slot := token.SlotOf(time.Now().Add(off))
		d.send(t, "udp", from, k.Token(slot, n))
		return slot
	}
	for _, tt := range []struct {
		off   time.Duration
		opens bool
	}{{-119 * time.Second, true}, {119 * time.Second, true}, {-5 * time.Minute, false}, {5 * time.Minute, false}, {time.Hour, false}, {23 * time.Hour, false}} {
		for i := range ours {
			d.shut(t)
			slot := send(ours[i], tt.off)
			if got := d.open(t, ours[i]); got != tt.opens {
				t.Errorf("a clock that is off by %v: open is %v, want %v", tt.off, got, tt.opens)
			}
			d.load(t, "-for", supplyTime, path) // brings nothing back
			before := d.counts(t, "anna")
			d.send(t, "udp", theirs[i], k.Token(slot, n))
			if d.open(t, theirs[i]) {
				t.Errorf("what was spent %v from now opens", tt.off)
			}
			if after := d.counts(t, "anna"); strings.Fields(after)[0] != strings.Fields(before)[0] {
				t.Errorf("counters: got %s, then %s", before, after)
			}
		}
	}
	// The supply begins with the present, so that what is 5 minutes late is unknown.
	if got, want := d.counts(t, "anna"), "4 6 0 10"; got != want {
		t.Errorf("counters: got %s, want %s", got, want)
	}
}

// supply loads a supply that was made at another time.
func (d *tokenDoor) supply(t testing.TB, s *rules.Supply) {
	t.Helper()
	var script bytes.Buffer
	if err := s.Write(&script); err != nil {
		t.Fatal(err)
	}
	d.Server.Nft(t, script.String())
}

// TestTokenExpires has a supply that has run out, so that its tokens are late.
func TestTokenExpires(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	path := filepath.Join(d.dir, "anna.key")
	if err := token.Write(path, nil); err != nil {
		t.Fatal(err)
	}
	k, err := token.Read(path)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	d.supply(t, &rules.Supply{Name: "anna", Key: k, Now: now.Add(-20 * time.Minute), For: 18 * time.Minute})
	d.Server.Nft(t, "flush set inet knockpipe_key_anna coming_v1") // as after 20 minutes
	for n := range token.PerSlot {
		d.send(t, "udp", ours[0], k.Token(token.SlotOf(now), n))   // was not loaded
		d.send(t, "udp", ours[0], k.Token(token.SlotOf(now)-4, n)) // was loaded, and is late
	}
	if d.open(t, ours[0]) {
		t.Error("a supply that is at its end opens")
	}
	if got, want := d.counts(t, "anna"), "0 0 32 0"; got != want {
		t.Errorf("counters: got %s, want %s", got, want)
	}
}

// TestTokenRace has two senders at once with the same tokens: one of the two gets each.
func TestTokenRace(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	k := d.key(t, "anna")
	first := token.SlotOf(time.Now())
	d.load(t, "-for", "17h", filepath.Join(d.dir, "anna.key"))
	const slots = 500
	var tokens [][token.Size]byte
	for slot := range token.Slot(slots) {
		for n := range token.PerSlot {
			tokens = append(tokens, k.Token(first+slot, n))
		}
	}
	var fds [2]int
	var err error
	d.Client.Do(func() {
		for i := range fds {
			if fds[i], err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err == nil {
				err = unix.Connect(fds[i], &unix.SockaddrInet4{Addr: d.Server.IP4.As4(), Port: 40022})
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	start := make(chan struct{})
	for _, fd := range fds {
		wg.Go(func() {
			<-start
			for _, tok := range tokens {
				for unix.Send(fd, tok[:], 0) == unix.ECONNREFUSED { // of the one before
				}
			}
		})
	}
	close(start)
	wg.Wait()
	for _, fd := range fds {
		unix.Close(fd)
	}
	var opened, early, late, used int
	fmt.Sscan(d.counts(t, "anna"), &opened, &early, &late, &used)
	if opened+early != len(tokens) || late != 0 || used != len(tokens) {
		t.Errorf("of 2 × %d tokens %d opened, %d were early, %d late and %d used, want half used", len(tokens), opened, early, late, used)
	}
	if opened < 2*token.PerSlot || opened > 4*token.PerSlot {
		t.Errorf("%d opened, want those of two or three slots", opened)
	}
}

// TestTokenUsers has two keys for one door. One of them is revoked.
func TestTokenUsers(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	anna, bob := d.key(t, "anna", "udp:40022"), d.key(t, "bob-laptop", "icmp")
	now := token.SlotOf(time.Now())
	d.send(t, "udp", ours[0], anna.Token(now, 1))
	d.send(t, "icmp", theirs[0], bob.Token(now, 1))
	if !d.open(t, ours[0]) || !d.open(t, theirs[0]) {
		t.Errorf("got %s and %s", d.counts(t, "anna"), d.counts(t, "bob-laptop"))
	}
	d.shut(t)
	d.send(t, "udp", theirs[0], bob.Token(now, 2)) // not its carrier
	if d.open(t, theirs[0]) {
		t.Error("a token opens by a carrier that its key does not name")
	}
	d.Server.Nft(t, "delete table inet knockpipe_key_anna")
	d.send(t, "udp", ours[0], anna.Token(now, 2))
	if d.open(t, ours[0]) {
		t.Error("a key that was revoked opens")
	}
	d.send(t, "icmp", theirs[0], bob.Token(now, 2))
	if !d.open(t, theirs[0]) {
		t.Error("the other key does not open any more")
	}
	d.load(t, filepath.Join(d.dir, "anna.key"), filepath.Join(d.dir, "bob-laptop.key"))
	d.shut(t)
	d.send(t, "icmp", theirs[0], bob.Token(now, 3))
	if !d.open(t, theirs[0]) {
		t.Error("a refill of both keys takes away what is loaded")
	}
}

// TestTokenMarks has other software that marks packets. Neither disturbs the other.
func TestTokenMarks(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	d.Server.Nft(t, `table inet other {
	counter kept { }
	counter lost { }
	counter ours { }
	chain first { type filter hook prerouting priority -300; meta mark set 0xff4001; }
	chain restore { type filter hook prerouting priority -155; meta mark != 0xff4001 counter name lost; meta mark set ct mark; meta mark set 0xff4001; }
	chain input {
		type filter hook input priority -50;
		meta mark 0x4b000074 counter name ours
		meta mark 0xff4001 counter name kept
	}
}`)
	k := d.key(t, "anna", "udp:40022", "icmp", "tcp:40022")
	now := token.SlotOf(time.Now())
	for n, carrier := range []string{"udp", "icmp", "tcp"} {
		d.shut(t)
		d.send(t, carrier, ours[0], k.Token(now, n))
		if !d.open(t, ours[0]) {
			t.Errorf("%s: shut", carrier)
		}
		d.send(t, carrier, theirs[0], k.Token(now, n))
		if d.open(t, theirs[0]) {
			t.Errorf("%s: what was seen opens", carrier)
		}
	}
	count := func(name string) int {
		out, err := d.Server.Command("nft", "list", "counter", "inet", "other", name).CombinedOutput()
		m := regexp.MustCompile(`packets (\d+)`).FindSubmatch(out)
		if err != nil || m == nil {
			t.Fatalf("nft: %v: %s", err, out)
		}
		n, _ := strconv.Atoi(string(m[1]))
		return n
	}
	if got, want := count("lost"), 6; got != want {
		t.Errorf("%d packets lost their mark, want the %d tokens only", got, want)
	}
	if count("ours") > 0 || count("kept") < 10 {
		t.Errorf("%d packets have our mark at input, and %d their own", count("ours"), count("kept"))
	}
}

// TestTokenRandom sends random bytes as long as a token.
func TestTokenRandom(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	d.key(t, "anna", "udp:40022", "icmp", "tcp:40022")
	var tok [token.Size]byte
	for i := range 1000 {
		tok[i%16]++
		tok[(i+7)%16] ^= byte(i)
		d.send(t, []string{"udp", "icmp", "tcp"}[i%3], ours[i%2], tok)
	}
	if got, want := d.counts(t, "anna"), "0 0 0 0"; got != want || d.open(t, ours[0]) || d.open(t, ours[1]) {
		t.Errorf("counters: got %s, want %s", got, want)
	}
}

// TestTokenCut loads scripts that are cut short, at each of the last lines and at some of
// the others. What was loaded before stays unchanged, or the whole is loaded.
func TestTokenCut(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	k := d.key(t, "anna")
	var script bytes.Buffer
	if err := (&rules.Supply{Name: "anna", Key: k, Now: time.Now(), For: rules.MinSupply}).Write(&script); err != nil {
		t.Fatal(err)
	}
	lines := bytes.SplitAfter(script.Bytes(), []byte("\n"))
	now := token.SlotOf(time.Now())
	n, sent := 0, 0
	for cut := range len(lines) {
		if cut > 20 && cut < 40 {
			continue // one token after the other
		}
		cmd := d.Server.Command("nft", "-f", "-")
		cmd.Stdin = bytes.NewReader(bytes.Join(lines[:cut], nil))
		cmd.Run()
		if n++; n%8 != 0 && cut < len(lines)-30 {
			continue
		}
		d.shut(t)
		d.send(t, "udp", ours[0], k.Token(now+token.Slot(sent/32), sent%32))
		sent++
		if !d.open(t, ours[0]) {
			t.Fatalf("cut after line %d of %d, the rules are gone: %s", cut, len(lines), d.counts(t, "anna"))
		}
	}
}

// TestTokenBehind boots with a clock that is behind.
func TestTokenBehind(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	d.key(t, "anna")
	if os.Geteuid() != 0 {
		t.Skip("skipping, only root keeps the time of the last run")
	}
	path := filepath.Join(d.dir, "state", "last-run")
	if err := os.WriteFile(path, fmt.Appendln(nil, time.Now().Add(time.Hour).Unix()), 0o600); err != nil {
		t.Fatal(err)
	}
	d.Server.Nft(t, "flush ruleset")
	out, err := d.try(t, "| nft -f -", "-tokens", filepath.Join(d.dir, "anna.key"))
	if err == nil || !regexp.MustCompile(`^knockpipe: -tokens: \S+last-run: the clock says .*, but the last run was at `).Match(out) {
		t.Errorf("got %v: %s, want it to be refused", err, out)
	}
	if out, err := d.Server.Command("nft", "list", "ruleset").CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("loaded: %v: %s", err, out)
	}
}

// TestTokenWeek loads the longest supply beside others.
func TestTokenWeek(t *testing.T) {
	t.Parallel()
	d := newTokenDoor(t)
	k := d.key(t, "anna")
	path := filepath.Join(d.dir, "anna.key")
	start := time.Now()
	d.load(t, "-for", "7d", path)
	loaded := time.Since(start)
	tok := k.Token(token.SlotOf(time.Now()), 1)
	d.send(t, "udp", ours[0], tok)
	if !d.open(t, ours[0]) {
		t.Error("it does not open")
	}
	start = time.Now()
	d.load(t, "-for", "7d", path)
	t.Logf("a week: loaded in %v, again in %v", loaded.Round(time.Millisecond), time.Since(start).Round(time.Millisecond))
	d.send(t, "udp", theirs[0], tok)
	if d.open(t, theirs[0]) {
		t.Error("what was seen opens")
	}
}
