package knock

import "time"

// Exec runs another program that knocks.
type Exec struct {
	Command string // for sh -c

	env *Env // what it is run with; nil before [Sequence.Load]
}

func parseExec(command, _ string) (Step, error) { return Exec{Command: command}, nil }

// Kind returns exec.
func (Exec) Kind() string { return "exec" }

func (e Exec) String() string { return "exec:" + e.Command }

// Facts says that it is unknown what the program sends and how long that takes.
func (Exec) Facts() Facts {
	return Facts{
		Rest: 400 * time.Millisecond, Every: 20 * time.Millisecond, Runs: true,
		Server: "knockpipe does not know what a command sends",
	}
}

func (e Exec) load(env Env) (Step, error) {
	e.env = &env
	return e, nil
}
