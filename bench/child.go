package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
)

// loadAddress is where the tiny program is mapped.
const loadAddress = 0x400000

// processor is what programs without libc are made of, by architecture.
type processor struct {
	machine uint16 // the number that ELF has for it
	exit    []byte // exit(0)
	sleep   []byte // nanosleep of the timespec that stands behind the exit that follows
}

func thisProcessor() (p processor, ok bool) {
	switch runtime.GOARCH {
	case "amd64":
		return processor{
			62,
			[]byte{0xb8, 60, 0, 0, 0, 0x31, 0xff, 0x0f, 0x05}, // mov eax, 60; xor edi, edi; syscall
			// lea rdi, [rip+18]; xor esi, esi; mov eax, 35; syscall
			[]byte{0x48, 0x8d, 0x3d, 18, 0, 0, 0, 0x31, 0xf6, 0xb8, 35, 0, 0, 0, 0x0f, 0x05},
		}, true
	case "arm64":
		return processor{
			183,
			[]byte{0xa8, 0x0b, 0x80, 0xd2, 0, 0, 0x80, 0xd2, 0x01, 0, 0, 0xd4}, // mov x8, 93; mov x0, 0; svc 0
			// adr x0, .+28; mov x1, 0; mov x8, 101; svc 0
			[]byte{0xe0, 0, 0, 0x10, 0x01, 0, 0x80, 0xd2, 0xa8, 0x0c, 0x80, 0xd2, 0x01, 0, 0, 0xd4},
		}, true
	default:
		return p, false
	}
}

// writeTrue0 writes the smallest program that exits 0, without libc and start-up
// code, into dir. With /bin/true a benchmark measures the C library instead.
func writeTrue0(dir string) (path string, err error) {
	return writeProgram(dir, "true0", func(p processor) []byte { return p.exit })
}

// sleepSeconds is longer than any study takes. Not for ever: they must not outlive
// for long a benchmark that is killed.
const sleepSeconds = 120

// writeSleep0 writes the smallest program that sleeps. A thousand of /bin/sleep
// would be a thousand times libc.
func writeSleep0(dir string) (path string, err error) {
	return writeProgram(dir, "sleep0", func(p processor) []byte {
		return binary.LittleEndian.AppendUint64(binary.LittleEndian.AppendUint64(slices.Concat(p.sleep, p.exit), sleepSeconds), 0)
	})
}

func writeProgram(dir, name string, of func(processor) []byte) (path string, err error) {
	p, ok := thisProcessor()
	if !ok || runtime.GOOS != "linux" {
		return "", fmt.Errorf("no program without libc is known for %s/%s", runtime.GOOS, runtime.GOARCH)
	}
	path = filepath.Join(dir, name)
	return path, os.WriteFile(path, elf(of(p), p.machine), 0o700) //nolint:gosec // it is there to be executed
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
