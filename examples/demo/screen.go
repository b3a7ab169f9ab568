package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

// A screen is what the user sees. What happens in a step is shown with the time
// since the step began, and who did it.
type screen struct {
	mu    sync.Mutex
	w     io.Writer
	start time.Time
}

func (s *screen) line(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintln(s.w, text)
}

// step begins a step that runs a command.
func (s *screen) step(n int, title, command string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	fmt.Fprintf(s.w, "\n%d. %s\n\n    %s\n", n, title, command)
	s.start = time.Now()
}

func (s *screen) event(who, format string, args ...any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	took := time.Since(s.start).Milliseconds()
	fmt.Fprintf(s.w, "    %5d ms  %-4s  %s\n", took, who, fmt.Sprintf(format, args...))
}

// lines returns a writer that shows each line as an event.
func (s *screen) lines(who string) *lineWriter {
	return &lineWriter{screen: s, who: who}
}

// A lineWriter shows a program's output and remembers it.
type lineWriter struct {
	screen *screen
	who    string

	mu   sync.Mutex
	text strings.Builder
	rest string // an unfinished line
}

// Write shows the lines that are complete.
func (l *lineWriter) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	l.rest += string(p)
	for {
		line, rest, ok := strings.Cut(l.rest, "\n")
		if !ok {
			return len(p), nil
		}
		l.screen.event(l.who, "%s", strings.TrimRight(line, "\r"))
		l.rest = rest
	}
}

// flush shows a last line that was not ended.
func (l *lineWriter) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.rest != "" {
		l.screen.event(l.who, "%s", l.rest)
		l.rest = ""
	}
}

// String returns all that was written.
func (l *lineWriter) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}
