//go:build linux

package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// A spoilt config has mistakes that people make. Every word of a knock in it has 4123 or
// zqzq in it.
type spoilt struct{ config, side string }

// spoiltConfigs are for a host tango. None may be read as a knock that cannot be sent.
var spoiltConfigs = []spoilt{
	// A comment that does not stand where it should.
	{config: "Host tango # Knock: 41237 41239\n"},
	{config: "Host tango #Knock: 41237 41239\n\tUser a\n"},
	{config: "Host tango # Knock 41237 41239\n"},
	{config: "Host tango#Knock: 41237\n"},
	{config: "Host tango Knock: 41237 41239\n"},
	{config: "Host tango Knock 41237\n"},
	{config: "Host \"tango # Knock: 41237\"\n"},
	{config: "Host \"tango # Knock: 41237\n"},
	{config: "Match host tango # Knock: 41237 41239\n"},
	{config: "Match host tango Knock: 41237\n"},
	{config: "Match host tango 41237\n"},
	{config: "Match exec true # Knock: 41237\n\t# Knock: 41239\n"},
	{config: "Match exec true Knock: 41237\n\t# Knock: 41239\n"},
	{config: "Match exec \"true # Knock: 41237\"\n\t# Knock: 41239\n"},
	{config: "Match exec \"true zqzqsesame\" # 41237\n\tHostName 198.51.100.2\n"},
	{config: "Host tango\n\tHostName 198.51.100.2 # Knock: 41237\n"},
	{config: "Host tango\n\tHostName 198.51.100.2 Knock: 41237\n"},
	{config: "Host tango\n\tUser a # Knock: udp:41237,text=zqzqsesame\n"},
	{config: "Host tango\n\tPort 22 # KnockClose: 41237\n"},
	{config: "Host tango\n\tPort x\n\t# Knok: 41239\n"},
	{config: "# Knock: 41237 41239\nHost tango # Knock: 41241\n"},
	{config: "# Knock: 41237 41239\nHost tango # zqzqsesame\n"},
	{config: "Host other\n\tUser a\n\n# Knock: 41237 zqzqsesame\nHost tango # 41239\n"},
	{config: "Host other\n\tUser a\n\n# Knock: 41237\nHost tango Knock: zqzqsesame\n"},
	{config: "# Knock: 41237\nMatch host tango # Knock: zqzqsesame\n"},

	// A keyword that is none.
	{config: "Host tango\n\t# Knok: 41237 zqzqsesame\n"},
	{config: "Host tango\n\t# Knocks: 41237\n"},
	{config: "Host tango\n\t# Knock 41237 41239\n"},
	{config: "Host tango\n\t# Knock 41237 zqzqsesame\n"},
	{config: "Host tango\n\t# Knock; 41237\n"},
	{config: "Host tango\n\t# Knock-zqzqsesame: 41237\n"},
	{config: "Host tango\n\t# Knock41237: 41239\n"},
	{config: "Host tango\n\t# Kzqzq: 41237\n"},
	{config: "IgnoreUnknown Knock*\nHost tango\n\tKnocks 41237 zqzqsesame\n"},
	{config: "IgnoreUnknown *\nHost tango\n\tKnok 41237\n\tKnock-zqzqsesame 41237\n"},
	{config: "IgnoreUnknown Knock*\nHost tango\n\tKnock:zqzqsesame 41237\n"},
	{config: "IgnoreUnknown Knock # 41237\nIgnoreUnknown Knock* # zqzqsesame\nHost tango\n\tKnockTries zqzqsesame\n"},
	{config: "Host tango\n\tKnock 41237 41239\n"},
	{config: "Host tango\n\tKnock:41237 41239\n"},
	{config: "Host tango\n\tKnock=41237 41239x\n"},
	{config: "Host tango\n\tKnock-zqzqsesame 41237\n"},
	{config: "Host tango\n\tKnock,zqzqsesame\n"},
	{side: "Knok 41237\n"},
	{side: "Knock:exec:zqzqsesame 41237\n"},
	{side: "Knock-zqzqsesame\n"},
	{side: "Knockzqzqsesame 41237\n"},
	{side: "Knock,zqzqsesame\n"},
	{side: "Knock\"zqzqsesame\" 41237\n"},
	{side: "\"Knock zqzqsesame\" 41237\n"},
	{side: "Host tango # Knock: 41237\n"},
	{side: "# Knock 41237\n# Knok: zqzqsesame\n"},
	{side: "Host tango\nHostName 41237\n"},
	{side: "Include \"zqzqsesame # Knock: 41237\n"},

	// A sequence that cannot be read.
	{config: "Host tango\n\t# Knock: udp:41237,text=zqzqopen zqzqsesame:now\n"},
	{config: "Host tango\n\t# Knock: udp:41237,text=zqzqopen zqzqsesame/now\n"},
	{config: "Host tango\n\t# Knock: udp:41237,text=zqzqopen zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: udp:41237, text=zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: udp:41237,'text=zqzqopen zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: 41237:udp, 41239:tcp\n"},
	{config: "Host tango\n\t# Knock: 41237/once\n"},
	{config: "Host tango\n\t# Knock: 41237:exec\n"},
	{config: "Host tango\n\t# Knock: zqzqsesame:41237\n"},
	{config: "Host tango\n\t# Knock: 41237/zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: none 41237\n"},
	{config: "Host tango\n\t# Knock: zqzqsesame none\n"},
	{config: "Host tango\n\t# Knock: once:/lists/tango zqzqlists/41237\n"},
	{config: "Host tango\n\t# Knock: exec:mytool zqzqhunter:two\n"},
	{config: "Host tango\n\t# Knock: 'exec:mytool zqzqhunter'\n"},
	{config: "Host tango\n\t# Knock: fwknop:tango zqzqhunter:two\n"},
	{config: "Host tango\n\t# Knock: pause:zqzqsesame 41237\n"},
	{config: "Host tango\n\t# Knock: 41237 exec\n\t# KnockClose: zqzqsesame:once\n"},
	{config: "Host tango\n\t# Knock: 41237 # 41239 zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: 41237\n\t# KnockClose: zqzqsesame:41239\n"},
	{config: "Host tango\n\t# Knock: 41237\n\t# KnockDelay: zqzqsesame 41239\n"},
	{config: "Host tango\n\t# Knock: 41237\n\t# KnockTimeout: zqzqsesame\n"},
	{config: "Host tango\n\t# Knock: 41237\n\t# KnockTries: 41239x\n"},
	{config: "Host tango\n\t# Knock: 41237\n\t# KnockHost: gate/zqzqsesame 41239\n"},
	{config: "Host tango\n\t# Knock: 41237\n\t# KnockMemory: zqzqsesame\n"},
	{side: "Knock exec:mytool zqzqhunter:two\n"},
	{side: "Knock 41237 'zqzqsesame\n"},
	{side: "Knock once:list 41237\n"},
	{side: "Knock once:list\n"},
	{side: "Knock once:list\nKnockClose once:list zqzqsesame:41237\n"},
	{side: "Knock fwknop:tango\n"},
}

