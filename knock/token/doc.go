// Package token computes one-time tokens from a key file and the time: 16 bytes each,
// which open a door once. doc/token.md specifies them.
//
// A [Key] makes the tokens of a [Slot], which is two minutes of the clock. Its file,
// which [Read] reads and [Write] makes, also says what carries a token to the server.
// Both sides have the same file. No error of this package shows a character of a key.
package token
