package rules

// The commands for RouterOS that do not depend on the knocks, but for the words in
// braces. Each line stands for itself, to be pasted or imported.
const mikrotikHead = `# Port knocking for {{HOST}}, written by knockpipe -rules mikrotik, for a router with
# RouterOS 7. The knocks are in it.
#
# {{PORTS}} shut.
# An address that sends the knocks, in their order, may connect to the router itself
# for the next 10 seconds. A session that has begun goes on after that. Where the LAN
# shall come in without a knock, give -lan to knockpipe.
#
# Load it, again at any time, in Safe Mode (Ctrl-X), which takes it back if you lock
# yourself out: paste it into a terminal, or copy it to the router and
#
#      /import file-name=knockpipe.rsc
#
# Look at who has come how far:
#
#      /ip firewall address-list print where list~"^knockpipe"
#
# Remove it:
#
#      /ip firewall filter remove [find comment="knockpipe"]
#      /ip firewall address-list remove [find list~"^knockpipe"]
#      /ipv6 firewall filter remove [find comment="knockpipe"]
#      /ipv6 firewall address-list remove [find list~"^knockpipe"]
#
# All rules stand in a chain of their own. The one that leads there comes first in the
# chain input, ahead of what accepts or drops the guarded port or the knocks. If you
# move it, keep it there.
`

const mikrotikRules = `
# {{FAMILY}}
{{MENU}} filter remove [find comment="knockpipe"]
{{MENU}} address-list remove [find list~"^knockpipe"]

# Sessions that have begun. Of other connections, the rules behind decide.
{{MENU}} filter add chain=knockpipe action=accept connection-state=established,related protocol=tcp dst-port={{PORTS}} comment="knockpipe"
{{MENU}} filter add chain=knockpipe action=return connection-state=established,related comment="knockpipe"
{{LAN}}
# The knocks, the last one first, so that one packet is one knock. A knock goes on to
# the rules behind, and is answered as any other packet.
{{STAGES}}
# The guarded port. Without an answer, as to all that RouterOS drops by default; like
# a port where nothing listens it is with: action=reject reject-with=tcp-reset
{{MENU}} filter add chain=knockpipe action=accept protocol=tcp dst-port={{PORTS}} src-address-list=knockpipe-open comment="knockpipe"
{{MENU}} filter add chain=knockpipe action=drop protocol=tcp dst-port={{PORTS}} comment="knockpipe"

# The way there.
:if ([:len [{{MENU}} filter find chain=input !dynamic]] > 0) do={{{MENU}} filter add chain=input action=jump jump-target=knockpipe comment="knockpipe" place-before=([{{MENU}} filter find chain=input !dynamic]->0)} else={{{MENU}} filter add chain=input action=jump jump-target=knockpipe comment="knockpipe"}
`
