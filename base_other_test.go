//go:build !linux

package engine_test

import "errors"

var errElsewhere = errors.New("not on this platform")

func measureBase() error { return errElsewhere }
func churn() error       { return errElsewhere }
func runTen() error      { return errElsewhere }
