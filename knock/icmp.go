package knock

import (
	"context"
	"errors"
	"strconv"
)

// ICMP is one echo request.
type ICMP struct {
	Size int // bytes after the header, as in ping -s
}

// defaultSize is what ping(8) sends, in bytes.
const defaultSize = 56

func parseICMP(value, option string) (Step, error) {
	switch {
	case value != "":
		return nil, errors.New("icmp takes no port")
	case option == "":
		return ICMP{Size: defaultSize}, nil
	case hasOption(option, "size"):
		size, err := parseSize(option, 0)
		if err != nil {
			return nil, err
		}
		return ICMP{Size: size}, nil
	}
	return nil, errOption
}

// Kind returns icmp.
func (ICMP) Kind() string { return "icmp" }

func (i ICMP) String() string { return "icmp,size=" + strconv.Itoa(i.Size) }

// Facts says that the size is one place of a sequence.
func (ICMP) Facts() Facts { return Facts{Ordered: true, Repeats: true} }

func (i ICMP) size() int { return i.Size }

func (i ICMP) send(_ context.Context, s *Sender) error { return s.sendEcho(make([]byte, i.Size)) }
