#!/bin/sh
# fwknopd for tango, tango-anna, written by knockpipe -rules fwknopd, for fwknopd 2.6 and
# iptables. THE KEYS ARE IN IT: chmod 600.
#
# TCP port 22 is shut.
# An address whose packet fwknopd accepts may connect for a moment. A session that has
# begun goes on after that. fwknop knows IPv4 alone: by IPv6 it stays shut. What opens
# and shuts is the chain INPUT: a port that Docker or other rules lead elsewhere is not
# guarded by this.
#
# This is a trial: the guard is gone by itself 300 seconds after it was loaded. To
# guard for good, load what is printed without -trial.
#
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
#      install -m 700 fwknopd.sh /etc/fwknop/KNOCKPIPE-22
#      mkdir -p /etc/systemd/system/fwknop-server.service.d
#      printf '[Service]\nExecStartPre=/etc/fwknop/KNOCKPIPE-22 firewall\n' >/etc/systemd/system/fwknop-server.service.d/KNOCKPIPE-22.conf
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
SOURCE                  ANY
KEY_BASE64              c3dvcmRmaXNoMTIz
HMAC_KEY_BASE64         aG1hYy1wbGFpbi1rZXk=
HMAC_DIGEST_TYPE        sha256
OPEN_PORTS              tcp/22
REQUIRE_SOURCE_ADDRESS  N
FW_ACCESS_TIMEOUT       10

SOURCE                  ANY
KEY_BASE64              dHJvdXQ=
HMAC_KEY_BASE64         YnJlYW0=
HMAC_DIGEST_TYPE        sha256
OPEN_PORTS              tcp/22
REQUIRE_SOURCE_ADDRESS  N
FW_ACCESS_TIMEOUT       10
REQUIRE_USERNAME        anna
END
	write /etc/fwknop/fwknopd.conf <<END
# The interface must exist before fwknopd starts.
PCAP_INTF              $interface;
PCAP_FILTER            udp port 62201;
END
}

# after is the place behind fwknopd's own chain, if it runs, or the first one.
after() {
	"$1" -w -S "$2" | awk '/^-A/ { n++ } / -j FWKNOP_/ { at = n } END { print at + 1 }'
}

firewall() {
	# This is a trial: after this time, by the kernel's clock, the guard is no more.
	end=$(date -u -d "@$(($(date +%s) + 300))" +%Y-%m-%dT%H:%M:%S)
	remove || true
	iptables -w -N KNOCKPIPE-22
	iptables -w -A KNOCKPIPE-22 -p tcp ! --syn -j ACCEPT
	iptables -w -A KNOCKPIPE-22 -i lo -j ACCEPT
	iptables -w -A KNOCKPIPE-22 -p tcp -m time --datestop "$end" -j REJECT --reject-with tcp-reset
	iptables -w -I INPUT "$(after iptables INPUT)" -p tcp --dport 22 -j KNOCKPIPE-22
	[ -e /proc/net/if_inet6 ] || return 0
	ip6tables -w -N KNOCKPIPE-22
	ip6tables -w -A KNOCKPIPE-22 -p tcp ! --syn -j ACCEPT
	ip6tables -w -A KNOCKPIPE-22 -i lo -j ACCEPT
	ip6tables -w -A KNOCKPIPE-22 -p tcp -m time --datestop "$end" -j REJECT --reject-with tcp-reset
	ip6tables -w -I INPUT "$(after ip6tables INPUT)" -p tcp --dport 22 -j KNOCKPIPE-22
}

# remove takes out what is there of it.
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
