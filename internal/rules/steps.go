package rules

import (
	"fmt"
	"strings"
)

// NextSteps says what to do after a configuration is loaded that nobody reads, because it
// goes straight to the server. It returns a few lines, which show no knock.
func NextSteps(format string, d *Door) []string {
	host, until := d.Hosts[0].Name, ""
	if d.Trial > 0 {
		until = fmt.Sprintf(", for %d seconds after loading, then open again", d.trial())
	}
	by := map[string]string{
		"fwknopd":  "chains KNOCKPIPE-" + join(d.Ports, ", KNOCKPIPE-"),
		"iptables": "chains KNOCKPIPE-" + join(d.Ports, ", KNOCKPIPE-"),
		"mikrotik": "chains knockpipe-" + join(d.Ports, ", knockpipe-"),
	}[format]
	if by == "" {
		by = "table inet knockpipe_" + join(d.Ports, ", knockpipe_")
	}
	steps := []string{fmt.Sprintf("%s guarded by %s%s", d.guarded(), by, until)}
	steps = append(steps, fmt.Sprintf("test: knockpipe -check %s; then log in over a new connection: ssh -o ControlPath=none %[1]s", host))
	switch {
	case d.Trial > 0:
		steps = append(steps, "once you can log in, guard it for good: run the same without -trial")
	case format != "mikrotik":
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
