// Package check is the -check report: it does once, for a person to read, what a
// session does.
package check
