#!/bin/sh

# The door of tango, tango-anna, for iptables and ip6tables. TCP ports 22, 8022 are shut, except
# to a network (/24 or /64) that has knocked, for 10 seconds. Sessions continue after that.
# This file contains the knocks: keep it private (chmod 600).
#
# Each guarded port has chains of its own in three tables, and a jump to each. They
# only guard the port: where your own rules drop it, they still do. As root:
# Load, or load again at any time:
#   sh knockpipe.sh
# This is a trial: the guard removes itself 300 seconds after it is loaded. To
# guard the port for good, load what knockpipe prints without -trial.
# See how far knocks get and who may connect (ip6tables for IPv6):
#   iptables -t mangle -vnL KNOCKPIPE-22-KNOCKS; cat /proc/net/xt_recent/knockpipe-wide-22
# Test from the client, then log in over a new connection (-o ControlPath=none):
#   knockpipe -check tango
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
#
# A knock lets in the sender's whole network, a /24 for IPv4 or a /64 for IPv6, because
# its knocks and its connection may come from different addresses. Strangers may share it.

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
	remove 22
	remove 8022
	exit 0
fi

# This is a trial: the guard ends at this time by the kernel's clock.
end=$(date -u -d "@$(($(date +%s) + 300))" +%Y-%m-%dT%H:%M:%S)

run=iptables
$run-restore -w --noflush <<END
*mangle
:KNOCKPIPE-22 - [0:0]
:KNOCKPIPE-22-KNOCKS - [0:0]
:KNOCKPIPE-22-OPENED - [0:0]
:KNOCKPIPE-22-OPENED-2 - [0:0]

# In TCP, only a SYN can knock or begin a connection.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -m addrtype ! --dst-type LOCAL -j RETURN

# Packets of an existing exchange are neither counted nor knocks, except on a port that
# is knocked at.
-A KNOCKPIPE-22 -m conntrack --ctstate RELATED -j RETURN
-A KNOCKPIPE-22 -p udp -m conntrack --ctstate ESTABLISHED -m multiport ! --dports 7003,34567 -j RETURN

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
-A KNOCKPIPE-22 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name knockpipe-wide-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS
-A KNOCKPIPE-22 -p udp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name knockpipe-wide-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS
-A KNOCKPIPE-22 -p icmp --icmp-type echo-request -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name knockpipe-wide-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
-A KNOCKPIPE-22-KNOCKS -p icmp --icmp-type echo-request -m length --length 123 -m recent --rcheck --seconds 2 --name knockpipe-wide-22-2 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-22 --mask 255.255.255.0 -m comment --comment "knock 3 of 3" -j KNOCKPIPE-22-OPENED
-A KNOCKPIPE-22-KNOCKS -p udp --dport 34567 -m length --length 32 -m u32 --u32 "0>>22&0x3C@8=0x6F70656E" -m recent --rcheck --seconds 2 --name knockpipe-wide-22-1 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-22-2 --mask 255.255.255.0 -m comment --comment "knock 2 of 3"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12345 -m recent --set --name knockpipe-wide-22-1 --mask 255.255.255.0 -m comment --comment "knock 1 of 3"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12345 -m recent --rcheck --seconds 2 --name knockpipe-wide-22-close1 --mask 255.255.255.0 -m recent --remove --name knockpipe-wide-22 --mask 255.255.255.0 -m comment --comment "closing knock 2 of 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 34567 -m recent --set --name knockpipe-wide-22-close1 --mask 255.255.255.0 -m comment --comment "closing knock 1 of 2"
-A KNOCKPIPE-22-KNOCKS -p udp --dport 7003 -m recent --rcheck --seconds 2 --name knockpipe-wide-22-2_2 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-22 --mask 255.255.255.0 -m comment --comment "knock 3 of 3, host 2" -j KNOCKPIPE-22-OPENED-2
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7002 -m recent --rcheck --seconds 2 --name knockpipe-wide-22-1_2 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-22-2_2 --mask 255.255.255.0 -m comment --comment "knock 2 of 3, host 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 22 -m recent --set --name knockpipe-wide-22-1_2 --mask 255.255.255.0 -m comment --comment "knock 1 of 3, host 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7005 -m recent --rcheck --seconds 2 --name knockpipe-wide-22-close1_2 --mask 255.255.255.0 -m recent --remove --name knockpipe-wide-22 --mask 255.255.255.0 -m comment --comment "closing knock 2 of 2, host 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7004 -m recent --set --name knockpipe-wide-22-close1_2 --mask 255.255.255.0 -m comment --comment "closing knock 1 of 2, host 2"

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-22-OPENED -m recent --remove --name knockpipe-wide-22-close1 --mask 255.255.255.0

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-22-OPENED-2 -m recent --remove --name knockpipe-wide-22-close1_2 --mask 255.255.255.0
COMMIT
*filter
:KNOCKPIPE-22 - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -s 192.0.2.0/24 -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -m recent ! --rcheck --seconds 10 --name knockpipe-wide-22 --mask 255.255.255.0 -m time --datestop $end -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-22 -p tcp --dport 22 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-22 - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -s 192.0.2.0/24 -j RETURN
-A KNOCKPIPE-22 -p tcp --syn --dport 22 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe-wide-22 --mask 255.255.255.0 -m time --datestop $end -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-22
hook filter INPUT KNOCKPIPE-22
hook raw PREROUTING KNOCKPIPE-22

