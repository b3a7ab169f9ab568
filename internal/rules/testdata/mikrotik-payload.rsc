# Port knocking for tango, written by knockpipe -rules mikrotik, for a router with
# RouterOS 7. The knocks are in it. It was not tried on a real router.
#
# TCP port 22 is shut.
# An address that sends the knocks, in their order, may connect to the router itself
# for the next 10 seconds. A session that has begun goes on after that. Where the LAN
# shall come in without a knock, give -lan to knockpipe. What the router leads to other
# hosts (dst-nat) is not guarded by this.
#
# Load it, again at any time, in Safe Mode (Ctrl-X), which takes it back if you lock
# yourself out: paste it into a terminal, or copy it to the router and
#
#      /import file-name=knockpipe.rsc
#
# Look at who has come how far:
#
#      /ip firewall address-list print where list~"^knockpipe-"
#
# Remove it:
#
#      /ip firewall filter remove [find comment="knockpipe-22"]
#      /ip firewall address-list remove [find list~"^knockpipe-22-"]
#      /ipv6 firewall filter remove [find comment="knockpipe-22"]
#      /ipv6 firewall address-list remove [find list~"^knockpipe-22-"]
#
# All rules for a port stand in chains of their own. The one that leads there comes
# first in the chain input, ahead of what accepts or drops the guarded port or the
# knocks. If you move it, keep it there.

# Port 22, IPv4
/ip firewall filter remove [find comment="knockpipe-22"]
/ip firewall address-list remove [find list~"^knockpipe-22-"]

# Sessions that have begun. Of other connections, the rules behind decide.
/ip firewall filter add chain=knockpipe-22 action=accept connection-state=established,related protocol=tcp dst-port=22 comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22 action=return connection-state=established,related comment="knockpipe-22"

# A scan is no knock: packets count while their sender is below this rate.
/ip firewall filter add chain=knockpipe-22 action=jump jump-target=knockpipe-22-knocks connection-state=new dst-limit=100,200,src-and-dst-addresses/10s comment="knockpipe-22"

# The knocks, the last one first, so that one packet is one knock. A knock goes on to
# the rules behind, and is answered as any other packet.
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=udp dst-port=9001 packet-size=40 content="a\22b\5Cc\24d\3F,#;e" src-address-list=knockpipe-22-3 address-list=knockpipe-22-open address-list-timeout=10s comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=udp dst-port=9000 packet-size=92 src-address-list=knockpipe-22-2 address-list=knockpipe-22-3 address-list-timeout=6s comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=7000 src-address-list=knockpipe-22-1 address-list=knockpipe-22-2 address-list-timeout=6s comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=7000 address-list=knockpipe-22-1 address-list-timeout=6s comment="knockpipe-22"

# The guarded port. Without an answer, as to all that RouterOS drops by default; like
# a port where nothing listens it is with: action=reject reject-with=tcp-reset
/ip firewall filter add chain=knockpipe-22 action=accept protocol=tcp dst-port=22 src-address-list=knockpipe-22-open comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22 action=drop protocol=tcp dst-port=22 comment="knockpipe-22"

# The way there.
:if ([:len [/ip firewall filter find chain=input !dynamic]] > 0) do={/ip firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22" place-before=([/ip firewall filter find chain=input !dynamic]->0)} else={/ip firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22"}

# Port 22, IPv6
/ipv6 firewall filter remove [find comment="knockpipe-22"]
/ipv6 firewall address-list remove [find list~"^knockpipe-22-"]

# Sessions that have begun. Of other connections, the rules behind decide.
/ipv6 firewall filter add chain=knockpipe-22 action=accept connection-state=established,related protocol=tcp dst-port=22 comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22 action=return connection-state=established,related comment="knockpipe-22"

# A scan is no knock: packets count while their sender is below this rate.
/ipv6 firewall filter add chain=knockpipe-22 action=jump jump-target=knockpipe-22-knocks connection-state=new dst-limit=100,200,src-and-dst-addresses/10s comment="knockpipe-22"

# The knocks, the last one first, so that one packet is one knock. A knock goes on to
# the rules behind, and is answered as any other packet.
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=udp dst-port=9001 packet-size=60 content="a\22b\5Cc\24d\3F,#;e" src-address-list=knockpipe-22-3 address-list=knockpipe-22-open address-list-timeout=10s comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=udp dst-port=9000 packet-size=112 src-address-list=knockpipe-22-2 address-list=knockpipe-22-3 address-list-timeout=6s comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=7000 src-address-list=knockpipe-22-1 address-list=knockpipe-22-2 address-list-timeout=6s comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=7000 address-list=knockpipe-22-1 address-list-timeout=6s comment="knockpipe-22"

# The guarded port. Without an answer, as to all that RouterOS drops by default; like
# a port where nothing listens it is with: action=reject reject-with=tcp-reset
/ipv6 firewall filter add chain=knockpipe-22 action=accept protocol=tcp dst-port=22 src-address-list=knockpipe-22-open comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22 action=drop protocol=tcp dst-port=22 comment="knockpipe-22"

# The way there.
:if ([:len [/ipv6 firewall filter find chain=input !dynamic]] > 0) do={/ipv6 firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22" place-before=([/ipv6 firewall filter find chain=input !dynamic]->0)} else={/ipv6 firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22"}

