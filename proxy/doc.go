// Package proxy opens a guarded port and is the pipe to it.
//
// [Opener.Open] knocks until the port takes a connection. The first handshake
// that completes is the session; nothing ever connects just to look, because a
// connection that does not log in is punished by fail2ban, by sshd's
// MaxStartups and by its PerSourcePenalties. [Splice] then carries the bytes.
//
// How to knock is not known here: Open is handed a func that knocks once.
package proxy