run=ip6tables
$run-restore -w --noflush <<END
*mangle
:KNOCKPIPE-22 - [0:0]
:KNOCKPIPE-22-KNOCKS - [0:0]
:KNOCKPIPE-22-OPENED - [0:0]
:KNOCKPIPE-22-OPENED-2 - [0:0]

# In TCP, only a SYN can knock or begin a connection.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -m addrtype ! --dst-type LOCAL -j RETURN

# Packets of an existing exchange are neither counted nor knocks, except on a port that
# is knocked at.
-A KNOCKPIPE-22 -m conntrack --ctstate RELATED -j RETURN
-A KNOCKPIPE-22 -p udp -m conntrack --ctstate ESTABLISHED -m multiport ! --dports 7003,34567 -j RETURN

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
-A KNOCKPIPE-22 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name knockpipe-wide-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS
-A KNOCKPIPE-22 -p udp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name knockpipe-wide-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS
-A KNOCKPIPE-22 -p icmpv6 --icmpv6-type echo-request -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name knockpipe-wide-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
-A KNOCKPIPE-22-KNOCKS -p icmpv6 --icmpv6-type echo-request -m length --length 143 -m recent --rcheck --seconds 2 --name knockpipe6-wide-22-2 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-22 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 3 of 3" -j KNOCKPIPE-22-OPENED
-A KNOCKPIPE-22-KNOCKS -p udp --dport 34567 -m length --length 52 -m u32 --u32 "48=0x6F70656E" -m recent --rcheck --seconds 2 --name knockpipe6-wide-22-1 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-22-2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 2 of 3"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12345 -m recent --set --name knockpipe6-wide-22-1 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 1 of 3"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12345 -m recent --rcheck --seconds 2 --name knockpipe6-wide-22-close1 --mask ffff:ffff:ffff:ffff:: -m recent --remove --name knockpipe6-wide-22 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 2 of 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 34567 -m recent --set --name knockpipe6-wide-22-close1 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 1 of 2"
-A KNOCKPIPE-22-KNOCKS -p udp --dport 7003 -m recent --rcheck --seconds 2 --name knockpipe6-wide-22-2_2 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-22 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 3 of 3, host 2" -j KNOCKPIPE-22-OPENED-2
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7002 -m recent --rcheck --seconds 2 --name knockpipe6-wide-22-1_2 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-22-2_2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 2 of 3, host 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 22 -m recent --set --name knockpipe6-wide-22-1_2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 1 of 3, host 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7005 -m recent --rcheck --seconds 2 --name knockpipe6-wide-22-close1_2 --mask ffff:ffff:ffff:ffff:: -m recent --remove --name knockpipe6-wide-22 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 2 of 2, host 2"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7004 -m recent --set --name knockpipe6-wide-22-close1_2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 1 of 2, host 2"

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-22-OPENED -m recent --remove --name knockpipe6-wide-22-close1 --mask ffff:ffff:ffff:ffff::

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-22-OPENED-2 -m recent --remove --name knockpipe6-wide-22-close1_2 --mask ffff:ffff:ffff:ffff::
COMMIT
*filter
:KNOCKPIPE-22 - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -s 2001:db8:5::/48 -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -m recent ! --rcheck --seconds 10 --name knockpipe6-wide-22 --mask ffff:ffff:ffff:ffff:: -m time --datestop $end -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-22 -p tcp --dport 22 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-22 - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -s 2001:db8:5::/48 -j RETURN
-A KNOCKPIPE-22 -p tcp --syn --dport 22 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe6-wide-22 --mask ffff:ffff:ffff:ffff:: -m time --datestop $end -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-22
hook filter INPUT KNOCKPIPE-22
hook raw PREROUTING KNOCKPIPE-22

run=iptables
$run-restore -w --noflush <<END
*mangle
:KNOCKPIPE-8022 - [0:0]
:KNOCKPIPE-8022-KNOCKS - [0:0]
:KNOCKPIPE-8022-OPENED - [0:0]
:KNOCKPIPE-8022-OPENED-2 - [0:0]

