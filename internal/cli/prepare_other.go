//go:build unix && !linux

package cli

func keepDescriptors() { keepEach("/dev/fd") }
