package cli

const usageLine = "usage: knockpipe [flags] [--] host port [knock ...]"

const usage = usageLine + `

Knocks on the host's closed door, waits until the port opens, and is then the
pipe between stdin/stdout and that one connection. In ~/.ssh/config:

    Host tango
        HostName tango.example.org
        # Knock: 12345 23456 34567 45678
        ProxyCommand knockpipe %h %p

A knock is a port, with its protocol where that is not tcp: 12345, 7000/udp,
7000:udp or udp:7000; or udp:7000,text=open (hex=0a0b, size=64); icmp,size=95;
tcp:443,connect; fwknop:STANZA (of ~/.fwknoprc); once:FILE; token:FILE
(of -keygen); exec:COMMAND (in a config alone); and pause:250ms between two. Knocks on the command line override the
config; a host with no knock is piped as nc would.

  -4, -6                    use IPv4 or IPv6 only
  -check                    do all of it once, step by step, and report what is wrong;
                            the port may be left out; -wait: until it is shut again
  -E, -log FILE             append what -v tells to FILE, with time and pid
  -F                        pass the socket to ssh and exit (ProxyUseFdpass yes)
  -f, -config FILE          read this config only; "none" reads none
  -for DURATION             with -tokens: how long they last: 12h, 7d (the most);
                            1d by default
  -fresh                    with -tokens: for a key that was made since the server's
                            last boot, those of now too
  -G                        print what would be used for the host, and where each
                            setting comes from; the port may be left out
  -h, -help                 print this and exit
  -keygen FILE [CARRIER...] make a new key file for one-time tokens, and print the line
                            with its knock. A CARRIER is udp:40022 (the default),
                            icmp or tcp:40022
  -k, -knock-only           send the knocks once and exit
  -l, -login NAME           the remote user (ssh's %r)
  -lan PREFIX               with -rules: who comes in without a knock (repeatable)
  -n, -alias NAME           the name that ssh was given (ssh's %n)
  -once N FILE              write a new list of N one-time sequences, and exit
  -rules FORMAT             print the server's side of the host's knock; both host and
                            port may be lists (tango,anna 22,8022), and the port
                            be left out. FORMAT is one
                            of fwknopd, iptables, knockd, mikrotik, nftables
  -s, -source ADDR          knock and connect from this local address
  -tokens FILE...           print the tokens to come of each key, for nft
  -trial DURATION           with -rules: a guard that is gone by itself after this time
  -V, -version              print the version and exit
  -v                        tell on stderr what happens; -vv tells more
  -w, -timeout DURATION     give up after this time: 5, 2.5s, 1m
                            (default KnockTimeout, else 8s, with a knock; and
                            shortly before ssh's ConnectTimeout)
  -wide                     with -rules: let in the /24 or /64 of who knocks

Keywords in ssh_config ("# Knock: ..." or, after "IgnoreUnknown Knock*", without
the "#" and the ":") and in ~/.ssh/knock_config: Knock, KnockClose, KnockConnects,
KnockDelay, KnockHost, KnockMemory, KnockTimeout, KnockTries.

Exit: 0 the session ended, 1 the door stayed shut or the network failed,
2 wrong usage or configuration.
`
