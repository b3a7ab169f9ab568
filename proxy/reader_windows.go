package proxy

import (
	"os"
	"unsafe"

	"golang.org/x/sys/windows"
)

// HasReader reports whether anyone may still read what is written to f. It reports false
// only when all readers are gone: a file, a device, or a pipe that nobody reads at the
// moment still has a reader.
//
// It looks without waiting, and leaves f as it is.
func HasReader(f *os.File) bool {
	const filePipeLocalInformation = 24
	// FILE_PIPE_LOCAL_INFORMATION of the driver kit's ntifs.h.
	var info struct {
		_     [8]uint32
		State uint32
		_     uint32
	}
	const closing = 4 // FILE_PIPE_CLOSING_STATE: the other end is closed
	raw, err := f.SyscallConn()
	if err != nil {
		return true
	}
	if e := raw.Control(func(fd uintptr) {
		var status windows.IO_STATUS_BLOCK
		err = windows.NtQueryInformationFile(windows.Handle(fd), &status,
			(*byte)(unsafe.Pointer(&info)), uint32(unsafe.Sizeof(info)), filePipeLocalInformation)
	}); e != nil {
		return true
	}
	return err != nil || info.State != closing
}
