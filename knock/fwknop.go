package knock

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"knockpipe/internal/ip"
	"knockpipe/knock/fwknop"
)

// FWKNOP is one packet of single packet authorization.
type FWKNOP struct {
	Name   string         // the stanza of ~/.fwknoprc; empty for that of the host
	Stanza *fwknop.Stanza // what it says; nil before [Sequence.Load]
}

func parseFWKNOP(name, _ string) (Step, error) { return FWKNOP{Name: name}, nil }

// Kind returns fwknop.
func (FWKNOP) Kind() string { return "fwknop" }

func (f FWKNOP) String() string {
	if f.Name == "" {
		return "fwknop"
	}
	return "fwknop:" + f.Name
}

// Facts says that fwknopd takes 20 to 200 ms from its packet to the open port. After the
// rest, another packet follows in case one was lost. Until then, connects start as often
// as the limits of the first second allow.
func (f FWKNOP) Facts() Facts {
	return Facts{
		ByName: f.Name == "",
		Rest:   400 * time.Millisecond, Every: 20 * time.Millisecond, Family: ip.V4,
		File: "~/.fwknoprc", Server: "single packet authorization needs fwknopd",
	}
}

func (f FWKNOP) load(env Env) (Step, error) {
	if env.Home == "" {
		return f, errors.New("no home directory, so no .fwknoprc")
	}
	name := f.Name
	if name == "" {
		name = env.Name
	}
	stanza, err := fwknop.Load(filepath.Join(env.Home, ".fwknoprc"), name)
	if err != nil {
		return f, err
	}
	f.Stanza = stanza
	return f, nil
}

func (f FWKNOP) send(ctx context.Context, s *Sender) error {
	if f.Stanza == nil {
		return errors.New("no such stanza")
	}
	return f.Stanza.Send(ctx, s.To, s.Source, s.Port)
}
