#!/bin/sh

# The door of {{.Names}}, for iptables and ip6tables. {{.Guarded}} shut, except
# to {{.Sender}} that has knocked, for {{.Seconds}} seconds. Sessions continue after that.
# This file contains the knocks: keep it private (chmod 600).
#
# Each guarded port has chains of its own in three tables, and a jump to each. They
# only guard the port: where your own rules drop it, they still do. As root:
# Load, or load again at any time:
#   sh knockpipe.sh
{{template "trial.txt" .}}# See how far knocks get and who may connect (ip6tables for IPv6):
#   iptables -t mangle -vnL {{.First.Chain}}-KNOCKS; cat /proc/net/xt_recent/{{.First.List}}
{{.Test}}
# Remove:
#   sh knockpipe.sh remove
# Keep it over a reboot: run it at each boot, or save all rules that are loaded, as your
# system does. On Debian, with the package iptables-persistent, run this after each load,
# but not after that of a trial, whose end would be saved too:
#   netfilter-persistent save
#
# The match "recent" remembers 100 addresses in each list and forgets the oldest. A
# flood of forged addresses can keep knocks from counting, unless you first load the
# module with larger lists: modprobe xt_recent ip_list_tot=10000
{{.Remarks}}
set -eu

# unhook removes the jump to a chain from one of the kernel's chains.
unhook() {
	while $run -w -t "$1" -C "$2" -j "$3" 2>/dev/null; do $run -w -t "$1" -D "$2" -j "$3"; done
}

# remove deletes the chains of a port, if there are any.
remove() {
	for run in iptables ip6tables; do
		unhook raw PREROUTING "KNOCKPIPE-$1"
		unhook mangle PREROUTING "KNOCKPIPE-$1"
		unhook filter INPUT "KNOCKPIPE-$1"
		for table in raw mangle filter; do
			chains=$($run -w -t $table -S | sed -n "s/^-N \(KNOCKPIPE-$1\(-[A-Z].*\)*\)$/\1/p")
			for chain in $chains; do $run -w -t $table -F "$chain"; done
			for chain in $chains; do $run -w -t $table -X "$chain"; done
		done
	done
}

# hook puts a jump at the head of one of the kernel's chains. If the jump is already in
# the chain, it moves to the head in one step: a rule inserted before it may let everybody
# in.
hook() {
	if $run -w -t "$1" -C "$2" -j "$3" 2>/dev/null; then
		printf '*%s\n-D %s -j %s\n-I %s -j %s\nCOMMIT\n' "$1" "$2" "$3" "$2" "$3" | $run-restore -w --noflush
	else
		$run -w -t "$1" -I "$2" -j "$3"
	fi
}

if [ "${1:-}" = remove ]; then
{{- range .Doors}}
	remove {{.Port}}
{{- end}}
	exit 0
fi
{{- if .Trial}}

# This is a trial: the guard ends at this time by the kernel's clock.
end=$(date -u -d "@$(($(date +%s) + {{.Trial}}))" +%Y-%m-%dT%H:%M:%S)
{{- end}}
{{range .Doors}}{{$door := .}}{{range .Families}}{{$family := .}}
run={{.Command}}
$run-restore -w --noflush <<{{if $.Trial}}END{{else}}'END'{{end}}
*mangle
:{{$door.Chain}} - [0:0]
:{{$door.Chain}}-KNOCKS - [0:0]
{{- range .Opened}}
:{{.Chain}} - [0:0]
{{- end}}

# In TCP, only a SYN can knock or begin a connection.
-A {{$door.Chain}} -i lo -j RETURN
-A {{$door.Chain}} -p tcp ! --syn -j RETURN
-A {{$door.Chain}} -m addrtype ! --dst-type LOCAL -j RETURN
{{- if $door.Counted}}

# Packets of an existing exchange are neither counted nor knocks, except on a port that
# is knocked at.
-A {{$door.Chain}} -m conntrack --ctstate RELATED -j RETURN
{{- if $door.UDPPorts}}
-A {{$door.Chain}} -p udp -m conntrack --ctstate ESTABLISHED{{range $door.UDPPorts}} -m multiport ! --dports {{.}}{{end}} -j RETURN
{{- end}}
{{- end}}
{{- if not $door.Knocked}}
-A {{$door.Chain}} -p tcp --dport {{$door.Port}} -j RETURN
{{- end}}

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
{{- range .Protocols}}
-A {{$door.Chain}} {{.}} -m hashlimit --hashlimit-upto {{$.Rate}}/second --hashlimit-burst {{$.Burst}} --hashlimit-mode srcip{{$family.SrcMask}} --hashlimit-name {{$door.List}} --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j {{$door.Chain}}-KNOCKS
{{- end}}

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
{{- range .Rules}}
-A {{$door.Chain}}-KNOCKS {{.}}
{{- end}}
{{- range .Opened}}{{$opened := .}}

# A client that repeats the sequence must not close the door by accident.
{{- range .Lists}}
-A {{$opened.Chain}} -m recent --remove --name {{.}}{{$family.Mask}}
{{- end}}
{{- end}}
COMMIT
*filter
:{{$door.Chain}} - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A {{$door.Chain}} -i lo -j RETURN
-A {{$door.Chain}} -p tcp ! --syn -j RETURN
{{- range .LAN}}
-A {{$door.Chain}} -s {{.}} -j RETURN
{{- end}}
-A {{$door.Chain}} -p tcp --dport {{$door.Port}} -m recent ! --rcheck --seconds {{$.Seconds}} --name {{.List}}{{.Mask}}{{template "until" $}} -j REJECT --reject-with tcp-reset
-A {{$door.Chain}} -p tcp --dport {{$door.Port}} -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:{{$door.Chain}} - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A {{$door.Chain}} -i lo -j RETURN
{{- range .LAN}}
-A {{$door.Chain}} -s {{.}} -j RETURN
{{- end}}
-A {{$door.Chain}} -p tcp --syn --dport {{$door.Port}} -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds {{$.Seconds}} --name {{.List}}{{.Mask}}{{template "until" $}} -j CT --notrack
COMMIT
END
hook mangle PREROUTING {{$door.Chain}}
hook filter INPUT {{$door.Chain}}
hook raw PREROUTING {{$door.Chain}}
{{end}}{{end}}
{{- define "until"}}{{if .Trial}} -m time --datestop $end{{end}}{{end -}}
