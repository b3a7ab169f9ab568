// Package e2e has the tests and benchmarks of the whole program: knockpipe with the real
// ssh, sshd, nft, knockd and fwknopd, in the networks of package lab.
package e2e
