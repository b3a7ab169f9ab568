//go:build linux

package lab

import (
	"bytes"
	"debug/pe"
	"encoding/binary"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// Wine makes a Windows for the host, in a directory of its own. Commands that use it,
// with the program wine, need its environment. drive is the directory that is C: there.
func (h *Host) Wine(t testing.TB) (env []string, drive string) {
	t.Helper()
	Need(t, "wine", "wineserver")
	dir := t.TempDir()
	env = []string{"WINEPREFIX=" + dir, "HOME=" + dir, "WINEDEBUG=-all", "DISPLAY=", "WINEDLLOVERRIDES=winemenubuilder.exe,mscoree,mshtml="}
	start := func(name string, args ...string) *Cmd {
		cmd := h.Command(name, args...)
		cmd.Env = append(cmd.Env, env...)
		if err := cmd.Start(); err != nil {
			t.Fatalf("lab: wine: %v", err)
		}
		return cmd
	}
	// It is the one that makes sockets, so it has to be of this host. In the
	// foreground it ends with the test.
	server := start("wineserver", "--foreground", "--persistent")
	t.Cleanup(func() {
		server.Process.Signal(syscall.SIGTERM) // it ends the programs that still run
		server.Wait()
	})
	if err := start("wine", "wineboot", "--init").Wait(); err != nil {
		t.Fatalf("lab: wineboot: %v", err)
	}
	drive = filepath.Join(dir, "drive_c")
	random := filepath.Join(drive, "windows/system32/bcryptprimitives.dll")
	if _, err := os.Stat(random); err == nil {
		return env, drive
	}
	if err := os.WriteFile(random, forwarder("bcryptprimitives.dll", "ProcessPrng", "advapi32.SystemFunction036"), 0o644); err != nil {
		t.Fatalf("lab: wine: %v", err)
	}
	return env, drive
}

// forwarder is a library whose one function is another library's. Go's runtime
// needs one that wine before version 9 does not have: ProcessPrng, which is
// RtlGenRandom, alias SystemFunction036, by another name.
func forwarder(library, function, target string) []byte {
	const (
		address, page     = 0x1000, 0x200 // where the only section is, in memory and in the file
		table             = 40            // after the directory: the function, its name, its number
		names, name, goal = table + 10, table + 60, table + 120
	)
	section := make([]byte, page)
	for at, value := range map[int]uint32{
		12: address + names, 16: 1, 20: 1, 24: 1, // the library's name, first number, functions, names
		28: address + table, 32: address + table + 4, 36: address + table + 8,
		table: address + goal, table + 4: address + name,
	} {
		binary.LittleEndian.PutUint32(section[at:], value)
	}
	copy(section[names:], library)
	copy(section[name:], function)
	copy(section[goal:], target)

	header := pe.OptionalHeader64{
		Magic: 0x20b, ImageBase: 0x180000000, SectionAlignment: 0x1000, FileAlignment: page, SizeOfInitializedData: page,
		MajorOperatingSystemVersion: 6, MajorSubsystemVersion: 6, Subsystem: pe.IMAGE_SUBSYSTEM_WINDOWS_CUI,
		DllCharacteristics: pe.IMAGE_DLLCHARACTERISTICS_NX_COMPAT, SizeOfHeaders: page, SizeOfImage: 0x2000, NumberOfRvaAndSizes: 16,
	}
	header.DataDirectory[pe.IMAGE_DIRECTORY_ENTRY_EXPORT] = pe.DataDirectory{VirtualAddress: address, Size: page}
	var b bytes.Buffer
	b.WriteString("MZ")
	b.Write(make([]byte, 58))
	for _, part := range []any{
		uint32(64), []byte("PE\x00\x00"),
		pe.FileHeader{Machine: pe.IMAGE_FILE_MACHINE_AMD64, NumberOfSections: 1, SizeOfOptionalHeader: uint16(binary.Size(header)),
			Characteristics: pe.IMAGE_FILE_EXECUTABLE_IMAGE | pe.IMAGE_FILE_LARGE_ADDRESS_AWARE | pe.IMAGE_FILE_DLL},
		header,
		pe.SectionHeader32{Name: [8]uint8{'.', 'e', 'd', 'a', 't', 'a'}, VirtualAddress: address, VirtualSize: page,
			PointerToRawData: page, SizeOfRawData: page, Characteristics: pe.IMAGE_SCN_CNT_INITIALIZED_DATA | pe.IMAGE_SCN_MEM_READ},
	} {
		binary.Write(&b, binary.LittleEndian, part)
	}
	b.Write(make([]byte, page-b.Len()))
	b.Write(section)
	return b.Bytes()
}
