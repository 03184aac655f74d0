//go:build !linux

package engine_test

import "errors"

func measureBase() error { return errors.New("not on this platform") }
