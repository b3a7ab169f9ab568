#!/bin/sh

# The door of tango, for iptables and ip6tables. TCP port 22 is shut but to
# an address that has knocked, for 10 seconds. A session that has begun goes on
# after that. The knocks stand here in the clear: keep this file from others (chmod 600).
#
# Each guarded port has chains of its own in three tables, and a jump to each. They
# only guard: where your own rules drop the port, they still do. As root,
# Load, again at any time:
#   sh knockpipe.sh
# If ssh is your only way in, first load what "-trial 5m" prints: that guard is gone by
# itself, and this one replaces it once you have got in.
# Look, how far knocks get and who may come in (ip6tables for IPv6):
#   iptables -t mangle -vnL KNOCKPIPE-22-KNOCKS; cat /proc/net/xt_recent/knockpipe-22
# Test, from the client, and then log in by a new connection (-o ControlPath=none):
#   knockpipe -check tango
# Remove:
#   sh knockpipe.sh remove
# Keep it: run it at each start, or save the rules as your system does (on Debian,
# the package iptables-persistent).
#
# The match "recent" remembers 100 addresses in each list and forgets the oldest. A
# flood of false ones can keep knocks out, unless you first load it with room for
# more: modprobe xt_recent ip_list_tot=10000

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
	remove 22
	exit 0
fi

run=iptables
$run-restore -w --noflush <<'END'
*mangle
:KNOCKPIPE-22 - [0:0]
:KNOCKPIPE-22-KNOCKS - [0:0]

# Of TCP, SYN alone can knock or begin a connection.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -m addrtype ! --dst-type LOCAL -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -j RETURN

# A scan is no knock: packets count while their sender is below this rate. The table
# for that holds 262,144 addresses for the 2 seconds in which they are told apart; in a
# flood that fills it, the kernel drops what comes from others and begins something.
-A KNOCKPIPE-22 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name knockpipe-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS

# A rule for each knock: has this address come that far? The last knock is first, so
# that one packet is never taken for two. Nothing is undone: doubled packets and
# others in between do no harm. There is no target: a knock gets the answer that it
# would get without these rules.
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7419 -m recent --rcheck --seconds 2 --name knockpipe-22-3 -m recent --set --name knockpipe-22 -m comment --comment "knock 4 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 33210 -m recent --rcheck --seconds 2 --name knockpipe-22-2 -m recent --set --name knockpipe-22-3 -m comment --comment "knock 3 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12876 -m recent --rcheck --seconds 2 --name knockpipe-22-1 -m recent --set --name knockpipe-22-2 -m comment --comment "knock 2 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 45123 -m recent --set --name knockpipe-22-1 -m comment --comment "knock 1 of 4"
COMMIT
*filter
:KNOCKPIPE-22 - [0:0]

# The guarded port is "refused", as where nothing listens. If your other ports do not
# answer at all, write DROP in place of the REJECT and what is behind it. Who is let
# in is logged: journalctl -k -g knockpipe
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -m recent ! --rcheck --seconds 10 --name knockpipe-22 -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-22 -p tcp --dport 22 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-22 - [0:0]

# The guard stands before NAT: who has not knocked is led nowhere else from the guarded
# port (Docker, DNAT), but to the REJECT above.
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

# Of TCP, SYN alone can knock or begin a connection.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -m addrtype ! --dst-type LOCAL -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -j RETURN

# A scan is no knock: packets count while their sender is below this rate. The table
# for that holds 262,144 addresses for the 2 seconds in which they are told apart; in a
# flood that fills it, the kernel drops what comes from others and begins something.
-A KNOCKPIPE-22 -p tcp -m hashlimit --hashlimit-upto 100/second --hashlimit-burst 200 --hashlimit-mode srcip --hashlimit-name knockpipe-22 --hashlimit-htable-size 16384 --hashlimit-htable-max 262144 --hashlimit-htable-expire 2000 -j KNOCKPIPE-22-KNOCKS

# A rule for each knock: has this address come that far? The last knock is first, so
# that one packet is never taken for two. Nothing is undone: doubled packets and
# others in between do no harm. There is no target: a knock gets the answer that it
# would get without these rules.
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 7419 -m recent --rcheck --seconds 2 --name knockpipe6-22-3 -m recent --set --name knockpipe6-22 -m comment --comment "knock 4 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 33210 -m recent --rcheck --seconds 2 --name knockpipe6-22-2 -m recent --set --name knockpipe6-22-3 -m comment --comment "knock 3 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 12876 -m recent --rcheck --seconds 2 --name knockpipe6-22-1 -m recent --set --name knockpipe6-22-2 -m comment --comment "knock 2 of 4"
-A KNOCKPIPE-22-KNOCKS -p tcp --dport 45123 -m recent --set --name knockpipe6-22-1 -m comment --comment "knock 1 of 4"
COMMIT
*filter
:KNOCKPIPE-22 - [0:0]

# The guarded port is "refused", as where nothing listens. If your other ports do not
# answer at all, write DROP in place of the REJECT and what is behind it. Who is let
# in is logged: journalctl -k -g knockpipe
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp ! --syn -j RETURN
-A KNOCKPIPE-22 -p tcp --dport 22 -m recent ! --rcheck --seconds 10 --name knockpipe6-22 -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-22 -p tcp --dport 22 -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
*raw
:KNOCKPIPE-22 - [0:0]

# The guard stands before NAT: who has not knocked is led nowhere else from the guarded
# port (Docker, DNAT), but to the REJECT above.
-A KNOCKPIPE-22 -i lo -j RETURN
-A KNOCKPIPE-22 -p tcp --syn --dport 22 -m addrtype --dst-type LOCAL -m recent ! --rcheck --seconds 10 --name knockpipe6-22 -j CT --notrack
COMMIT
END
hook mangle PREROUTING KNOCKPIPE-22
hook filter INPUT KNOCKPIPE-22
hook raw PREROUTING KNOCKPIPE-22
