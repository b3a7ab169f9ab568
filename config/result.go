package config

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// maxKnockLine is how long, in bytes, the value of a Knock keyword may be.
const maxKnockLine = 64 << 10

// chosen returns the value of a keyword that counts.
func (r *reader) chosen(kw keyword) value {
	if v := r.side[kw]; v.isSet() {
		return v
	}
	return r.ssh[kw]
}

// settings reads the values that count, and only those.
func (r *reader) settings() (*Settings, error) {
	s := &Settings{Notes: r.notes}
	for kw := kwHostName; kw < numKeywords; kw++ {
		v := r.chosen(kw)
		if v.Line == 0 || kw == kwKnock && r.given {
			continue
		}
		words, err := v.words(kw)
		if err == nil {
			err = s.set(kw, words, r.typed)
		}
		if err == nil {
			err = s.place(kw, v, r.sources.Home)
		}
		switch {
		case err == nil:
			s.origins[kw] = v.Origin
			if kw == kwHashKnownHosts {
				continue // it says nothing of the connection
			}
			s.entries = append(s.entries, Entry{lowerASCII(kw.String()), s.show(kw, words), v.Origin})
		case kw.isKnock():
			return nil, v.wrong(kw, err)
		} // what is wrong with ssh's keywords is ssh's business
	}
	return s, nil
}

// words splits a value. ssh's keywords of a kind have one word.
func (v value) words(kw keyword) ([]word, error) {
	if kw == kwHostName || kw == kwUser {
		return []word{{text: v.text}}, nil
	}
	if len(v.text) > maxKnockLine {
		return nil, errors.New("longer than 64 KiB")
	}
	words, ok := appendWords(nil, v.text)
	switch {
	case !ok:
		return nil, errors.New("unbalanced quotes")
	case len(words) == 0:
		return nil, errors.New("nothing follows it")
	case len(words) > 1 && kw != kwKnock && kw != kwKnockClose:
		return nil, &wordError{words[1].at, errors.New("more than one value")}
	}
	return words, nil
}

// A wordError is wrong at one byte of the value.
type wordError struct {
	at  int
	err error
}

func (e *wordError) Error() string { return e.err.Error() }

// wrong says where a value is wrong.
func (v value) wrong(kw keyword, err error) error {
	e := &Error{v.Origin, v.at + 1, fmt.Errorf("%v: %w", kw, err)}
	var w *wordError
	if errors.As(err, &w) {
		e.Column += w.at
	}
	return e
}

// set reads the words of one keyword.
func (s *Settings) set(kw keyword, words []word, typed string) (err error) {
	text := words[0].text
	none := kw.isKnock() && len(words) == 1 && equalFold(text, "none")
	if none {
		return nil
	}
	switch kw {
	case kwHostName:
		s.HostName, err = parseHost(expandHost(text, typed))
	case kwUser:
		s.User = text
	case kwPort:
		s.Port, err = parsePort(text)
	case kwAddressFamily:
		s.Family, err = parseFamily(text)
	case kwBindAddress:
		s.BindAddress, err = parseHost(text)
	case kwBindInterface:
		s.BindInterface = text
	case kwConnectTimeout:
		s.ConnectTimeout, err = parseSSHTime(text)
	case kwHashKnownHosts:
		s.HashKnownHosts, err = parseYesNo(text)
	case kwKnock:
		s.Knock, err = parseSequence(words)
	case kwKnockClose:
		s.KnockClose, err = parseSequence(words)
	case kwKnockConnects:
		s.KnockConnects, err = parseCount(text, maxConnects)
	case kwKnockDelay:
		s.KnockDelay, err = parseDuration(text, time.Millisecond, 0, maxDelay)
	case kwKnockTimeout:
		s.KnockTimeout, err = parseDuration(text, time.Second, time.Millisecond, maxTimeout)
	case kwKnockTries:
		s.KnockTries, err = parseCount(text, maxTries)
	case kwKnockHost:
		s.KnockHost, err = parseHost(text)
	case kwKnockMemory:
		var yes bool
		yes, err = parseYesNo(text)
		s.NoKnockMemory = err == nil && !yes
	}
	return err
}

// show is a value for -G.
func (s *Settings) show(kw keyword, words []word) string {
	if kw == kwHostName {
		return joinWords([]string{s.HostName})
	}
	texts := make([]string, len(words))
	for i, w := range words {
		texts[i] = w.text
	}
	if len(texts) == 1 && strings.EqualFold(texts[0], "none") {
		return "none"
	}
	return joinWords(texts)
}
