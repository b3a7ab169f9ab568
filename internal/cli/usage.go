package cli

const usageLine = "usage: knockpipe [options] [--] host port [knock ...]"

const usage = usageLine + `

knockpipe connects to a port that is hidden behind a port knock: it knocks, waits
until the port opens, and relays stdin and stdout over that one connection.
In ~/.ssh/config:

    Host tango
        HostName tango.example.org
        # Knock: 12345 23456 34567 45678
        ProxyCommand knockpipe %h %p

A knock is a port, with its protocol unless that is tcp: 12345, 7000/udp, 7000:udp
or udp:7000; or udp:7000,text=open (hex=0a0b, size=64); icmp,size=95;
tcp:443,connect; fwknop:STANZA (from ~/.fwknoprc); once:FILE (see -once);
token:FILE (see -keygen); exec:COMMAND (only in a config file); or pause:250ms, to
wait between two knocks. Knocks on the command line override the config. Without a
knock for the host, knockpipe connects as nc would.

  -4, -6                    use only IPv4 or IPv6
  -check                    knock and connect once, and report what is wrong; with
                            -wait, wait until the door shuts again; the port may be
                            left out
  -E, -log FILE             append errors and what -v prints to FILE
  -F                        pass the socket to ssh and exit (ProxyUseFdpass yes)
  -f, -config FILE          read only this config; "none" reads none
  -for DURATION             with -tokens: how long the tokens last, up to 7d
                            (default 1d)
  -fresh                    with -tokens: include the tokens that count now, for a key
                            made since the server's last boot
  -G                        print the settings for the host and where each one comes
                            from; the port may be left out
  -h, -help                 print this and exit
  -keygen FILE [CARRIER...] make a key file for one-time tokens and print its Knock
                            line; CARRIER is udp:40022 (the default), icmp or
                            tcp:40022
  -k, -knock-only           send the knocks once and exit
  -l, -login NAME           the remote user (ssh's %r)
  -lan PREFIX               with -rules: let this network in without a knock
                            (repeatable)
  -n, -alias NAME           the name that was given to ssh (ssh's %n)
  -once N FILE              write a new list of N one-time sequences and exit
  -rules FORMAT             print the server's side of the host's knock; host and port
                            may be lists (tango,anna 22,8022), and the port may be
                            left out; FORMAT is one of fwknopd, iptables, knockd,
                            mikrotik, nftables
  -s, -source ADDR          knock and connect from this local address
  -tokens FILE...           print the coming tokens of each key file, for nft
  -trial DURATION           with -rules: the guard removes itself after this time
  -V, -version              print the version and exit
  -v                        report progress on stderr; -vv reports more
  -w, -timeout DURATION     give up after this time, such as 5, 2.5s or 1m (default:
                            KnockTimeout or 8s if there is a knock, and shortly
                            before ssh's ConnectTimeout)
  -wide                     with -rules: let in the whole /24 or /64 of the sender

Keywords in ssh_config (as "# Knock: ..." or, after "IgnoreUnknown Knock*", without
the "#" and the ":") and in ~/.ssh/knock_config: Knock, KnockClose, KnockConnects,
KnockDelay, KnockHost, KnockMemory, KnockTimeout, KnockTries.

Exit: 0 the session ended, 1 the door stayed shut or the network failed,
2 wrong usage or configuration.
`
