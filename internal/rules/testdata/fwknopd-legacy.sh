#!/bin/sh
# fwknopd for tango, written by knockpipe -rules fwknopd, for fwknopd 2.6 and
# iptables. THIS FILE CONTAINS THE KEYS: chmod 600.
#
# TCP port 22 is shut.
# An address may connect for a short time after fwknopd accepts its packet. Sessions
# continue after that. fwknop supports only IPv4, so the port stays shut over IPv6. The
# rules are in the chain INPUT, so they do not guard a port that Docker or other rules
# forward elsewhere.
#
# If ssh is your only way in, first load what "-trial 5m" prints: that guard removes
# itself. Load this one once you have logged in through it.
#
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
#      install -m 700 fwknopd.sh /etc/fwknop/KNOCKPIPE-22
#      mkdir -p /etc/systemd/system/fwknop-server.service.d
#      printf '[Service]\nExecStartPre=/etc/fwknop/KNOCKPIPE-22 firewall\n' >/etc/systemd/system/fwknop-server.service.d/KNOCKPIPE-22.conf
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
SOURCE                  ANY
KEY_BASE64              c3dvcmRmaXNoMTIz
ENCRYPTION_MODE         legacy
OPEN_PORTS              tcp/22,udp/53
REQUIRE_SOURCE_ADDRESS  N
FW_ACCESS_TIMEOUT       600
MAX_FW_TIMEOUT          600
REQUIRE_USERNAME        alice
END
	write /etc/fwknop/fwknopd.conf <<END
# The interface must exist before fwknopd starts.
PCAP_INTF              $interface;
PCAP_FILTER            tcp port 80;

# The packet arrives by HTTP: a web server has to listen on this port.
ENABLE_SPA_OVER_HTTP   Y;
END
}

# after prints the position after fwknopd's own chain if fwknopd runs, else the first.
after() {
	"$1" -w -S "$2" | awk '/^-A/ { n++ } / -j FWKNOP_/ { at = n } END { print at + 1 }'
}

firewall() {
	remove || true
	iptables -w -N KNOCKPIPE-22
	iptables -w -A KNOCKPIPE-22 -p tcp ! --syn -j ACCEPT
	iptables -w -A KNOCKPIPE-22 -i lo -j ACCEPT
	iptables -w -A KNOCKPIPE-22 -p tcp -j REJECT --reject-with tcp-reset
	iptables -w -I INPUT "$(after iptables INPUT)" -p tcp --dport 22 -j KNOCKPIPE-22
	[ -e /proc/net/if_inet6 ] || return 0
	ip6tables -w -N KNOCKPIPE-22
	ip6tables -w -A KNOCKPIPE-22 -p tcp ! --syn -j ACCEPT
	ip6tables -w -A KNOCKPIPE-22 -i lo -j ACCEPT
	ip6tables -w -A KNOCKPIPE-22 -p tcp -j REJECT --reject-with tcp-reset
	ip6tables -w -I INPUT "$(after ip6tables INPUT)" -p tcp --dport 22 -j KNOCKPIPE-22
}

# remove deletes the rules, if there are any.
remove() {
	for ipt in iptables ip6tables; do
		for chain in KNOCKPIPE-22; do
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
