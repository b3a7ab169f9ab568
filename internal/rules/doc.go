// Package rules writes the server's side of a knock: the configuration of a
// firewall or a daemon, complete and ready to load, that opens a port to whoever
// knocks as the client's own configuration says.
//
// What it writes holds the sequence, as it must.
package rules
