// Package lab gives tests and benchmarks a small network of their own, with real
// firewalls, real sshds and bad links.
//
//	func TestKnock(t *testing.T) {
//		l := lab.New(t)
//		l.Server.Nft(t, ruleset)
//		sshd := l.Server.SSHD(t)
//		config := sshd.ClientConfig(t, "Host tango\n\tHostName 198.51.100.2\n")
//		if out, err := l.Client.Command("ssh", "-F", config, "tango", "true").CombinedOutput(); err != nil {
//			t.Fatalf("%v: %s", err, out)
//		}
//		sshd.Settle()
//		if got, want := sshd.Connections(), 1; got != want {
//			t.Errorf("got %d connections, want %d", got, want)
//		}
//	}
//
// A [Host] is a set of Linux namespaces without a name. The machine sees nothing of it,
// no traffic leaves it, and the kernel removes it with everything that runs inside when
// the test ends, however it ends.
//
// # What it needs
//
// Linux, and root or a user namespace, which [Main] or [M] enters; nft, sshd and the like
// come from the system. If something is missing, the test is skipped and names it, or
// fails if CI is "true" in the environment. With -short, no test gets a lab.
//
// On other systems there are only [Main] and [M], so that a TestMain needs no build
// constraint. Tests that use a lab need one.
package lab
