// Package proxy opens a guarded port and relays a session to it.
//
// [Opener.Open] knocks until the port takes a connection. The first handshake
// that completes is the session; nothing ever connects just to look, because a
// connection that does not log in is punished by fail2ban, by sshd's
// MaxStartups and by its PerSourcePenalties. [Splice] then carries the bytes.
//
// The package does not know how to knock: Open is given a func that knocks once.
//
// The words of an opening:
//
//   - sequence: the knocks that open the door, in their order
//   - try: one sending of the sequence
//   - round: one try and the connects after it
//   - gap: the time between two knocks of a try
//   - rest: the time from the last knock of a try to the next round
//   - every: the time between two connects of a round
//   - pace: the least gaps and rests, for a door that is known to need them
//   - turn: the time in which this process knocks and the user's others do not
//   - lag: the time from the last knock to the start of the connect that got in
//   - took: the time from the start of that connect to its end
package proxy
