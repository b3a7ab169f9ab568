package state

import (
	"encoding/binary"
	"os"
)

// wordSize is that of the numbers that the records of turns and of open doors consist of.
const wordSize = 8

// readWords reads a record of so many bytes. It reports false if the file is too short
// or cannot be read.
func readWords(f *os.File, size int) (words []uint64, ok bool) {
	record := make([]byte, size)
	if _, err := f.ReadAt(record, 0); err != nil {
		return nil, false
	}
	for ; len(record) > 0; record = record[wordSize:] {
		words = append(words, binary.BigEndian.Uint64(record))
	}
	return words, true
}

// writeWords writes a record at once. It ignores errors, because nothing depends on one.
func writeWords(f *os.File, words ...uint64) {
	record := make([]byte, 0, len(words)*wordSize)
	for _, word := range words {
		record = binary.BigEndian.AppendUint64(record, word)
	}
	f.WriteAt(record, 0)
}
