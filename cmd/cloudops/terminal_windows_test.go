package main_test

import "github.com/rogpeppe/go-internal/testscript"

func talk(ts *testscript.TestScript, _ bool, _ []string) { ts.Fatalf("there are no terminals here") }
