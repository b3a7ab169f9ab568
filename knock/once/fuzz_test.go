package once

import (
	"errors"
	"testing"
)

func FuzzParse(f *testing.F) {
	f.Add("# x\n 1,2\n3,4:udp\n#5\n\n")
	short := func(words []string) error {
		if len(words) > 3 {
			return errors.New("too long")
		}
		return nil
	}
	f.Fuzz(func(t *testing.T, text string) {
		left, err := parse(text, short)
		for _, e := range left {
			if err != nil || len(e.words) == 0 || len(e.words) > 3 || text[e.offset] == '#' || text[e.offset] != e.first {
				t.Errorf("%q: got %v, %v", text, e, err)
			}
		}
	})
}
