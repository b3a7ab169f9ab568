// Package e2e has the tests and benchmarks of the whole program: the real ssh, sshd,
// nft, knockd and fwknopd, with knockpipe between them, in the networks of package
// lab.
package e2e
