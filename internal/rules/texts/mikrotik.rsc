# Port knocking for {{.Names}}, written by knockpipe -rules mikrotik, for a router with
# RouterOS 7. The knocks are in it. It was not tried on a real router.
#
# {{.Guarded}} shut.
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
{{range .Doors}}#      {{.Menu}} filter remove [find comment="{{.Name}}"]
#      {{.Menu}} address-list remove [find list~"^{{.Name}}-"]
{{end}}#
# All rules for a port stand in chains of their own. The one that leads there comes
# first in the chain input, ahead of what accepts or drops the guarded port or the
# knocks. If you move it, keep it there.
{{range .Doors}}{{$door := .}}
# Port {{.Port}}, {{.Family}}
{{.Menu}} filter remove [find comment="{{.Name}}"]
{{.Menu}} address-list remove [find list~"^{{.Name}}-"]

# Sessions that have begun. Of other connections, the rules behind decide.
{{.Menu}} filter add chain={{.Name}} action=accept connection-state=established,related protocol=tcp dst-port={{.Port}} comment="{{.Name}}"
{{.Menu}} filter add chain={{.Name}} action=return connection-state=established,related comment="{{.Name}}"
{{range .LAN}}{{$door.Menu}} filter add chain={{$door.Name}} action=accept protocol=tcp dst-port={{$door.Port}} src-address={{.}} comment="{{$door.Name}}"
{{end}}
# A scan is no knock: packets count while their sender is below this rate.
{{.Menu}} filter add chain={{.Name}} action=jump jump-target={{.Name}}-knocks connection-state=new dst-limit={{$.Rate}},{{$.Burst}},src-and-dst-addresses/10s comment="{{.Name}}"

# The knocks, the last one first, so that one packet is one knock. A knock goes on to
# the rules behind, and is answered as any other packet.
{{range .Knocks}}{{$door.Menu}} filter add chain={{$door.Name}}-knocks action=add-src-to-address-list {{.}} comment="{{$door.Name}}"
{{end}}
# The guarded port. Without an answer, as to all that RouterOS drops by default; like
# a port where nothing listens it is with: action=reject reject-with=tcp-reset
{{.Menu}} filter add chain={{.Name}} action=accept protocol=tcp dst-port={{.Port}} src-address-list={{.Name}}-open comment="{{.Name}}"
{{.Menu}} filter add chain={{.Name}} action=drop protocol=tcp dst-port={{.Port}} comment="{{.Name}}"

# The way there.
:if ([:len [{{.Menu}} filter find chain=input !dynamic]] > 0) do={{"{"}}{{.Menu}} filter add chain=input action=jump jump-target={{.Name}} comment="{{.Name}}" place-before=([{{.Menu}} filter find chain=input !dynamic]->0)} else={{"{"}}{{.Menu}} filter add chain=input action=jump jump-target={{.Name}} comment="{{.Name}}"}
{{end}}
