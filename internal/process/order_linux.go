package process

import (
	"encoding/json"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// The protocol between us and a reaper, over a socket that keeps packets apart.
// Each packet is JSON. The reaper says hello with an empty report, and gets an
// order, whose text is in a file that comes with the packet because it can be
// larger than one, as do the descriptors of the command. It reports the start; from
// then on it gets wishes and reports the exit. The end of the socket on our side
// says that we are gone.

// orderVersion is for a reaper of another make, which there cannot be as long as it
// is the same file executed again.
const orderVersion = 1

// order is a birth that is passed on: what is a string there is bytes here, because
// it need not be UTF-8.
type order struct {
	Version         int
	Path, Dir       []byte
	Args, Env       [][]byte
	Mark            []byte
	Session         bool
	Terminal        bool // stdin is to control it
	Ignored         []syscall.Signal
	Limits          []rlimit
	NoNewPrivileges bool
	Portable        bool // no raw spawn
	Stdin           bool // one comes with the descriptors; else it is a closed file
}

// orderOf and birth are the one place where something new about a birth passes on
// to the reaper.
func orderOf(s *Spec, b *birth, portable bool) *order {
	limits := b.rlimits
	if !portable {
		limits.inherit()
	}
	return &order{
		Version: orderVersion, Path: []byte(s.Path), Dir: []byte(s.Dir),
		Args: bytesOf(s.Args), Env: bytesOf(s.Env), Mark: []byte(s.Mark),
		Session: b.session, Terminal: s.Terminal != nil, Ignored: nowIgnored(),
		Portable: portable, Limits: limits.list[:limits.used], NoNewPrivileges: b.noNewPrivileges, Stdin: b.files[0] >= 0,
	}
}

// birth takes the descriptors in the order in which sendOrder sends them. What the
// reaper was born without, blocked signals and favour, it need not take away.
func (o *order) birth(files []int) (*Spec, *birth) {
	s := &Spec{
		Path: string(o.Path), Dir: string(o.Dir),
		Args: stringsOf(o.Args), Env: stringsOf(o.Env), Mark: string(o.Mark),
	}
	if o.Terminal {
		s.Terminal = new(Size)
	}
	b := &birth{session: o.Session, group: -1, noNewPrivileges: o.NoNewPrivileges}
	for _, l := range o.Limits {
		b.rlimits.add(l.What, l.Limit)
	}
	b.files[0] = -1
	if o.Stdin {
		b.files[0], files = files[0], files[1:]
	}
	b.files[1], b.files[2], b.enter = files[0], files[1], files[2:]
	return s, b
}

func bytesOf(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, text := range texts {
		all[i] = []byte(text)
	}
	return all
}

func stringsOf(texts [][]byte) []string {
	all := make([]string, len(texts))
	for i, text := range texts {
		all[i] = string(text)
	}
	return all
}

// report is what a reaper says.
type report struct {
	Version int
	Pid     int           `json:",omitempty"` // of the leader that was started
	Refused syscall.Errno `json:",omitempty"` // why none was
	Exited  *State        `json:",omitempty"` // how the leader ended
	Left    bool          `json:",omitempty"` // others live
}

func readReport(text []byte) (*report, error) {
	r := new(report)
	if err := json.Unmarshal(text, r); err != nil {
		return nil, err
	}
	if r.Version != orderVersion {
		return nil, errOtherVersion
	}
	return r, nil
}

// wish is what a reaper is asked for.
type wish struct {
	Signal syscall.Signal `json:",omitempty"` // for the leader's group
	Leader bool           `json:",omitempty"` // for the leader alone
	Leave  bool           `json:",omitempty"` // go, and leave alone who lives
}

// maxPacket is longer than any report or wish.
const maxPacket = 4 << 10

// sendPacket never waits: there is room for far more than is ever under way.
func sendPacket(fd int, what any, files ...int) error {
	text, err := json.Marshal(what)
	if err != nil {
		return err
	}
	var rights []byte
	if len(files) > 0 {
		rights = unix.UnixRights(files...)
	}
	return ignoringEINTR(func() error {
		return unix.Sendmsg(fd, text, rights, nil, unix.MSG_NOSIGNAL|unix.MSG_DONTWAIT)
	})
}

// sendOrder sends an order and the descriptors that go with it.
func sendOrder(fd int, o *order, b *birth) error {
	text, err := json.Marshal(o)
	if err != nil {
		return err
	}
	memory, err := unix.MemfdCreate("order", unix.MFD_CLOEXEC)
	if err != nil {
		return os.NewSyscallError("memfd_create", err)
	}
	file := os.NewFile(uintptr(memory), "order")
	defer func() { _ = file.Close() }() // the reaper has it, or nobody needs it
	if _, err := file.Write(text); err != nil {
		return err
	}
	files := []int{memory}
	if o.Stdin {
		files = append(files, b.files[0])
	}
	return sendPacket(fd, wish{}, append(append(files, b.files[1:]...), b.enter...)...)
}

// With an order come its text, stdin where there is one, stdout, stderr, and a cgroup
// for each resource that is limited.
const (
	leastFiles = 3
	maxFiles   = 4 + 3
)

var (
	errNoOrder      = errors.New("no order came")
	errOtherVersion = errors.New("the reaper is of another version")
)

// receiveOrder waits for an order and the descriptors of the command.
func receiveOrder(socket *os.File) (o *order, files []int, err error) {
	raw, err := socket.SyscallConn()
	if err != nil {
		return nil, files, err
	}
	text, rights := make([]byte, maxPacket), make([]byte, unix.CmsgSpace(maxFiles*4))
	var n, size int
	var failed error
	err = raw.Read(func(fd uintptr) bool {
		n, size, _, _, failed = unix.Recvmsg(int(fd), text, rights, unix.MSG_CMSG_CLOEXEC)
		return !errors.Is(failed, unix.EAGAIN) && !errors.Is(failed, unix.EINTR)
	})
	if err = errors.Join(err, failed); err != nil || n == 0 {
		return nil, files, errors.Join(errNoOrder, err)
	}
	messages, err := unix.ParseSocketControlMessage(rights[:size])
	if err != nil || len(messages) != 1 {
		return nil, files, errors.Join(errNoOrder, err)
	}
	got, err := unix.ParseUnixRights(&messages[0])
	if err != nil || len(got) < leastFiles {
		return nil, files, errors.Join(errNoOrder, err)
	}
	if o, err = readOrder(got[0]); err != nil {
		return nil, files, err
	}
	if o.Stdin && len(got) == leastFiles {
		return nil, files, errNoOrder
	}
	return o, got[1:], nil
}

func readOrder(memory int) (*order, error) {
	file := os.NewFile(uintptr(memory), "order")
	defer func() { _ = file.Close() }()
	stat, err := file.Stat()
	if err != nil {
		return nil, err
	}
	text := make([]byte, stat.Size())
	if _, err := file.ReadAt(text, 0); err != nil {
		return nil, err
	}
	o := new(order)
	if err := json.Unmarshal(text, o); err != nil {
		return nil, err
	}
	if o.Version != orderVersion {
		return nil, errOtherVersion
	}
	return o, nil
}
