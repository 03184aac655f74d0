package main

// Main is the program, for tests.
var Main = main
