package process

import (
	"errors"
	"os"
	"runtime"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/windows"
)

// job is a Job Object: the processes of one tree, and what limits them. It is safe
// for concurrent use; after close it does nothing.
type job struct {
	limits Limits

	mu     sync.Mutex
	handle windows.Handle // 0 once closed
}

// newJob makes a job that ends its processes when its last handle is closed, also
// by the end of this program.
func newJob(l *Limits) (*job, error) {
	handle, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return nil, os.NewSyscallError("CreateJobObject", err)
	}
	j := &job{handle: handle, limits: *l}
	if err := j.bound(windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE); err != nil {
		j.close()
		return nil, err
	}
	return j, nil
}

// set hands one kind of information to the job. It is pinned because the system call
// is given its address as a number, which keeps nothing where it is.
func (j *job) set(class uint32, what unsafe.Pointer, size uintptr) error {
	var pin runtime.Pinner
	pin.Pin(what)
	defer pin.Unpin()
	_, err := windows.SetInformationJobObject(j.handle, class, uintptr(what), uint32(size))
	return os.NewSyscallError("SetInformationJobObject", err)
}

// get asks the job for one kind of information.
func (j *job) get(class int32, what unsafe.Pointer, size uintptr) error {
	var pin runtime.Pinner
	pin.Pin(what)
	defer pin.Unpin()
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.handle == 0 {
		return os.ErrClosed
	}
	return windows.QueryInformationJobObject(j.handle, class, uintptr(what), uint32(size), nil)
}

// terminate ends all processes of the job.
func (j *job) terminate() error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.handle == 0 {
		return os.ErrProcessDone
	}
	return os.NewSyscallError("TerminateJobObject", windows.TerminateJobObject(j.handle, 1))
}

// members are the numbers of the processes in the job.
func (j *job) members() []int {
	const word = int(unsafe.Sizeof(uintptr(0)))
	for room := 64; ; {
		list := make([]byte, 8+room*word)
		err := j.get(windows.JobObjectBasicProcessIdList, unsafe.Pointer(&list[0]), uintptr(len(list)))
		pids, assigned := jobPids(list, word)
		if !errors.Is(err, windows.ERROR_MORE_DATA) || assigned <= room {
			return pids
		}
		room = 2 * assigned
	}
}

// times are the processor time of all that were ever in the job.
func (j *job) times() (user, system time.Duration, ok bool) {
	var a struct { // JOBOBJECT_BASIC_ACCOUNTING_INFORMATION, in units of 100 ns
		user, system, periodUser, periodSystem int64
		faults, processes, active, terminated  uint32
	}
	err := j.get(windows.JobObjectBasicAccountingInformation, unsafe.Pointer(&a), unsafe.Sizeof(a))
	return time.Duration(a.user) * 100, time.Duration(a.system) * 100, err == nil
}

// release closes the job and lets the processes live that are in it.
func (j *job) release() {
	j.mu.Lock()
	_ = j.bound(0)
	j.mu.Unlock()
	j.close()
}

// close closes the job, and ends the processes that are in it.
func (j *job) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	_ = windows.CloseHandle(j.handle)
	j.handle = 0
}