# In TCP, only a SYN can knock or begin a connection.
-A KNOCKPIPE-8022 -i lo -j RETURN
-A KNOCKPIPE-8022 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-8022 -m addrtype ! --dst-type LOCAL -j RETURN

# Packets of an existing exchange are neither counted nor knocks, except on a port that
# is knocked at.
-A KNOCKPIPE-8022 -m conntrack --ctstate RELATED -j RETURN
-A KNOCKPIPE-8022 -p udp -m conntrack --ctstate ESTABLISHED -m multiport ! --dports 7003,34567 -j RETURN
-A KNOCKPIPE-8022 -p tcp --dport 8022 -j RETURN

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
-A KNOCKPIPE-8022 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name knockpipe-wide-8022 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-8022-KNOCKS
-A KNOCKPIPE-8022 -p udp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name knockpipe-wide-8022 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-8022-KNOCKS
-A KNOCKPIPE-8022 -p icmp --icmp-type echo-request -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 24 --hashlimit-name knockpipe-wide-8022 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-8022-KNOCKS

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
-A KNOCKPIPE-8022-KNOCKS -p icmp --icmp-type echo-request -m length --length 123 -m recent --rcheck --seconds 2 --name knockpipe-wide-8022-2 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-8022 --mask 255.255.255.0 -m comment --comment "knock 3 of 3" -j KNOCKPIPE-8022-OPENED
-A KNOCKPIPE-8022-KNOCKS -p udp --dport 34567 -m length --length 32 -m u32 --u32 "0>>22&0x3C@8=0x6F70656E" -m recent --rcheck --seconds 2 --name knockpipe-wide-8022-1 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-8022-2 --mask 255.255.255.0 -m comment --comment "knock 2 of 3"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 12345 -m recent --set --name knockpipe-wide-8022-1 --mask 255.255.255.0 -m comment --comment "knock 1 of 3"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 12345 -m recent --rcheck --seconds 2 --name knockpipe-wide-8022-close1 --mask 255.255.255.0 -m recent --remove --name knockpipe-wide-8022 --mask 255.255.255.0 -m comment --comment "closing knock 2 of 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 34567 -m recent --set --name knockpipe-wide-8022-close1 --mask 255.255.255.0 -m comment --comment "closing knock 1 of 2"
-A KNOCKPIPE-8022-KNOCKS -p udp --dport 7003 -m recent --rcheck --seconds 2 --name knockpipe-wide-8022-2_2 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-8022 --mask 255.255.255.0 -m comment --comment "knock 3 of 3, host 2" -j KNOCKPIPE-8022-OPENED-2
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 7002 -m recent --rcheck --seconds 2 --name knockpipe-wide-8022-1_2 --mask 255.255.255.0 -m recent --set --name knockpipe-wide-8022-2_2 --mask 255.255.255.0 -m comment --comment "knock 2 of 3, host 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 22 -m recent --set --name knockpipe-wide-8022-1_2 --mask 255.255.255.0 -m comment --comment "knock 1 of 3, host 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 7005 -m recent --rcheck --seconds 2 --name knockpipe-wide-8022-close1_2 --mask 255.255.255.0 -m recent --remove --name knockpipe-wide-8022 --mask 255.255.255.0 -m comment --comment "closing knock 2 of 2, host 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 7004 -m recent --set --name knockpipe-wide-8022-close1_2 --mask 255.255.255.0 -m comment --comment "closing knock 1 of 2, host 2"

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-8022-OPENED -m recent --remove --name knockpipe-wide-8022-close1 --mask 255.255.255.0

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-8022-OPENED-2 -m recent --remove --name knockpipe-wide-8022-close1_2 --mask 255.255.255.0
COMMIT
*filter
:KNOCKPIPE-8022 - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A KNOCKPIPE-8022 -i lo -j RETURN
-A KNOCKPIPE-8022 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-8022 -s 192.0.2.0/24 -j RETURN
-A KNOCKPIPE-8022 -p tcp --dport 8022 -m recent ! --rcheck --seconds 10 --name knockpipe-wide-8022 --mask 255.255.255.0 -m time --datestop $end -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-8022 -p tcp --dport 8022 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-8022 - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A KNOCKPIPE-8022 -i lo -j RETURN
-A KNOCKPIPE-8022 -s 192.0.2.0/24 -j RETURN
-A KNOCKPIPE-8022 -p tcp --syn --dport 8022 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe-wide-8022 --mask 255.255.255.0 -m time --datestop $end -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-8022
hook filter INPUT KNOCKPIPE-8022
hook raw PREROUTING KNOCKPIPE-8022

