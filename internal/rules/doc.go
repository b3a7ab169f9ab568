// Package rules writes the server's side of a knock: a complete configuration of a
// firewall or a daemon, ready to load, that opens a port to whoever sends the knock in
// the client's own configuration.
//
// Its output contains the sequence.
package rules
