package process

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// op says what a message between harness and supervisor is about.
type op string

const (
	opReady  op = "ready"  // supervisor: it is up. Isolated, its network namespace comes along
	opSpawn  op = "spawn"  // harness: start this; standard input, output and error come along
	opDone   op = "done"   // supervisor: the request was carried out, or Error says why not
	opSignal op = "signal" // harness: send Signal to the process group of ID
	opExit   op = "exit"   // supervisor: the process of ID ended
)

// message is one packet on the control socket.
type message struct {
	Op      op     `json:"op"`
	Request int    `json:"request,omitempty"` // the request's number, also in its answer
	ID      int    `json:"id,omitempty"`      // of a process
	Spawn   *spawn `json:"spawn,omitempty"`
	PID     int    `json:"pid,omitempty"` // as the supervisor counts
	Signal  int    `json:"signal,omitempty"`
	Code    int    `json:"code,omitempty"` // of an exit; -1 if a signal ended it
	Error   string `json:"error,omitempty"`
}

// spawn is one process to start.
type spawn struct {
	Args []string `json:"args"`
	Env  []string `json:"env"`
	Dir  string   `json:"dir"`
	UID  int      `json:"uid,omitempty"` // 0: as the supervisor
}

const (
	// maxMessage bounds a packet: an environment and arguments.
	maxMessage = 512 << 10
	maxFiles   = 3
)

// control is one end of the socket between harness and supervisor. Each packet is
// one message, with the descriptors that belong to it.
type control struct {
	conn *net.UnixConn
	buf  []byte
}

// controlPair makes both ends; the second is for the supervisor to inherit.
func controlPair() (*control, *os.File, error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("cannot make a control socket: %w", err)
	}
	for _, fd := range fds {
		// Only root may go beyond the system's limit; the plain limit does for others.
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 2*maxMessage) != nil {
			_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 2*maxMessage)
		}
	}
	// So each packet says which process sent it, in our own counting.
	if err := unix.SetsockoptInt(fds[0], unix.SOL_SOCKET, unix.SO_PASSCRED, 1); err != nil {
		unix.Close(fds[0])
		unix.Close(fds[1])
		return nil, nil, fmt.Errorf("cannot make a control socket: %w", err)
	}
	theirs := os.NewFile(uintptr(fds[1]), "control")
	ours, err := newControl(os.NewFile(uintptr(fds[0]), "control"))
	if err != nil {
		theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// newControl takes the file over.
func newControl(f *os.File) (*control, error) {
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return nil, fmt.Errorf("cannot use the control socket: %w", err)
	}
	unixConn, ok := conn.(*net.UnixConn)
	if !ok {
		conn.Close()
		return nil, errors.New("cannot use the control socket: it is not a Unix socket")
	}
	return &control{conn: unixConn, buf: make([]byte, maxMessage)}, nil
}

func (c *control) send(m message, files ...*os.File) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(packet) > maxMessage {
		return fmt.Errorf("a message of %d bytes is longer than the %d that are possible: use fewer variables and arguments", len(packet), maxMessage)
	}
	var rights []byte
	if len(files) > 0 {
		fds := make([]int, len(files))
		for i, f := range files {
			fds[i] = int(f.Fd())
		}
		rights = unix.UnixRights(fds...)
	}
	_, _, err = c.conn.WriteMsgUnix(packet, rights, nil)
	return err
}

// received is one message with what came along.
type received struct {
	message
	files  []*os.File
	sender int // the sending process, where the socket asks for it
}

func (r *received) closeFiles() {
	for _, f := range r.files {
		f.Close()
	}
}

// receive waits for one message. Its error is io.EOF when the other side is gone.
func (c *control) receive() (received, error) {
	oob := make([]byte, unix.CmsgSpace(4*maxFiles)+unix.CmsgSpace(unix.SizeofUcred))
	n, oobn, _, _, err := c.conn.ReadMsgUnix(c.buf, oob)
	if err != nil {
		return received{}, err
	}
	var r received
	parts, err := unix.ParseSocketControlMessage(oob[:oobn])
	if err != nil {
		return received{}, fmt.Errorf("cannot read a control message: %w", err)
	}
	for _, part := range parts {
		if fds, err := unix.ParseUnixRights(&part); err == nil {
			for _, fd := range fds {
				unix.CloseOnExec(fd)
				r.files = append(r.files, os.NewFile(uintptr(fd), "passed"))
			}
		} else if cred, err := unix.ParseUnixCredentials(&part); err == nil {
			r.sender = int(cred.Pid)
		}
	}
	if err := json.Unmarshal(c.buf[:n], &r.message); err != nil {
		r.closeFiles()
		return received{}, fmt.Errorf("cannot read a control message: %w", err)
	}
	return r, nil
}

func (c *control) close() error { return c.conn.Close() }
