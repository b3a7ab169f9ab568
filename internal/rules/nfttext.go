package rules

// What stands between the rules of the format nftables.

const nftHead = `#!/usr/sbin/nft -f

# The door of %[1]s, for nftables. %[2]s shut but to an address that
# has knocked, for %[3]d seconds. A session that has begun goes on after that.
# IPv4 and IPv6 are guarded alike. The knocks stand here in the clear: keep this
# file from others (chmod 600).
#
# This is a table of its own, beside the rules you have. It only guards: where your
# own rules drop the port, they still do. As root,
# Load, again at any time:
#   nft -f knockpipe.nft
# If ssh is your only way in, have the table go away by itself, until it works:
#   systemd-run --on-active=2min nft delete table inet knockpipe
# Look, how far knocks get and who may come in:
#   nft list table inet knockpipe
# Test, from the client:
#   knockpipe -check %[1]s
# Remove:
#   nft delete table inet knockpipe
# Keep it, on Debian: copy it to /etc/knockpipe.nft, add the next line at the END of
# /etc/nftables.conf, and run: systemctl enable --now nftables
#   include "/etc/knockpipe.nft"
%[4]s
# The first line makes the second one valid where there is no such table yet. All of
# this file takes effect at once, or none of it.
table inet knockpipe
delete table inet knockpipe

table inet knockpipe {
`

const nftStages = `	# Who has come how far. An address leaves a set when its time is up, and the size
	# bounds the memory that a flood of false ones can take.
`

const nftClients = `
	# Who may connect: the address, and so all who share it behind a NAT.
`

const nftInput = `
	# The policy must be accept: drop would shut every other port of this host, too.
	chain input {
		type filter hook input priority -10; policy accept

		# TCP connections that exist, your own ssh session among them. UDP and ICMP
		# are looked at all the same, as an answered ping makes a "connection" of
		# the next one.
		meta l4proto tcp ct state established,related accept
		iif lo accept

		# Of TCP, SYN alone can knock or begin a connection.
		tcp flags & (fin | syn | rst | ack) != syn accept
`

const nftJumps = `		meta nfproto ipv4 jump knocks4
		meta nfproto ipv6 jump knocks6
		tcp dport { %s } goto door
	}

	# A rule for each knock: has this address come that far? The last knock is first,
	# so that one packet is never taken for two. "update" starts the time anew, and
	# nothing is undone: doubled packets and others in between do no harm. There is
	# no verdict: a knock gets the answer that it would get without this table.
`

const nftOpened = `	# A client that repeats the knock must not close the door in passing.
	chain opened%s {
`

const nftDoor = `
	# The guarded port is "refused", as where nothing listens. If your other ports do
	# not answer at all, write drop in place of the reject. Who is let in is logged:
	# journalctl -k -g knockpipe
	chain door {
`

const nftEnd = `		ip saddr @clients4 counter jump welcome
		ip6 saddr @clients6 counter jump welcome
		counter reject with tcp reset
	}
	chain welcome {
		limit rate 10/minute burst 10 packets log prefix "knockpipe: let in "
		accept
	}
}
`
