package config

import "slices"

// A keyword is what a line begins with.
type keyword uint8

// The keywords that are read. The order from kwHostName on is that of
// [Settings.Entries].
const (
	kwNone keyword = iota
	kwHost
	kwMatch
	kwInclude
	kwIgnoreUnknown
	kwCanonicalizeHostname
	kwHostName
	kwUser
	kwPort
	kwAddressFamily
	kwBindAddress
	kwBindInterface
	kwConnectTimeout
	kwKnock
	kwKnockClose
	kwKnockConnects
	kwKnockDelay
	kwKnockTimeout
	kwKnockTries
	kwKnockHost
	kwKnockMemory
	numKeywords
)

var keywordNames = [numKeywords]string{
	kwHost:                 "Host",
	kwMatch:                "Match",
	kwInclude:              "Include",
	kwIgnoreUnknown:        "IgnoreUnknown",
	kwCanonicalizeHostname: "CanonicalizeHostname",
	kwHostName:             "HostName",
	kwUser:                 "User",
	kwPort:                 "Port",
	kwAddressFamily:        "AddressFamily",
	kwBindAddress:          "BindAddress",
	kwBindInterface:        "BindInterface",
	kwConnectTimeout:       "ConnectTimeout",
	kwKnock:                "Knock",
	kwKnockClose:           "KnockClose",
	kwKnockConnects:        "KnockConnects",
	kwKnockDelay:           "KnockDelay",
	kwKnockTimeout:         "KnockTimeout",
	kwKnockTries:           "KnockTries",
	kwKnockHost:            "KnockHost",
	kwKnockMemory:          "KnockMemory",
}

// Keywords returns the names of all keywords that are read, as ssh's manual would
// spell them. Those of [Settings.Entries] are among them, in the same order.
func Keywords() []string { return slices.Clone(keywordNames[kwNone+1:]) }

// String returns the keyword as ssh's manual would spell it.
func (kw keyword) String() string { return keywordNames[kw] }

// isKnock reports whether the keyword is one of knockpipe's own.
func (kw keyword) isKnock() bool { return kw >= kwKnock }

// inSideFile reports whether the keyword may stand in the side file. Keywords that say
// where ssh connects and as whom would be ignored there, so they may not. IgnoreUnknown
// may, for a side file that ssh's own file includes.
func (kw keyword) inSideFile() bool {
	switch kw {
	case kwNone, kwCanonicalizeHostname, kwHostName, kwUser, kwPort:
		return false
	}
	return true
}

// findKeyword returns the keyword with this name, in upper or lower case, or
// kwNone.
func findKeyword(name string) keyword {
	for kw := kwNone + 1; kw < numKeywords; kw++ {
		if len(name) == len(keywordNames[kw]) && equalFold(name, keywordNames[kw]) {
			return kw
		}
	}
	return kwNone
}

// nearestKeyword returns the keyword of the side file that name is most likely
// a misspelling of, or kwNone.
func nearestKeyword(name string) keyword {
	best, least := kwNone, 3
	name = lowerASCII(name)
	for kw := kwNone + 1; kw < numKeywords; kw++ {
		near := len(kw.String())-len(name) < least && len(name)-len(kw.String()) < least
		if !near || !kw.inSideFile() { // the look at the length saves most of the work on a large file
			continue
		}
		if d := distance(name, lowerASCII(kw.String())); d < least {
			best, least = kw, d
		}
	}
	return best
}

// nearestKnock returns the Knock keyword that name is most likely a misspelling of, or
// kwNone. "Known" is a word and not a misspelt Knock.
func nearestKnock(name string) keyword {
	kw := nearestKeyword(name)
	if !letters(name) || !kw.isKnock() || kw == kwKnock && distance(lowerASCII(name), "knock") > 1 {
		return kwNone
	}
	return kw
}

// distance is the number of bytes to insert, delete or replace to turn a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0]++
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
