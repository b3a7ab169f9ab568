#!/bin/sh

# The door of tango, for iptables and ip6tables. TCP port 22 is shut but to an
# address that has knocked, for 10 seconds. A session that has begun goes on after
# that. The knocks stand here in the clear: keep this file from others (chmod 600).
#
# These are chains of its own, and one jump at the head of INPUT. They only guard:
# where your own rules drop the port, they still do. As root,
# Load, again at any time:
#   sh knockpipe.sh
# If ssh is your only way in, have it go away by itself, until it works:
#   systemd-run --on-active=2min sh "$PWD/knockpipe.sh" remove
# Look, how far knocks get and who may come in (ip6tables for IPv6):
#   iptables -vnL KNOCKPIPE; cat /proc/net/xt_recent/knockpipe
# Test, from the client:
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

if [ "${1:-}" = remove ]; then
	for run in iptables ip6tables; do
		$run -w -S | grep -qx -e '-N KNOCKPIPE' || continue
		while $run -w -C INPUT -j KNOCKPIPE 2>/dev/null; do $run -w -D INPUT -j KNOCKPIPE; done
		printf '%s\n' '*filter' '-F KNOCKPIPE' '-F KNOCKPIPE-OPENED' '-F KNOCKPIPE-DOOR' \
			'-X KNOCKPIPE' '-X KNOCKPIPE-OPENED' '-X KNOCKPIPE-DOOR' COMMIT | $run-restore -w --noflush
	done
	exit 0
fi

# A rule for each knock: has this address come that far? The last knock is first, so
# that one packet is never taken for two. Nothing is undone: doubled packets and
# others in between do no harm. There is no target: a knock gets the answer that it
# would get without these rules.

iptables-restore -w --noflush <<'END'
*filter
:KNOCKPIPE - [0:0]
:KNOCKPIPE-OPENED - [0:0]
:KNOCKPIPE-DOOR - [0:0]

# TCP connections that exist, your own ssh session among them, and what is no SYN.
# UDP and ICMP are looked at all the same, as an answered ping makes a "connection"
# of the next one.
-A KNOCKPIPE -i lo -j RETURN
-A KNOCKPIPE -p tcp -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A KNOCKPIPE -p tcp ! --syn -j RETURN

-A KNOCKPIPE -p tcp --dport 7419 -m recent --rcheck --seconds 2 --name knockpipe-3 -m recent --set --name knockpipe -m comment --comment "knock 4 of 4"
-A KNOCKPIPE -p tcp --dport 33210 -m recent --rcheck --seconds 2 --name knockpipe-2 -m recent --set --name knockpipe-3 -m comment --comment "knock 3 of 4"
-A KNOCKPIPE -p tcp --dport 12876 -m recent --rcheck --seconds 2 --name knockpipe-1 -m recent --set --name knockpipe-2 -m comment --comment "knock 2 of 4"
-A KNOCKPIPE -p tcp --dport 45123 -m recent --set --name knockpipe-1 -m comment --comment "knock 1 of 4"
-A KNOCKPIPE -p tcp -m multiport --dports 22 -j KNOCKPIPE-DOOR

# The guarded port is "refused", as where nothing listens. If your other ports do not
# answer at all, write DROP in place of the REJECT and what is behind it. Who is let
# in is logged: journalctl -k -g knockpipe
-A KNOCKPIPE-DOOR -p tcp -m recent ! --rcheck --seconds 10 --name knockpipe -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-DOOR -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
END
iptables -w -C INPUT -j KNOCKPIPE 2>/dev/null || iptables -w -I INPUT -j KNOCKPIPE

ip6tables-restore -w --noflush <<'END'
*filter
:KNOCKPIPE - [0:0]
:KNOCKPIPE-OPENED - [0:0]
:KNOCKPIPE-DOOR - [0:0]

# TCP connections that exist, your own ssh session among them, and what is no SYN.
# UDP and ICMP are looked at all the same, as an answered ping makes a "connection"
# of the next one.
-A KNOCKPIPE -i lo -j RETURN
-A KNOCKPIPE -p tcp -m conntrack --ctstate ESTABLISHED,RELATED -j RETURN
-A KNOCKPIPE -p tcp ! --syn -j RETURN

-A KNOCKPIPE -p tcp --dport 7419 -m recent --rcheck --seconds 2 --name knockpipe-3 -m recent --set --name knockpipe -m comment --comment "knock 4 of 4"
-A KNOCKPIPE -p tcp --dport 33210 -m recent --rcheck --seconds 2 --name knockpipe-2 -m recent --set --name knockpipe-3 -m comment --comment "knock 3 of 4"
-A KNOCKPIPE -p tcp --dport 12876 -m recent --rcheck --seconds 2 --name knockpipe-1 -m recent --set --name knockpipe-2 -m comment --comment "knock 2 of 4"
-A KNOCKPIPE -p tcp --dport 45123 -m recent --set --name knockpipe-1 -m comment --comment "knock 1 of 4"
-A KNOCKPIPE -p tcp -m multiport --dports 22 -j KNOCKPIPE-DOOR

# The guarded port is "refused", as where nothing listens. If your other ports do not
# answer at all, write DROP in place of the REJECT and what is behind it. Who is let
# in is logged: journalctl -k -g knockpipe
-A KNOCKPIPE-DOOR -p tcp -m recent ! --rcheck --seconds 10 --name knockpipe -j REJECT --reject-with tcp-reset
-A KNOCKPIPE-DOOR -m limit --limit 10/min --limit-burst 10 -j LOG --log-prefix "knockpipe: let in "
COMMIT
END
ip6tables -w -C INPUT -j KNOCKPIPE 2>/dev/null || ip6tables -w -I INPUT -j KNOCKPIPE
