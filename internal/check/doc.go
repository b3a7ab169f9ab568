// Package check has the parts of the -check report: ssh's settings, the SSH handshake,
// and the host key.
package check
