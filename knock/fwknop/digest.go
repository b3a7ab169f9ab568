package fwknop

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"errors"
	"hash"
	"strings"
)

// A Digest is a hash function that fwknopd knows. The zero value is SHA-256.
type Digest uint8

// The digests.
const (
	SHA256 Digest = iota
	MD5
	SHA1
	SHA384
	SHA512
	SHA3_256
	SHA3_512
)

var digestNames = [...]string{"sha256", "md5", "sha1", "sha384", "sha512", "sha3_256", "sha3_512"}

// String returns the digest's name in ~/.fwknoprc, in lower case.
func (d Digest) String() string { return digestNames[d] }

// ParseDigest reads a name, in upper or lower case.
func ParseDigest(name string) (Digest, error) {
	for i, n := range digestNames {
		if strings.EqualFold(name, n) {
			return Digest(i), nil
		}
	}
	return 0, errors.New("not one of " + strings.Join(digestNames[:], ", "))
}

func (d Digest) new() hash.Hash {
	switch d {
	case MD5:
		return md5.New()
	case SHA1:
		return sha1.New()
	case SHA384:
		return sha512.New384()
	case SHA512:
		return sha512.New()
	case SHA3_256:
		return sha3.New256()
	case SHA3_512:
		return sha3.New512()
	}
	return sha256.New()
}
