#!/bin/sh
# fwknopd for {{.Names}}, written by knockpipe -rules fwknopd, for fwknopd 2.6 and
# iptables. THIS FILE CONTAINS THE KEYS: chmod 600.
#
# {{.Guarded}} shut.
# An address may connect for a short time after fwknopd accepts its packet. Sessions
# continue after that. fwknop supports only IPv4, so the port stays shut over IPv6. The
# rules are in the chain INPUT, so they do not guard a port that Docker or other rules
# forward elsewhere.
{{- if .Forwards}}
#
# The access leads through this host to another one, so this host has to forward
# packets: sysctl net.ipv4.ip_forward=1
{{- end}}
#
{{template "trial.txt" .}}#
# Set the interface below. Then run this script as root on the server. It writes both
# files and shuts the port, and you can run it again at any time. It keeps a file that
# differs as FILE~. If that one has other keys, add them to the new file:
#
#      sh fwknopd.sh
#
# Start fwknopd:
#
#      systemctl enable fwknop-server
#      systemctl restart fwknop-server
#
# Shut the port at each boot too, when fwknopd starts:
#
#      install -m 700 fwknopd.sh /etc/fwknop/{{(index (index .Families 0).Doors 0).Chain}}
#      mkdir -p /etc/systemd/system/fwknop-server.service.d
#      printf '[Service]\nExecStartPre=/etc/fwknop/{{(index (index .Families 0).Doors 0).Chain}} firewall\n' >/etc/systemd/system/fwknop-server.service.d/{{(index (index .Families 0).Doors 0).Chain}}.conf
#
# Remove the firewall rules:
#
#      sh fwknopd.sh remove
#
set -eu
umask 077

# The interface on which packets arrive; see "ip -br addr".
interface=eth0

# write replaces a file with its input.
write() {
	cat >"$1.new"
	if [ -e "$1" ] && ! cmp -s "$1" "$1.new"; then mv "$1" "$1~"; fi
	mv "$1.new" "$1"
}

files() {
	mkdir -p /etc/fwknop
	write /etc/fwknop/access.conf <<'END'
# Who may ask, and for what. This key opens only the ports in OPEN_PORTS.
{{.Access}}END
	write /etc/fwknop/fwknopd.conf <<END
# The interface must exist before fwknopd starts.
PCAP_INTF              $interface;
{{.Conf}}END
}

# after prints the position after fwknopd's own chain if fwknopd runs, else the first.
after() {
	"$1" -w -S "$2" | awk '/^-A/ { n++ } / -j FWKNOP_/ { at = n } END { print at + 1 }'
}

firewall() {
{{- if .Trial}}
	# This is a trial: the guard ends at this time by the kernel's clock.
	end=$(date -u -d "@$(($(date +%s) + {{.Trial}}))" +%Y-%m-%dT%H:%M:%S)
{{- end}}
	remove || true
{{- range .Families}}{{$command := .Command}}
{{- if .V6}}
	[ -e /proc/net/if_inet6 ] || return 0
{{- end}}
{{- range .Doors}}{{$chain := .Chain}}
	{{$command}} -w -N {{$chain}}
	{{$command}} -w -A {{$chain}} -p tcp ! --syn -j ACCEPT
	{{$command}} -w -A {{$chain}} -i lo -j ACCEPT
{{- range .LAN}}
	{{$command}} -w -A {{$chain}} -s {{.}} -j ACCEPT
{{- end}}
	{{$command}} -w -A {{$chain}} -p tcp{{if $.Trial}} -m time --datestop "$end"{{end}} -j REJECT --reject-with tcp-reset
{{- range .Hooks}}
	{{$command}} -w -I {{.Chain}} "$(after {{$command}} {{.Chain}})" {{.Match}} -j {{$chain}}
{{- end}}
{{- end}}
{{- end}}
}

# remove deletes the rules, if there are any.
remove() {
	for ipt in iptables ip6tables; do
		for chain in{{range .Ports}} KNOCKPIPE-{{.}}{{end}}; do
			"$ipt" -w -S | sed -n "s/^-A \(.* -j $chain\)\$/\1/p" | while read -r rule; do
				"$ipt" -w -D $rule
			done
			"$ipt" -w -F $chain
			"$ipt" -w -X $chain
		done
	done
} 2>/dev/null

case ${1-all} in
all)
	files
	firewall
	;;
firewall) firewall ;;
remove) remove || true ;;
*)
	echo "usage: sh fwknopd.sh [firewall | remove]" >&2
	exit 2
	;;
esac
