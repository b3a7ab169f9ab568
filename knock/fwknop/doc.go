// Package fwknop makes the packet of single packet authorization that fwknopd 2.6
// takes as a knock: one datagram, encrypted and authenticated, that nobody can
// replay. The format is the fwknop project's own, of libfko 3.0.0.
//
// A stanza holds keys. No error of this package shows one, and a Stanza prints only as
// its name.
package fwknop