// TestSpoilt runs every mode but -G and -rules, which are asked for it, on every spoilt
// config: none shows a word of a knock.
func TestSpoilt(t *testing.T) {
	t.Parallel()
	modes := []string{"-v -E LOG tango 22", "-vv tango 22", "-vv -f CONFIG tango 22", "-4 -vv -n tango -- 198.51.100.2 22",
		"-k -vv tango 22", "-check -vv tango", "-check -E LOG -f CONFIG tango"}
	const groups = 4
	for group := range groups {
		t.Run(fmt.Sprint(group), func(t *testing.T) {
			t.Parallel()
			h := newHush(t)
			h.Client.WriteFile(t, "/etc/hosts", "198.51.100.2 tango\n")
			h.Client.WriteFile(t, "/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
			h.write(t, ".ssh/list", " 41237,41239\n 41241,zqzqsesame\n")
			h.write(t, ".fwknoprc", "[tango]\nKEY zqzqsesame\nHMAC_KEY zqzqsesame\n")
			for i := group; i < len(spoiltConfigs); i += groups {
				s := spoiltConfigs[i]
				h.write(t, ".ssh/config", s.config)
				h.write(t, ".ssh/knock_config", s.side)
				config := ".ssh/config"
				if s.side != "" {
					config = ".ssh/knock_config"
				}
				if strings.Contains(s.config+s.side, "once:list") {
					h.run(t, "-once", "3", ".ssh/list")
				}
				for _, mode := range modes {
					args := "-w 0.05 " + strings.NewReplacer("LOG", h.log, "CONFIG", config).Replace(mode)
					if out, _ := h.run(t, strings.Fields(args)...); out == "" {
						t.Errorf("%+v with %s: nothing is said", s, args)
					}
				}
				if err := os.Remove(h.log); err != nil {
					t.Error(err)
				}
			}
		})
	}
}
