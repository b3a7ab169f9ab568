// Package knock says what a knock is: one packet to a closed port, and a
// sequence of them that a firewall takes as a request to open another port.
//
// [Parse] reads a [Sequence] from the words of a config line, [Sequence.Load] adds
// what its steps keep in files of their own, a [Source] says which sequence a try
// sends, and a [Sender] sends it.
//
// A new kind of step is a file with its type, a line in the table of kinds, and a
// case in those formats of -rules that can express it. What others have to know of it
// are its [Facts].
//
// A sequence is a secret. The errors of this package name a step by its place
// ("knock 2 of 4") and never by its port.
package knock
