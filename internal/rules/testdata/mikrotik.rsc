# Port knocking for tango, written by knockpipe -rules mikrotik, for a router with
# RouterOS 7. This file contains the knocks. It is not tested on a real router.
#
# TCP ports 22, 8022 are shut.
# An address that sends the knocks in order may connect to the router itself for the
# next 10 seconds. Sessions continue after that. To let the LAN in without a knock, run
# knockpipe with -lan. Ports that the router forwards to other hosts (dst-nat) are not
# guarded.
#
# Load it, or load it again at any time, in Safe Mode (Ctrl-X), which undoes it if you
# lock yourself out: paste it into a terminal, or copy it to the router and run
#
#      /import file-name=knockpipe.rsc
#
# See how far each address has come:
#
#      /ip firewall address-list print where list~"^knockpipe-"
#
# Remove it:
#
#      /ip firewall filter remove [find comment="knockpipe-22"]
#      /ip firewall address-list remove [find list~"^knockpipe-22-"]
#      /ipv6 firewall filter remove [find comment="knockpipe-22"]
#      /ipv6 firewall address-list remove [find list~"^knockpipe-22-"]
#      /ip firewall filter remove [find comment="knockpipe-8022"]
#      /ip firewall address-list remove [find list~"^knockpipe-8022-"]
#      /ipv6 firewall filter remove [find comment="knockpipe-8022"]
#      /ipv6 firewall address-list remove [find list~"^knockpipe-8022-"]
#
# All rules for a port are in chains of their own. The rule that jumps there comes
# first in the chain input, before any rule that accepts or drops the guarded port or
# the knocks. If you move it, keep it before those.

# Port 22, IPv4
/ip firewall filter remove [find comment="knockpipe-22"]
/ip firewall address-list remove [find list~"^knockpipe-22-"]

# Existing sessions. The rules after these decide about other existing connections.
/ip firewall filter add chain=knockpipe-22 action=accept connection-state=established,related protocol=tcp dst-port=22 comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22 action=return connection-state=established,related comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22 action=accept protocol=tcp dst-port=22 src-address=192.0.2.0/24 comment="knockpipe-22"

# A scan is not a knock: packets count only while their sender stays below this rate.
/ip firewall filter add chain=knockpipe-22 action=jump jump-target=knockpipe-22-knocks connection-state=new dst-limit=100,200,src-and-dst-addresses/10s comment="knockpipe-22"

# The knocks, the last one first, so that one packet never counts as two. A knock goes
# on to the rules after these and is answered like any other packet.
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=23456 src-address-list=knockpipe-22-3 address-list=knockpipe-22-open address-list-timeout=10s comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=icmp icmp-options=8:0 packet-size=123 src-address-list=knockpipe-22-2 address-list=knockpipe-22-3 address-list-timeout=8s comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=udp dst-port=34567 src-address-list=knockpipe-22-1 address-list=knockpipe-22-2 address-list-timeout=8s comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=12345 address-list=knockpipe-22-1 address-list-timeout=8s comment="knockpipe-22"

# The guarded port does not answer, like all ports that RouterOS drops by default. To
# answer like a port where nothing listens: action=reject reject-with=tcp-reset
/ip firewall filter add chain=knockpipe-22 action=accept protocol=tcp dst-port=22 src-address-list=knockpipe-22-open comment="knockpipe-22"
/ip firewall filter add chain=knockpipe-22 action=drop protocol=tcp dst-port=22 comment="knockpipe-22"

# The jump to these rules.
:if ([:len [/ip firewall filter find chain=input !dynamic]] > 0) do={/ip firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22" place-before=([/ip firewall filter find chain=input !dynamic]->0)} else={/ip firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22"}

# Port 22, IPv6
/ipv6 firewall filter remove [find comment="knockpipe-22"]
/ipv6 firewall address-list remove [find list~"^knockpipe-22-"]

# Existing sessions. The rules after these decide about other existing connections.
/ipv6 firewall filter add chain=knockpipe-22 action=accept connection-state=established,related protocol=tcp dst-port=22 comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22 action=return connection-state=established,related comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22 action=accept protocol=tcp dst-port=22 src-address=2001:db8:5::/48 comment="knockpipe-22"

# A scan is not a knock: packets count only while their sender stays below this rate.
/ipv6 firewall filter add chain=knockpipe-22 action=jump jump-target=knockpipe-22-knocks connection-state=new dst-limit=100,200,src-and-dst-addresses/10s comment="knockpipe-22"

# The knocks, the last one first, so that one packet never counts as two. A knock goes
# on to the rules after these and is answered like any other packet.
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=23456 src-address-list=knockpipe-22-3 address-list=knockpipe-22-open address-list-timeout=10s comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=icmpv6 icmp-options=128:0 packet-size=143 src-address-list=knockpipe-22-2 address-list=knockpipe-22-3 address-list-timeout=8s comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=udp dst-port=34567 src-address-list=knockpipe-22-1 address-list=knockpipe-22-2 address-list-timeout=8s comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22-knocks action=add-src-to-address-list protocol=tcp dst-port=12345 address-list=knockpipe-22-1 address-list-timeout=8s comment="knockpipe-22"

# The guarded port does not answer, like all ports that RouterOS drops by default. To
# answer like a port where nothing listens: action=reject reject-with=tcp-reset
/ipv6 firewall filter add chain=knockpipe-22 action=accept protocol=tcp dst-port=22 src-address-list=knockpipe-22-open comment="knockpipe-22"
/ipv6 firewall filter add chain=knockpipe-22 action=drop protocol=tcp dst-port=22 comment="knockpipe-22"

