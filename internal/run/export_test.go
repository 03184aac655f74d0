package run

import "time"

// Alarms is alarms for tests.
type Alarms struct{ alarms }

// bell is a run that only rings.
type bell func()

func (b bell) tick() { b() }

// NewAlarm makes an alarm.
func NewAlarm(ring func()) *alarm { return &alarm{run: bell(ring)} }

// Set sets a.
func (s *Alarms) Set(a *alarm, at time.Time) { s.set(a, at) }

// Clear takes a out.
func (s *Alarms) Clear(a *alarm) { s.clear(a) }

// Stop ends the timer.
func (s *Alarms) Stop() { s.stop() }
