package rules

import (
	"fmt"
	"slices"
	"strings"
)

// NextSteps says what to do after a configuration is loaded that nobody reads, because it
// goes straight to the server. It returns a few lines, which show no knock.
func NextSteps(format string, d *Door) []string {
	trial := ""
	if d.Trial > 0 {
		trial = fmt.Sprintf(", for %d seconds, and then open again", d.trial())
	}
	by := map[string]string{
		"fwknopd":  "chains KNOCKPIPE-" + join(d.Ports, ", KNOCKPIPE-"),
		"iptables": "chains KNOCKPIPE-" + join(d.Ports, ", KNOCKPIPE-"),
		"mikrotik": "chains knockpipe-" + join(d.Ports, ", knockpipe-"),
	}[format]
	if by == "" {
		by = "table inet knockpipe_" + join(d.Ports, ", knockpipe_")
	}
	steps := []string{fmt.Sprintf("once this is loaded, %s guarded by %s%s", d.guarded(), by, trial)}
	host, port := d.Hosts[0].Name, d.Ports[0]
	if d.elsewhere() {
		steps = append(steps, fmt.Sprintf("test: if sshd listens on port %d, knockpipe -check %s %[1]d; if not, knockpipe -k %[2]s %[1]d, and see on the server who is let in: %[3]s",
			port, host, d.admitted(format)))
	} else {
		steps = append(steps, fmt.Sprintf("test: knockpipe -check %s; then log in over a new connection: ssh -o ControlPath=none %[1]s", host))
	}
	switch {
	case d.Trial > 0:
		steps = append(steps, "once that works, guard it for good: run the same without -trial")
	case format != "mikrotik" && !d.elsewhere():
		steps = append(steps, "to try it safely first: -trial 5m makes a guard that removes itself")
	}
	switch format {
	case "nftables":
		steps = append(steps, "undo: nft '"+removal(d.Ports)+"'; the comments in the output say how to keep it over a reboot")
	case "iptables", "fwknopd":
		steps = append(steps, "undo: run the script with the argument remove: ssh root@SERVER sh -s remove")
	default:
		steps = append(steps, "the comments describe the remaining steps and how to undo them")
	}
	return steps
}

// removal returns nft's commands that remove the tables.
func removal(ports []uint16) string {
	var all []string
	for _, port := range ports {
		all = append(all, "delete table inet "+Table(port))
	}
	return strings.Join(all, "; ")
}

// elsewhere reports whether the door is not the one that ssh comes through: a rehearsal, or
// a guard for another service.
func (d *Door) elsewhere() bool {
	return !slices.Contains(d.Ports, d.Hosts[0].Port)
}

// test says in a comment how to test the door.
func (d *Door) test() string {
	if !d.elsewhere() {
		return "# Test from the client, then log in over a new connection (-o ControlPath=none):\n" +
			"#   knockpipe -check " + d.Hosts[0].Name
	}
	return fmt.Sprintf("# Test from the client. If no sshd listens on port %d, only knock, then look as above:\n"+
		"#   knockpipe -check %s %[1]d\n"+
		"#   knockpipe -k %[2]s %[1]d", d.Ports[0], d.Hosts[0].Name)
}

// admitted is the server's command that shows which addresses may connect.
func (d *Door) admitted(format string) string {
	switch format {
	case "fwknopd":
		return "fwknopd --fw-list"
	case "iptables":
		return "cat /proc/net/xt_recent/" + d.iptList(d.Ports[0])
	case "mikrotik":
		return `/ip firewall address-list print where list~"^knockpipe-"`
	}
	return "nft list table inet " + Table(d.Ports[0])
}
