package fwknop

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/md5"
	"encoding/base64"
	"errors"
)

// b64 is base64 without the '=' at the end, as fwknop uses it everywhere.
var b64 = base64.RawStdEncoding

// magic begins every message that is encrypted in OpenSSL's way. It is not sent, because
// it would give the packet away.
var magic = b64.EncodeToString([]byte("Salted__"))[:10]

// The lengths that fwknopd accepts for Rijndael. It takes longer packets for GPG.
const minWire, maxWire = 140, 399

// seal encrypts and authenticates a message.
func (s *Stanza) seal(plain []byte, salt [8]byte) (string, error) {
	key, iv := s.deriveKey(salt)
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	pad := aes.BlockSize - len(plain)%aes.BlockSize
	plain = append(plain, bytes.Repeat([]byte{byte(pad)}, pad)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(plain, plain)
	full := b64.EncodeToString(append(append([]byte("Salted__"), salt[:]...), plain...))
	wire := full[len(magic):]
	if len(s.HMACKey) > 0 {
		mac := hmac.New(s.HMACDigest.new, s.HMACKey)
		mac.Write([]byte(full))
		wire += b64.EncodeToString(mac.Sum(nil))
	}
	if len(wire) < minWire || len(wire) > maxWire {
		return "", errors.New("the packet would be too long for fwknopd: ask for fewer ports, or use a shorter digest")
	}
	return wire, nil
}

// deriveKey derives a key and an initialization vector from what the user calls a key, as
// OpenSSL's EVP_BytesToKey does with MD5 and one round.
func (s *Stanza) deriveKey(salt [8]byte) (key, iv []byte) {
	password := s.Key
	if s.Legacy {
		password = append(bytes.Clone(password), bytes.Repeat([]byte("0"), maxLegacyKey)...)[:maxLegacyKey]
	}
	var all, last []byte
	for len(all) < 32+aes.BlockSize {
		h := md5.New()
		h.Write(last)
		h.Write(password)
		h.Write(salt[:])
		last = h.Sum(nil)
		all = append(all, last...)
	}
	return all[:32], all[32 : 32+aes.BlockSize]
}
