// Package knock says what a knock is: one packet to a closed port, and a
// sequence of them that a firewall takes as a request to open another port.
//
// A sequence is a secret. The errors of this package name a step by its place
// ("knock 2 of 4") and never by its port.
package knock
