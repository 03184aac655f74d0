package process

import "golang.org/x/sys/unix"

// zombieState is SZOMB of sys/proc.h.
const zombieState = 5

// everybody is the system's table of processes; empty where it cannot be read.
func everybody() (all []kin) {
	table, err := unix.SysctlKinfoProcSlice("kern.proc.all")
	if err != nil {
		return nil
	}
	for i := range table {
		k := &table[i]
		pid := int(k.Proc.P_pid)
		session, err := unix.Getsid(pid)
		if err != nil {
			session = 0 // it has gone, or may not be asked
		}
		all = append(all, kin{
			pid: pid, parent: int(k.Eproc.Ppid), group: int(k.Eproc.Pgid), session: session,
			born: k.Proc.P_starttime.Nano(), zombie: k.Proc.P_stat == zombieState,
			command: unix.ByteSliceToString(k.Proc.P_comm[:]),
		})
	}
	return all
}

// bornAt is when a process was born, as everybody says it; 0: nobody knows.
func bornAt(pid int) int64 {
	k, err := unix.SysctlKinfoProc("kern.proc.pid", pid)
	if err != nil {
		return 0
	}
	return k.Proc.P_starttime.Nano()
}
