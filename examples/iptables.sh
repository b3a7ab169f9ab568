#!/bin/sh

# The door of tango, for iptables and ip6tables. TCP port 22 is shut, except
# to an address that has knocked, for 10 seconds. Sessions continue after that.
# This file contains the knocks: keep it private (chmod 600).
#
# Each guarded port has chains of its own in three tables, and a jump to each. They
# only guard the port: where your own rules drop it, they still do. As root:
# Load, or load again at any time:
#   sh knockpipe.sh
# If ssh is your only way in, first load what "-trial 5m" prints: that guard removes
# itself. Load this one once you have logged in through it.
# See how far knocks get and who may connect (ip6tables for IPv6):
#   iptables -t mangle -vnL KNOCKPIPE-22-KNOCKS; cat /proc/net/xt_recent/knockpipe-22
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
	exit 0
fi

run=iptables
$run-restore -w --noflush <<'END'
*mangle
:KNOCKPIPE-22 - [0:0]
:KNOCKPIPE-22-KNOCKS - [0:0]

# In TCP, only a SYN can knock or begin a connection.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -m addrtype ! --dst-type LOCAL -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -j RETURN

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
-A KNOCKPIPE-22 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name knockpipe-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7419 -m recent --rcheck --seconds 2 --name knockpipe-22-3 -m recent --set --name knockpipe-22 -m comment --comment "knock 4 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 33210 -m recent --rcheck --seconds 2 --name knockpipe-22-2 -m recent --set --name knockpipe-22-3 -m comment --comment "knock 3 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12876 -m recent --rcheck --seconds 2 --name knockpipe-22-1 -m recent --set --name knockpipe-22-2 -m comment --comment "knock 2 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 45123 -m recent --set --name knockpipe-22-1 -m comment --comment "knock 1 of 4"
COMMIT
*filter
:KNOCKPIPE-22 - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -m recent ! --rcheck --seconds 10 --name knockpipe-22 -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-22 -p tcp --dport 22 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-22 - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp --syn --dport 22 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe-22 -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-22
hook filter INPUT KNOCKPIPE-22
hook raw PREROUTING KNOCKPIPE-22

run=ip6tables
$run-restore -w --noflush <<'END'
*mangle
:KNOCKPIPE-22 - [0:0]
:KNOCKPIPE-22-KNOCKS - [0:0]

# In TCP, only a SYN can knock or begin a connection.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -m addrtype ! --dst-type LOCAL -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -j RETURN

# A scan is not a knock: packets count only while their sender stays below this rate.
# The table for that holds 262,144 addresses, each for 2 seconds. When a flood fills it,
# the kernel drops new connections and other first packets from all other addresses.
-A KNOCKPIPE-22 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name knockpipe-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS

# One rule for each knock: has this address come this far? The last knock comes first,
# so that one packet never counts as two. Progress is never undone: duplicate packets
# and others in between do no harm. The rules have no target: a knock gets the answer
# that it would get without them.
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7419 -m recent --rcheck --seconds 2 --name knockpipe6-22-3 -m recent --set --name knockpipe6-22 -m comment --comment "knock 4 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 33210 -m recent --rcheck --seconds 2 --name knockpipe6-22-2 -m recent --set --name knockpipe6-22-3 -m comment --comment "knock 3 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12876 -m recent --rcheck --seconds 2 --name knockpipe6-22-1 -m recent --set --name knockpipe6-22-2 -m comment --comment "knock 2 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 45123 -m recent --set --name knockpipe6-22-1 -m comment --comment "knock 1 of 4"
COMMIT
*filter
:KNOCKPIPE-22 - [0:0]

# The guarded port answers "refused", like a port where nothing listens. If your other
# ports do not answer at all, write DROP in place of REJECT and its option. The kernel
# logs who is let in: journalctl -k -g knockpipe
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -m recent ! --rcheck --seconds 10 --name knockpipe6-22 -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-22 -p tcp --dport 22 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-22 - [0:0]

# This rule comes before NAT: a client that has not knocked is not forwarded from the
# guarded port (by Docker or DNAT), but reaches the REJECT above.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp --syn --dport 22 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe6-22 -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-22
hook filter INPUT KNOCKPIPE-22
hook raw PREROUTING KNOCKPIPE-22
