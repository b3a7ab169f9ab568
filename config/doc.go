// Package config finds out which knock a host needs. It reads the side file
// ~/.ssh/knock_config and ssh's own files as OpenSSH would: the blocks that apply are the
// blocks that ssh applies.
//
// # Where a knock can stand
//
// In each of these files, a knock is a keyword or a comment:
//
//	Host tango
//	    HostName tango.example.org
//	    # Knock: 12345 23456 34567 45678
//
// A comment counts if it has its line to itself and consists of '#', one of the Knock
// keywords in upper or lower case, a colon and a value. Any other comment is prose, and
// one that begins with "##" always is. ssh ignores comments. It accepts the plain keyword
// (Knock 12345 ...) only after "IgnoreUnknown Knock*", so that form is mainly for the
// side file.
//
// A comment belongs to the block in which it stands, as a keyword does, and a
// block lasts until the next Host or Match line. A comment directly above a
// Host line therefore belongs to the block before it, or to every host if there
// is none; [Settings] has a note where this looks like a mistake.
//
// # Which value counts
//
// The first value of a keyword wins, in the order side file, user's file, system's file;
// a value that another one overrides is not read. Words are split as ssh splits them:
// quotes, backslashes, and a '#' that starts a word ends the line. "none" overrides what
// a later block would set.
//
// # Which name is meant
//
// A block is found by the name that the user typed, but a ProxyCommand knows only the
// HostName (%h). The HostName is therefore looked up under each of its aliases too: the
// plain words of Host, Match host and Match originalhost for which ssh would find this
// HostName. Those that have a Knock count. If what they set differs and the port does not
// decide, an [AliasError] names them. [Query].Exact skips this.
//
// # Where it differs from ssh
//
// Nothing is executed and no name is resolved to read a configuration. Match criteria
// that would need that, or that need more than a ProxyCommand knows, count as not
// matching: exec, localnetwork, tagged, version, command and sessiontype. A note says so
// where such a block holds a knock.
//
// The side file is read after ssh's files, so that its Match lines see their HostName and
// User, although its own values come first. It may have the Knock keywords, Host, Match,
// Include, and the keywords of ssh that are honoured for the connection. Any other is an
// error.
//
// Errors in ssh's own files are left to ssh and ignored here. A Knock line that cannot be
// read is an error that names file and line and never shows the sequence.
package config
