// Package knock defines knocks: packets to closed ports, and sequences of them that a
// firewall takes as a request to open another port.
//
// [Parse] reads a [Sequence] from the words of a config line, [Sequence.Load] reads the
// files that its steps name, a [Source] chooses the sequence for each try, and a [Sender]
// sends it.
//
// To add a kind of step, write a file with its type, a line in the table of kinds, and a
// case in those formats of -rules that can express it. Its [Facts] tell other code what
// it needs to know.
//
// A sequence is a secret. Errors of this package name a step by its place ("knock 2 of
// 4") and never by its port.
package knock
