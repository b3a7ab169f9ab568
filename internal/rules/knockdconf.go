package rules

// The texts of a knockd.conf. The lines with a bar are a table for nftables; knockd
// takes them for comments.
const knockdHead = `# /etc/knockd.conf for {{HOST}}, written by knockpipe -rules knockd, for knockd 0.8.
#
# {{PORTS}} shut.
# An address that sends the knocks of [open], in their order, may connect for the next
# 10 seconds. A session that has begun goes on after that. The knocks are in this
# file: chmod 600 /etc/knockd.conf
#
# 1. The firewall. knockd only looks at packets; to shut a port is the firewall's
#    part. The lines marked with a bar are a table for nftables that loads beside
#    the rules you have and touches no other port. If ssh is your only way in, first
#    have it go away by itself in time:
#
#      systemd-run --on-active=2min nft delete table inet knockd
#
#    Load it, as root, again at any time:
#
#      sed -n 's/^#|//p' /etc/knockd.conf >/etc/knockd.nft
#      nft -f /etc/knockd.nft
#
#    Load it at each boot too:
#
#      echo 'include "/etc/knockd.nft"' >>/etc/nftables.conf
#      systemctl enable nftables
#
#    Remove it:
#
#      nft delete table inet knockd
#
# 2. The daemon. Set Interface below, start it, and watch it:
#
#      systemctl enable --now knockd
#      journalctl -f -t knockd
#
{{NOTES}}#|table inet knockd
#|delete table inet knockd
#|table inet knockd {
#|	set clients4 { type ipv4_addr; flags timeout; }
#|	set clients6 { type ipv6_addr; flags timeout; }
#|	chain input {
#|		type filter hook input priority -10; policy accept
#|		ct state established,related accept
#|		iif lo accept
#|		tcp flags & (fin | syn | rst | ack) != syn accept
#|		tcp dport != {{SET}} accept
{{LAN}}#|		ip saddr @clients4 accept
#|		ip6 saddr @clients6 accept
#|		reject with tcp reset
#|	}
#|}

[options]
	UseSyslog
	# The interface that knocks come in by; see "ip -br addr". It must be up, and
	# have its addresses, before knockd starts: they are read only once.
	Interface = eth0
`

const knockdOnce = `# Each sequence of the list opens once. Copy the client's list to this server, while
# knockd does not run, as it is now:
#
#      install -m 600 LIST {{LIST}}
#
# Strike nothing yourself: each side strikes out its own copy. knockd 0.8 dies when
# the last one is used, so put a new list on both sides before. Over IPv6 it takes
# the first one alone: "AddressFamily inet" in the client's config.
#
`

const knockdDoor = `
[open]
	{{SEQUENCE}}

	# Seconds that the whole sequence may take, with the client's pauses, counted in
	# whole ones. A longer time keeps a spoilt try around.
	seq_timeout = {{TIMEOUT}}

	# Only the first packet of a connection is a knock.
	tcpflags = syn,!ack

	# The kernel takes the entry out again after 10 seconds. It is deleted and added
	# anew because "add" alone leaves the clock of an old one as it is.
	start_command   = /usr/sbin/nft 'add element inet knockd clients4 { %IP% timeout 10s }; delete element inet knockd clients4 { %IP% }; add element inet knockd clients4 { %IP% timeout 10s }'
	start_command_6 = /usr/sbin/nft 'add element inet knockd clients6 { %IP% timeout 10s }; delete element inet knockd clients6 { %IP% }; add element inet knockd clients6 { %IP% timeout 10s }'
`

const knockdClose = `
# KnockClose: shuts the door before its time. WARNING: every knock counts for both
# doors. Where one sequence is the other in reverse, the end of one try is the
# beginning of a wrong one, and a single pair of swapped packets can keep the door
# shut to plain repetition until there is a pause longer than seq_timeout. As the
# door shuts by itself, this one can be left out, here and in the client's config.
[close]
	{{SEQUENCE}}
	seq_timeout = {{TIMEOUT}}
	tcpflags = syn,!ack
	start_command   = /usr/sbin/nft 'add element inet knockd clients4 { %IP% }; delete element inet knockd clients4 { %IP% }'
	start_command_6 = /usr/sbin/nft 'add element inet knockd clients6 { %IP% }; delete element inet knockd clients6 { %IP% }'
`