# The jump to these rules.
:if ([:len [/ipv6 firewall filter find chain=input !dynamic]] > 0) do={/ipv6 firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22" place-before=([/ipv6 firewall filter find chain=input !dynamic]->0)} else={/ipv6 firewall filter add chain=input action=jump jump-target=knockpipe-22 comment="knockpipe-22"}

# Port 8022, IPv4
/ip firewall filter remove [find comment="knockpipe-8022"]
/ip firewall address-list remove [find list~"^knockpipe-8022-"]

# Existing sessions. The rules after these decide about other existing connections.
/ip firewall filter add chain=knockpipe-8022 action=accept connection-state=established,related protocol=tcp dst-port=8022 comment="knockpipe-8022"
/ip firewall filter add chain=knockpipe-8022 action=return connection-state=established,related comment="knockpipe-8022"
/ip firewall filter add chain=knockpipe-8022 action=accept protocol=tcp dst-port=8022 src-address=192.0.2.0/24 comment="knockpipe-8022"

# A scan is not a knock: packets count only while their sender stays below this rate.
/ip firewall filter add chain=knockpipe-8022 action=jump jump-target=knockpipe-8022-knocks connection-state=new dst-limit=100,200,src-and-dst-addresses/10s comment="knockpipe-8022"

# The knocks, the last one first, so that one packet never counts as two. A knock goes
# on to the rules after these and is answered like any other packet.
/ip firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=tcp dst-port=23456 src-address-list=knockpipe-8022-3 address-list=knockpipe-8022-open address-list-timeout=10s comment="knockpipe-8022"
/ip firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=icmp icmp-options=8:0 packet-size=123 src-address-list=knockpipe-8022-2 address-list=knockpipe-8022-3 address-list-timeout=8s comment="knockpipe-8022"
/ip firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=udp dst-port=34567 src-address-list=knockpipe-8022-1 address-list=knockpipe-8022-2 address-list-timeout=8s comment="knockpipe-8022"
/ip firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=tcp dst-port=12345 address-list=knockpipe-8022-1 address-list-timeout=8s comment="knockpipe-8022"

# The guarded port does not answer, like all ports that RouterOS drops by default. To
# answer like a port where nothing listens: action=reject reject-with=tcp-reset
/ip firewall filter add chain=knockpipe-8022 action=accept protocol=tcp dst-port=8022 src-address-list=knockpipe-8022-open comment="knockpipe-8022"
/ip firewall filter add chain=knockpipe-8022 action=drop protocol=tcp dst-port=8022 comment="knockpipe-8022"

# The jump to these rules.
:if ([:len [/ip firewall filter find chain=input !dynamic]] > 0) do={/ip firewall filter add chain=input action=jump jump-target=knockpipe-8022 comment="knockpipe-8022" place-before=([/ip firewall filter find chain=input !dynamic]->0)} else={/ip firewall filter add chain=input action=jump jump-target=knockpipe-8022 comment="knockpipe-8022"}

# Port 8022, IPv6
/ipv6 firewall filter remove [find comment="knockpipe-8022"]
/ipv6 firewall address-list remove [find list~"^knockpipe-8022-"]

# Existing sessions. The rules after these decide about other existing connections.
/ipv6 firewall filter add chain=knockpipe-8022 action=accept connection-state=established,related protocol=tcp dst-port=8022 comment="knockpipe-8022"
/ipv6 firewall filter add chain=knockpipe-8022 action=return connection-state=established,related comment="knockpipe-8022"
/ipv6 firewall filter add chain=knockpipe-8022 action=accept protocol=tcp dst-port=8022 src-address=2001:db8:5::/48 comment="knockpipe-8022"

# A scan is not a knock: packets count only while their sender stays below this rate.
/ipv6 firewall filter add chain=knockpipe-8022 action=jump jump-target=knockpipe-8022-knocks connection-state=new dst-limit=100,200,src-and-dst-addresses/10s comment="knockpipe-8022"

# The knocks, the last one first, so that one packet never counts as two. A knock goes
# on to the rules after these and is answered like any other packet.
/ipv6 firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=tcp dst-port=23456 src-address-list=knockpipe-8022-3 address-list=knockpipe-8022-open address-list-timeout=10s comment="knockpipe-8022"
/ipv6 firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=icmpv6 icmp-options=128:0 packet-size=143 src-address-list=knockpipe-8022-2 address-list=knockpipe-8022-3 address-list-timeout=8s comment="knockpipe-8022"
/ipv6 firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=udp dst-port=34567 src-address-list=knockpipe-8022-1 address-list=knockpipe-8022-2 address-list-timeout=8s comment="knockpipe-8022"
/ipv6 firewall filter add chain=knockpipe-8022-knocks action=add-src-to-address-list protocol=tcp dst-port=12345 address-list=knockpipe-8022-1 address-list-timeout=8s comment="knockpipe-8022"

# The guarded port does not answer, like all ports that RouterOS drops by default. To
# answer like a port where nothing listens: action=reject reject-with=tcp-reset
/ipv6 firewall filter add chain=knockpipe-8022 action=accept protocol=tcp dst-port=8022 src-address-list=knockpipe-8022-open comment="knockpipe-8022"
/ipv6 firewall filter add chain=knockpipe-8022 action=drop protocol=tcp dst-port=8022 comment="knockpipe-8022"

# The jump to these rules.
:if ([:len [/ipv6 firewall filter find chain=input !dynamic]] > 0) do={/ipv6 firewall filter add chain=input action=jump jump-target=knockpipe-8022 comment="knockpipe-8022" place-before=([/ipv6 firewall filter find chain=input !dynamic]->0)} else={/ipv6 firewall filter add chain=input action=jump jump-target=knockpipe-8022 comment="knockpipe-8022"}

