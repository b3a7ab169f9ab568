package knock

import (
	"encoding/hex"
	"errors"
	"strconv"
	"strings"
)

// maxDatagram is the most that one IPv4 datagram carries, by UDP or as an echo.
const maxDatagram = 65507

// setOption reads what follows the comma of a step.
func (s *Step) setOption(option string) error {
	name, value, _ := strings.Cut(option, "=")
	switch {
	case s.Proto == TCP && strings.EqualFold(option, "connect"):
		s.Connect = true
		return nil
	case s.Proto == ICMP && hasOption(option, "size"):
		n, err := parseSize(value, 0)
		s.Size = n
		return err
	case s.Proto == UDP && hasOption(option, "size"):
		n, err := parseSize(value, 1)
		s.Payload = strings.Repeat("\x00", n)
		return err
	case s.Proto == UDP && hasOption(option, "hex"):
		data, err := hex.DecodeString(value)
		if err != nil || len(data) == 0 || len(data) > maxDatagram {
			return errors.New("hex= takes pairs of hexadecimal digits")
		}
		s.Payload = string(data)
		return nil
	case s.Proto == UDP && hasOption(option, "text"):
		if value == "" || len(value) > maxDatagram {
			return errors.New("text= takes the payload, which is not empty")
		}
		s.Payload = value
		return nil
	case letters(name) && strings.Contains(" connect size hex text ", " "+strings.ToLower(name)+" "):
		return errors.New(strings.ToLower(name) + " is no option of " + s.Proto.String())
	}
	return errors.New("unknown option after the comma")
}

// hasOption reports whether an option has this name, in upper or lower case.
func hasOption(option, name string) bool {
	return len(option) > len(name) && option[len(name)] == '=' && strings.EqualFold(option[:len(name)], name)
}

func parseSize(s string, least int) (int, error) {
	n, err := strconv.ParseUint(s, 10, 17)
	if err != nil || int(n) < least || n > maxDatagram {
		return 0, errors.New("size= takes a number of bytes up to " + strconv.Itoa(maxDatagram))
	}
	return int(n), nil
}
