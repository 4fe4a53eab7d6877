package process

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The variables that tell the supervisor where it is. They hold no secret.
const (
	isolatedEnv = "SEATRIAL_ISOLATED" // set in a sandbox
	controlFD   = 3
)

// supervisorState is what the supervisor knows of the processes that it started.
type supervisorState struct {
	control  *control
	spawns   chan func() // run by the one thread that starts processes
	isolated bool

	mu       sync.Mutex
	children map[int]int // process → the harness's ID for it
	ids      map[int]int // ID → process, until it ended
}

// supervise is the supervisor: it starts what the harness asks for, reaps, and
// ends with everything it started as soon as the harness is gone.
func supervise() error {
	// What the harness inherited from elsewhere goes no further.
	if err := unix.CloseRange(controlFD, ^uint(0), unix.CLOSE_RANGE_CLOEXEC); err != nil {
		return fmt.Errorf("cannot close inherited files: %w", err)
	}
	s := &supervisorState{
		isolated: os.Getenv(isolatedEnv) != "",
		spawns:   make(chan func()),
		children: map[int]int{},
		ids:      map[int]int{},
	}
	unix.Umask(0o022)
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
	if !s.isolated {
		if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
			return fmt.Errorf("cannot adopt orphans: %w", err)
		}
	}
	// Whatever is sent to us is meant for the services, which get it from us. It is
	// caught, not ignored: what is ignored would be ignored by our children too.
	signal.Notify(make(chan os.Signal, 1), unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGQUIT, unix.SIGPIPE)
	dead := make(chan os.Signal, 1)
	signal.Notify(dead, unix.SIGCHLD)

	var err error
	if s.control, err = newControl(os.NewFile(controlFD, "control")); err != nil {
		return err
	}
	defer s.end()
	ready := make(chan error)
	go s.spawner(ready)
	if err := <-ready; err != nil {
		return err
	}
	go s.reaper(dead)
	if err := s.announce(); err != nil {
		return err
	}
	for {
		m, err := s.control.receive()
		if errors.Is(err, io.EOF) || errors.Is(err, unix.ECONNRESET) {
			return nil
		}
		if err != nil {
			return err
		}
		s.handle(m)
		m.closeFiles()
	}
}

// announce says that the supervisor is up and hands over its network.
func (s *supervisorState) announce() error {
	if !s.isolated {
		return s.control.send(message{Op: opReady, PID: os.Getpid()})
	}
	net, err := os.Open("/proc/self/ns/net")
	if err != nil {
		return fmt.Errorf("cannot open the network namespace: %w", err)
	}
	defer net.Close()
	return s.control.send(message{Op: opReady, PID: os.Getpid()}, net)
}

func (s *supervisorState) handle(m received) {
	answer := message{Op: opDone, Request: m.Request}
	switch m.Op {
	case opSpawn:
		if len(m.files) != maxFiles || m.Spawn == nil {
			answer.Error = "the request to start a process is not complete"
			break
		}
		pid, err := s.start(m.ID, *m.Spawn, m.files)
		answer.PID = pid
		if err != nil {
			answer.Error = err.Error()
		}
	case opSignal:
		s.mu.Lock()
		pid, alive := s.ids[m.ID]
		if alive {
			// Under the lock, and so before the number can be given away again.
			if err := unix.Kill(-pid, unix.Signal(m.Signal)); err != nil && !errors.Is(err, unix.ESRCH) {
				answer.Error = err.Error()
			}
		}
		s.mu.Unlock()
	default:
		answer.Error = fmt.Sprintf("%q is not a request", m.Op)
	}
	_ = s.control.send(answer) // a harness that is gone shows in receive
}

// start starts one process in a session of its own.
func (s *supervisorState) start(id int, what spawn, files []*os.File) (int, error) {
	program, err := findProgram(what)
	if err != nil {
		return 0, err
	}
	attr := &syscall.ProcAttr{
		Dir:   what.Dir,
		Env:   what.Env,
		Files: []uintptr{files[0].Fd(), files[1].Fd(), files[2].Fd()},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	}
	if what.UID > 0 {
		attr.Sys.Credential = &syscall.Credential{Uid: uint32(what.UID), Gid: uint32(what.UID)}
	}
	var pid int
	done := make(chan struct{})
	s.spawns <- func() {
		defer close(done)
		s.mu.Lock() // so that the reaper does not meet a child that is not known yet
		defer s.mu.Unlock()
		if pid, err = syscall.ForkExec(program, what.Args, attr); err == nil {
			s.children[pid], s.ids[id] = id, pid
		}
	}
	<-done
	if err != nil {
		return 0, fmt.Errorf("cannot start %s: %w", program, err)
	}
	return pid, nil
}

// findProgram finds what to execute: a path as it is, else in the folder where the
// process starts, else in its own PATH.
func findProgram(s spawn) (string, error) {
	if len(s.Args) == 0 || s.Args[0] == "" {
		return "", errors.New("there is no program to start")
	}
	name := s.Args[0]
	if strings.Contains(name, "/") {
		return name, nil
	}
	search := s.Dir
	for _, entry := range s.Env {
		if value, ok := strings.CutPrefix(entry, "PATH="); ok {
			search += ":" + value
		}
	}
	for _, dir := range filepath.SplitList(search) {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file, nil
		}
	}
	return "", fmt.Errorf("cannot find the program %q: %w", name, exec.ErrNotFound)
}

// reaper collects every child, its own and those that it inherited, and tells the
// harness of those that it asked for.
func (s *supervisorState) reaper(dead <-chan os.Signal) {
	// One signal may stand for several deaths, and one may be missed.
	const again = 200 * time.Millisecond
	tick := time.NewTicker(again)
	defer tick.Stop()
	for {
		for s.reapOne() {
		}
		select {
		case <-dead:
		case <-tick.C:
		}
	}
}

func (s *supervisorState) reapOne() bool {
	s.mu.Lock()
	var status unix.WaitStatus
	pid, err := unix.Wait4(-1, &status, unix.WNOHANG, nil)
	id, known := s.children[pid]
	if pid > 0 {
		delete(s.children, pid)
		if known {
			delete(s.ids, id)
		}
	}
	s.mu.Unlock()
	if err != nil || pid <= 0 {
		return false
	}
	if known {
		m := message{Op: opExit, ID: id, Code: status.ExitStatus()}
		if status.Signaled() {
			m.Signal = int(status.Signal())
		}
		_ = s.control.send(m)
	}
	return true
}

// end takes everything along. In a sandbox the kernel does: it kills the name
// space of a process 1 that exits.
func (s *supervisorState) end() {
	if s.isolated {
		return
	}
	const limit = 10 * time.Second
	killDescendants(os.Getpid(), limit)
}