run=ip6tables
$run-restore -w --noflush <<END
*mangle
:KNOCKPIPE-8022 - [0:0]
:KNOCKPIPE-8022-KNOCKS - [0:0]
:KNOCKPIPE-8022-OPENED - [0:0]
:KNOCKPIPE-8022-OPENED-2 - [0:0]

# In TCP, only a SYN can knock or begin a connection.
-A KNOCKPIPE-8022 -i lo -j RETURN
-A KNOCKPIPE-8022 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-8022 -m addrtype ! --dst-type LOCAL -j RETURN

# Packets of an existing exchange are neither counted nor knocks, except on a port that
# is knocked at.
-A KNOCKPIPE-8022 -m conntrack --ctstate RELATED -j RETURN
-A KNOCKPIPE-8022 -p udp -m conntrack --ctstate ESTABLISHED -m multiport ! --dports 7003,34567 -j RETURN
-A KNOCKPIPE-8022 -p tcp --dport 8022 -j RETURN

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
-A KNOCKPIPE-8022 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name knockpipe-wide-8022 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-8022-KNOCKS
-A KNOCKPIPE-8022 -p udp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name knockpipe-wide-8022 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-8022-KNOCKS
-A KNOCKPIPE-8022 -p icmpv6 --icmpv6-type echo-request -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-srcmask 64 --hashlimit-name knockpipe-wide-8022 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-8022-KNOCKS

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
-A KNOCKPIPE-8022-KNOCKS -p icmpv6 --icmpv6-type echo-request -m length --length 143 -m recent --rcheck --seconds 2 --name knockpipe6-wide-8022-2 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-8022 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 3 of 3" -j KNOCKPIPE-8022-OPENED
-A KNOCKPIPE-8022-KNOCKS -p udp --dport 34567 -m length --length 52 -m u32 --u32 "48=0x6F70656E" -m recent --rcheck --seconds 2 --name knockpipe6-wide-8022-1 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-8022-2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 2 of 3"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 12345 -m recent --set --name knockpipe6-wide-8022-1 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 1 of 3"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 12345 -m recent --rcheck --seconds 2 --name knockpipe6-wide-8022-close1 --mask ffff:ffff:ffff:ffff:: -m recent --remove --name knockpipe6-wide-8022 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 2 of 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 34567 -m recent --set --name knockpipe6-wide-8022-close1 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 1 of 2"
-A KNOCKPIPE-8022-KNOCKS -p udp --dport 7003 -m recent --rcheck --seconds 2 --name knockpipe6-wide-8022-2_2 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-8022 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 3 of 3, host 2" -j KNOCKPIPE-8022-OPENED-2
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 7002 -m recent --rcheck --seconds 2 --name knockpipe6-wide-8022-1_2 --mask ffff:ffff:ffff:ffff:: -m recent --set --name knockpipe6-wide-8022-2_2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 2 of 3, host 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 22 -m recent --set --name knockpipe6-wide-8022-1_2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "knock 1 of 3, host 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 7005 -m recent --rcheck --seconds 2 --name knockpipe6-wide-8022-close1_2 --mask ffff:ffff:ffff:ffff:: -m recent --remove --name knockpipe6-wide-8022 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 2 of 2, host 2"
-A KNOCKPIPE-8022-KNOCKS -p tcp --dport 7004 -m recent --set --name knockpipe6-wide-8022-close1_2 --mask ffff:ffff:ffff:ffff:: -m comment --comment "closing knock 1 of 2, host 2"

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-8022-OPENED -m recent --remove --name knockpipe6-wide-8022-close1 --mask ffff:ffff:ffff:ffff::

# A client that repeats the sequence must not close the door by accident.
-A KNOCKPIPE-8022-OPENED-2 -m recent --remove --name knockpipe6-wide-8022-close1_2 --mask ffff:ffff:ffff:ffff::
COMMIT
*filter
:KNOCKPIPE-8022 - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A KNOCKPIPE-8022 -i lo -j RETURN
-A KNOCKPIPE-8022 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-8022 -s 2001:db8:5::/48 -j RETURN
-A KNOCKPIPE-8022 -p tcp --dport 8022 -m recent ! --rcheck --seconds 10 --name knockpipe6-wide-8022 --mask ffff:ffff:ffff:ffff:: -m time --datestop $end -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-8022 -p tcp --dport 8022 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-8022 - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A KNOCKPIPE-8022 -i lo -j RETURN
-A KNOCKPIPE-8022 -s 2001:db8:5::/48 -j RETURN
-A KNOCKPIPE-8022 -p tcp --syn --dport 8022 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe6-wide-8022 --mask ffff:ffff:ffff:ffff:: -m time --datestop $end -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-8022
hook filter INPUT KNOCKPIPE-8022
hook raw PREROUTING KNOCKPIPE-8022
