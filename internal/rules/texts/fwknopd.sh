#!/bin/sh
# fwknopd for {{.Names}}, written by knockpipe -rules fwknopd, for fwknopd 2.6 and
# iptables. THE KEYS ARE IN IT: chmod 600.
#
# {{.Guarded}} shut.
# An address whose packet fwknopd accepts may connect for a moment. A session that has
# begun goes on after that. fwknop knows IPv4 alone: by IPv6 it stays shut. What opens
# and shuts is the chain INPUT: a port that Docker or other rules lead elsewhere is not
# guarded by this.
{{- if .Forwards}}
#
# The access leads through this host to another one, for which it has to forward
# packets: sysctl net.ipv4.ip_forward=1
{{- end}}
#
{{template "trial.txt" .}}#
# Set the interface below. Then write both files, and shut the port, as root on the
# server, again at any time. A file of another content is kept as FILE~. If it has keys
# of others, put them into the new one:
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
# Remove the firewall's part:
#
#      sh fwknopd.sh remove
#
set -eu
umask 077

# The interface that packets come in by; see "ip -br addr".
interface=eth0

# write puts its input into a file.
write() {
	cat >"$1.new"
	if [ -e "$1" ] && ! cmp -s "$1" "$1.new"; then mv "$1" "$1~"; fi
	mv "$1.new" "$1"
}

files() {
	mkdir -p /etc/fwknop
	write /etc/fwknop/access.conf <<'END'
# Who may ask, and for what. OPEN_PORTS is all that this key opens.
{{.Access}}END
	write /etc/fwknop/fwknopd.conf <<END
# The interface must exist before fwknopd starts.
PCAP_INTF              $interface;
{{.Conf}}END
}

# after is the place behind fwknopd's own chain, if it runs, or the first one.
after() {
	"$1" -w -S "$2" | awk '/^-A/ { n++ } / -j FWKNOP_/ { at = n } END { print at + 1 }'
}

firewall() {
{{- if .Trial}}
	# This is a trial: after this time, by the kernel's clock, the guard is no more.
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

# remove takes out what is there of it.
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
