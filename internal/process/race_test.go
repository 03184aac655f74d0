//go:build race

package process_test

// raceDetector says that the C library is linked in, for the race detector.
const raceDetector = true
