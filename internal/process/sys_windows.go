package process

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"
)

// containment is how this system holds a tree.
const containment = InJob

// errNotStronger is none: a job is the strongest there is.
var errNotStronger error

// tree is a process's job.
type tree struct {
	*job
	// leader keeps the leader's number from being given to another process, and so
	// that of its console group.
	leader windows.Handle
}

// bear starts the process suspended, puts it into a job of its own and lets it go:
// what it starts in its first moment is in the job.
func (p *Process) bear(s *Spec, files []*os.File) error {
	attributes, path, err := s.attributes(files)
	if err != nil {
		return err
	}
	p.tree.job, err = newJob(&s.Limits)
	if err != nil {
		return err
	}
	if p.os, err = os.StartProcess(path, s.Args, attributes); err != nil {
		p.tree.close()
		return err
	}
	if err = p.confine(); err == nil {
		err = resume(uint32(p.os.Pid))
	}
	if err != nil {
		_ = p.os.Kill()
		_, _ = p.os.Wait()
		p.tree.close()
		_ = windows.CloseHandle(p.tree.leader)
	}
	return err
}

// attributes says how the process is started, and what: cmd.exe for a batch file.
func (s *Spec) attributes(files []*os.File) (*os.ProcAttr, string, error) {
	sys := &syscall.SysProcAttr{CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_SUSPENDED}
	path := s.Path
	if IsBatch(path) {
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.Dir, path)
		}
		line, err := BatchLine(path, s.Args[1:])
		if err != nil {
			return nil, "", err
		}
		system, err := windows.GetSystemDirectory()
		if err != nil {
			return nil, "", fmt.Errorf("find cmd.exe: %w", err)
		}
		sys.CmdLine, path = line, filepath.Join(system, "cmd.exe")
	}
	return &os.ProcAttr{Dir: s.Dir, Env: s.environment(), Files: files, Sys: sys}, path, nil
}

// confine puts the process, which does not run yet, into its job.
func (p *Process) confine() (err error) {
	e := p.os.WithHandle(func(handle uintptr) {
		if err = windows.AssignProcessToJobObject(p.tree.handle, windows.Handle(handle)); err != nil {
			err = os.NewSyscallError("AssignProcessToJobObject", err)
			return
		}
		own := windows.CurrentProcess()
		err = os.NewSyscallError("DuplicateHandle",
			windows.DuplicateHandle(own, windows.Handle(handle), own, &p.tree.leader, 0, false, windows.DUPLICATE_SAME_ACCESS))
	})
	return errors.Join(e, err)
}

// resume lets the threads of a process run: one, where nobody else put another into
// it. [os.StartProcess] keeps no handle of it, so it is looked up.
func resume(pid uint32) error {
	all, err := windows.CreateToolhelp32Snapshot(windows.TH32CS_SNAPTHREAD, 0)
	if err != nil {
		return os.NewSyscallError("CreateToolhelp32Snapshot", err)
	}
	defer func() { _ = windows.CloseHandle(all) }()
	thread := windows.ThreadEntry32{Size: uint32(unsafe.Sizeof(windows.ThreadEntry32{}))}
	resumed := 0
	for err = windows.Thread32First(all, &thread); err == nil; err = windows.Thread32Next(all, &thread) {
		if thread.OwnerProcessID != pid {
			continue
		}
		if err := resumeThread(thread.ThreadID); err != nil {
			return err
		}
		resumed++
	}
	if !errors.Is(err, windows.ERROR_NO_MORE_FILES) {
		return os.NewSyscallError("Thread32Next", err)
	}
	if resumed == 0 {
		return fmt.Errorf("resume process %d: it has no thread", pid)
	}
	return nil
}

func resumeThread(id uint32) error {
	thread, err := windows.OpenThread(windows.THREAD_SUSPEND_RESUME, false, id)
	if err != nil {
		return os.NewSyscallError("OpenThread", err)
	}
	defer func() { _ = windows.CloseHandle(thread) }()
	_, err = windows.ResumeThread(thread)
	return os.NewSyscallError("ResumeThread", err)
}

// signal ends the job by SIGKILL. Every other signal is CTRL_BREAK to the leader's
// console group, which only who shares a console with us hears. Callers hold p.mu.
func (p *Process) signal(sig syscall.Signal) error {
	if sig == syscall.SIGKILL {
		return p.tree.terminate()
	}
	if len(p.tree.members()) == 0 {
		return os.ErrProcessDone // the console might take a group without members for all
	}
	if err := windows.GenerateConsoleCtrlEvent(windows.CTRL_BREAK_EVENT, uint32(p.os.Pid)); err != nil {
		return fmt.Errorf("%w: %w", ErrNoSignal, err)
	}
	return nil
}

// signalLeader is as signal: the console knows groups only.
func (p *Process) signalLeader(sig syscall.Signal) error { return p.signal(sig) }

func (p *Process) exitState(s *os.ProcessState) State {
	state := State{Code: s.ExitCode(), Usage: Usage{UserTime: s.UserTime(), SystemTime: s.SystemTime()}}
	if user, system, ok := p.tree.times(); ok {
		state.Usage.UserTime, state.Usage.SystemTime = user, system
	}
	return state
}
