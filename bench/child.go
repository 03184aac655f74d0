package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// loadAddress is where the tiny program is mapped.
const loadAddress = 0x400000

// machineCode is exit(0), by architecture, and the number that ELF has for it.
func machineCode() (code []byte, machine uint16, ok bool) {
	switch runtime.GOARCH {
	case "amd64": // mov eax, 60; xor edi, edi; syscall
		return []byte{0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05}, 62, true
	case "arm64": // mov x8, 93; mov x0, 0; svc 0
		return []byte{0xa8, 0x0b, 0x80, 0xd2, 0, 0, 0x80, 0xd2, 0x01, 0, 0, 0xd4}, 183, true
	default:
		return nil, 0, false
	}
}

// writeTrue0 writes the smallest program that exits 0, without libc and start-up
// code, into dir. With /bin/true a benchmark measures the C library instead.
func writeTrue0(dir string) (path string, err error) {
	code, machine, ok := machineCode()
	if !ok || runtime.GOOS != "linux" {
		return "", fmt.Errorf("no program without libc is known for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	path = filepath.Join(dir, "true0")
	return path, os.WriteFile(path, elf(code, machine), 0o700) //nolint:gosec // it is there to be executed
}

// elf is a program of one segment that begins with the code.
func elf(code []byte, machine uint16) []byte {
	const fileHeader, programHeader = 64, 56
	const headers = fileHeader + programHeader
	size := uint64(headers + len(code))
	b := bytes.NewBuffer([]byte{0x7f, 'E', 'L', 'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	for _, field := range []any{
		[]uint16{2, machine}, // executable
		uint32(1),
		[]uint64{loadAddress + headers, fileHeader, 0}, // entry, program headers, no sections
		uint32(0),
		[]uint16{fileHeader, programHeader, 1, 0, 0, 0},
		[]uint32{1, 5}, // load, read and execute
		[]uint64{0, loadAddress, loadAddress, size, size, 0x1000},
	} {
		_ = binary.Write(b, binary.LittleEndian, field) // a buffer takes everything
	}
	return append(b.Bytes(), code...)
}
