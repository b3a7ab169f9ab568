# Port knocking for {{.Names}}, written by knockpipe -rules mikrotik, for a router with
# RouterOS 7. This file contains the knocks. It is not tested on a real router.
#
# {{.Guarded}} shut.
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
{{range .Doors}}#      {{.Menu}} filter remove [find comment="{{.Name}}"]
#      {{.Menu}} address-list remove [find list~"^{{.Name}}-"]
{{end}}#
# All rules for a port are in chains of their own. The rule that jumps there comes
# first in the chain input, before any rule that accepts or drops the guarded port or
# the knocks. If you move it, keep it before those.
{{range .Doors}}{{$door := .}}
# Port {{.Port}}, {{.Family}}
{{.Menu}} filter remove [find comment="{{.Name}}"]
{{.Menu}} address-list remove [find list~"^{{.Name}}-"]

# Existing sessions. The rules after these decide about other existing connections.
{{.Menu}} filter add chain={{.Name}} action=accept connection-state=established,related protocol=tcp dst-port={{.Port}} comment="{{.Name}}"
{{.Menu}} filter add chain={{.Name}} action=return connection-state=established,related comment="{{.Name}}"
{{range .LAN}}{{$door.Menu}} filter add chain={{$door.Name}} action=accept protocol=tcp dst-port={{$door.Port}} src-address={{.}} comment="{{$door.Name}}"
{{end}}
# A scan is not a knock: packets count only while their sender stays below this rate.
{{.Menu}} filter add chain={{.Name}} action=jump jump-target={{.Name}}-knocks connection-state=new dst-limit={{$.Rate}},{{$.Burst}},src-and-dst-addresses/10s comment="{{.Name}}"

# The knocks, the last one first, so that one packet never counts as two. A knock goes
# on to the rules after these and is answered like any other packet.
{{range .Knocks}}{{$door.Menu}} filter add chain={{$door.Name}}-knocks action=add-src-to-address-list {{.}} comment="{{$door.Name}}"
{{end}}
# The guarded port does not answer, like all ports that RouterOS drops by default. To
# answer like a port where nothing listens: action=reject reject-with=tcp-reset
{{.Menu}} filter add chain={{.Name}} action=accept protocol=tcp dst-port={{.Port}} src-address-list={{.Name}}-open comment="{{.Name}}"
{{.Menu}} filter add chain={{.Name}} action=drop protocol=tcp dst-port={{.Port}} comment="{{.Name}}"

# The jump to these rules.
:if ([:len [{{.Menu}} filter find chain=input !dynamic]] > 0) do={{"{"}}{{.Menu}} filter add chain=input action=jump jump-target={{.Name}} comment="{{.Name}}" place-before=([{{.Menu}} filter find chain=input !dynamic]->0)} else={{"{"}}{{.Menu}} filter add chain=input action=jump jump-target={{.Name}} comment="{{.Name}}"}
{{end}}
