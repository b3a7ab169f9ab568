//go:build unix

package knock

import (
	"bytes"
	"io"
	"slices"
	"strings"
)

// shellName is the name of the shell that runs a command. The shell puts it before its
// own messages.
const shellName = "knockpipe-sh"

// A shellFilter passes on what a command and its shell print. It hides the words of the
// command that the shell quotes in its messages: it keeps only the cause of such a
// message.
type shellFilter struct {
	to   io.Writer
	held []byte // what may be the beginning of a message of the shell, or is one
}

// maxMessage is as long as a message of the shell can be, in bytes.
const maxMessage = 4 << 10

// copy passes on all that is read.
func (f *shellFilter) copy(from io.Reader) {
	buf := make([]byte, maxMessage)
	for {
		n, err := from.Read(buf)
		f.held = append(f.held, buf[:n]...)
		f.pass(err != nil)
		if err != nil {
			return
		}
	}
}

// pass passes on what cannot be part of a message, and the messages that are complete.
// At the end, all are.
func (f *shellFilter) pass(end bool) {
	for len(f.held) > 0 {
		at := f.message()
		f.to.Write(f.held[:at])
		f.held = f.held[at:]
		line, rest, complete := bytes.Cut(f.held, []byte("\n"))
		switch {
		case len(line) < len(shellName) && !complete && end:
			f.to.Write(f.held)
		case !complete && !end:
			if len(f.held) > maxMessage {
				f.held = append(f.held[:len(shellName)], f.held[len(f.held)-maxMessage/2:]...) // the cause comes last
			}
			return
		case len(line) > 0:
			io.WriteString(f.to, "sh: "+shellCause(string(line))+"\n")
		}
		f.held = rest
	}
}

// message is where a message of the shell begins, or may begin, or the length of what
// is held.
func (f *shellFilter) message() int {
	if at := bytes.Index(f.held, []byte(shellName)); at >= 0 {
		return at
	}
	for n := min(len(f.held), len(shellName)-1); n > 0; n-- {
		if bytes.HasSuffix(f.held, []byte(shellName[:n])) {
			return len(f.held) - n
		}
	}
	return len(f.held)
}

// shellCauses are what a message may end with, of the usual shells.
var shellCauses = []string{
	"not found", "command not found", "inaccessible or not found", "Permission denied", "No such file or directory",
	"cannot execute", "Exec format error", "Argument list too long", "Killed", "Terminated",
}

// shellCause returns the cause in a message of the shell, without what it quotes.
func shellCause(message string) string {
	cause := message[strings.LastIndex(message, ": ")+1:]
	if cause = strings.TrimSpace(cause); slices.Contains(shellCauses, cause) {
		return cause
	}
	return "the command failed; the shell's message is not shown, because it quotes the command"
}
