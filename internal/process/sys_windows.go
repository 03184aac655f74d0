package process

import (
	"errors"
	"os"
	"syscall"
)

var textBusy = errors.New("text busy: not an error of this system")

func ownGroup(bool) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{CreationFlags: syscall.CREATE_NEW_PROCESS_GROUP}
}

// signalGroup ends the process: there is no other signal here, and no group
// without a Job Object.
func signalGroup(p *os.Process, _ syscall.Signal) error { return p.Kill() }

func signalOne(p *os.Process, _ syscall.Signal) error { return p.Kill() }

func exitState(s *os.ProcessState) State {
	return State{Code: s.ExitCode(), Usage: Usage{UserTime: s.UserTime(), SystemTime: s.SystemTime()}}
}
