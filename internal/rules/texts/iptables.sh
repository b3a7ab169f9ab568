#!/bin/sh

# The door of {{.Names}}, for iptables and ip6tables. {{.Guarded}} shut but to
# {{.Sender}} that has knocked, for {{.Seconds}} seconds. A session that has begun goes on
# after that. The knocks stand here in the clear: keep this file from others (chmod 600).
#
# Each guarded port has chains of its own in three tables, and a jump to each. They
# only guard: where your own rules drop the port, they still do. As root,
# Load, again at any time:
#   sh knockpipe.sh
{{template "trial.txt" .}}# Look, how far knocks get and who may come in (ip6tables for IPv6):
#   iptables -t mangle -vnL {{.First.Chain}}-KNOCKS; cat /proc/net/xt_recent/{{.First.List}}
# Test, from the client, and then log in by a new connection (-o ControlPath=none):
#   knockpipe -check {{.Host}}
# Remove:
#   sh knockpipe.sh remove
# Keep it: run it at each start, or save the rules as your system does (on Debian,
# the package iptables-persistent).
#
# The match "recent" remembers 100 addresses in each list and forgets the oldest. A
# flood of false ones can keep knocks out, unless you first load it with room for
# more: modprobe xt_recent ip_list_tot=10000
{{.Remarks}}
set -eu

# unhook takes the jump to a chain out of one of the kernel's.
unhook() {
	while $run -w -t "$1" -C "$2" -j "$3" 2>/dev/null; do $run -w -t "$1" -D "$2" -j "$3"; done
}

# remove takes out what there is for a port. What is gone already is no error.
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

# hook puts a jump at the head of one of the kernel's chains. Where it is already, it is
# moved there at once: what was put before it since then may let everybody in.
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

# This is a trial: after this time, by the kernel's clock, the guard is no more.
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

# Of TCP, SYN alone can knock or begin a connection.
-A {{$door.Chain}} -i lo -j RETURN
-A {{$door.Chain}} -p tcp ! --syn -j RETURN
-A {{$door.Chain}} -m addrtype ! --dst-type LOCAL -j RETURN
{{- if $door.Counted}}

# What belongs to an exchange that exists is neither counted nor a knock, but where a
# knock goes to that port.
-A {{$door.Chain}} -m conntrack --ctstate RELATED -j RETURN
{{- if $door.UDPPorts}}
-A {{$door.Chain}} -p udp -m conntrack --ctstate ESTABLISHED{{range $door.UDPPorts}} -m multiport ! --dports {{.}}{{end}} -j RETURN
{{- end}}
{{- end}}
{{- if not $door.Knocked}}
-A {{$door.Chain}} -p tcp --dport {{$door.Port}} -j RETURN
{{- end}}

# A scan is no knock: packets count while their sender is below this rate. The table
# for that holds 262,144 addresses for the 2 seconds in which they are told apart; in a
# flood that fills it, the kernel drops what comes from others and begins something.
{{- range .Protocols}}
-A {{$door.Chain}} {{.}} -m hashlimit --hashlimit-upto {{$.Rate}}/second --hashlimit-burst {{$.Burst}} --hashlimit-mode srcip{{$family.SrcMask}} --hashlimit-name {{$door.List}} --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j {{$door.Chain}}-KNOCKS
{{- end}}

# A rule for each knock: has this address come that far? The last knock is first, so
# that one packet is never taken for two. Nothing is undone: doubled packets and
# others in between do no harm. There is no target: a knock gets the answer that it
# would get without these rules.
{{- range .Rules}}
-A {{$door.Chain}}-KNOCKS {{.}}
{{- end}}
{{- range .Opened}}{{$opened := .}}

# A client that repeats the knock must not close the door in passing.
{{- range .Lists}}
-A {{$opened.Chain}} -m recent --remove --name {{.}}{{$family.Mask}}
{{- end}}
{{- end}}
COMMIT
*filter
:{{$door.Chain}} - [0:0]

# The guarded port is "refused", as where nothing listens. If your other ports do not
# answer at all, write DROP in place of the REJECT and what is behind it. Who is let
# in is logged: journalctl -k -g knockpipe
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

# The guard stands before NAT: who has not knocked is led nowhere else from the guarded
# port (Docker, DNAT), but to the REJECT above.
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
