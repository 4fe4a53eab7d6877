package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	// startLimit is how long a supervisor may take to say that it is up: a busy
	// machine needs seconds, a hanging one must not hold a run.
	startLimit = 30 * time.Second
	// endLimit is how long killing everything may take.
	endLimit = 15 * time.Second
)

// errSupervisorLost says that the supervisor ended without being asked to. With it
// everything that it had started is gone.
var errSupervisorLost = errors.New("the app's supervisor ended")

// supervisor is the harness's side of one supervisor process.
type supervisor struct {
	control *control
	cmd     *exec.Cmd
	pid     int      // as this process counts
	network *os.File // isolated: the name space
	words   *lastWords

	mu      sync.Mutex
	nextID  int
	waiting map[int]chan message // answers to requests
	exits   map[int]chan message
	lost    chan struct{} // closed when the socket has reached its end
	ended   chan struct{} // closed when the process has ended
}

// startSupervisor brings one up with the given view of the run's folder, in the
// given cgroup where there is one.
func (a *App) startSupervisor(ctx context.Context, v view, g *group) (*supervisor, error) {
	s, err := a.launch(v)
	if err != nil {
		return nil, fmt.Errorf("cannot start the app's supervisor: %w", err)
	}
	if err := s.await(ctx, g); err != nil {
		s.close()
		if said := s.words.String(); said != "" {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, fmt.Errorf("cannot start the app's supervisor: %w", err)
	}
	go s.listen()
	return s, nil
}

func (a *App) launch(v view) (*supervisor, error) {
	cmd, err := a.command(v)
	if err != nil {
		return nil, err
	}
	ours, theirs, err := controlPair()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	cmd.ExtraFiles = []*os.File{theirs}
	if a.cfg.Isolate {
		rules, err := filterFile()
		if err != nil {
			ours.close()
			return nil, err
		}
		defer rules.Close()
		cmd.ExtraFiles = append(cmd.ExtraFiles, rules)
	}
	s := &supervisor{
		control: ours, cmd: cmd, words: &lastWords{},
		waiting: map[int]chan message{}, exits: map[int]chan message{},
		lost: make(chan struct{}), ended: make(chan struct{}),
	}
	cmd.Stderr = s.words
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		ours.close()
		return nil, err
	}
	go func() {
		_ = cmd.Wait() // how it ended shows in its last words and in the socket
		close(s.ended)
	}()
	return s, nil
}

// await waits for the first message, and puts the supervisor into the cgroup
// before it starts anything.
func (s *supervisor) await(ctx context.Context, g *group) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = s.control.conn.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	m, err := s.control.receive()
	if err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		select {
		case <-s.ended: // its last words say why
		case <-time.After(time.Second):
		}
		return errSupervisorLost
	}
	if m.Op != opReady || m.sender <= 0 {
		m.closeFiles()
		return fmt.Errorf("the supervisor's first word was %q", m.Op)
	}
	s.pid = m.sender
	if len(m.files) > 0 {
		s.network = m.files[0]
	}
	if g != nil {
		return g.add(s.pid)
	}
	return nil
}

func (s *supervisor) listen() {
	defer close(s.lost)
	for {
		m, err := s.control.receive()
		if err != nil {
			return
		}
		m.closeFiles()
		s.mu.Lock()
		switch m.Op {
		case opDone:
			if c := s.waiting[m.ID]; c != nil {
				delete(s.waiting, m.ID)
				c <- m.message
			}
		case opExit:
			if c := s.exits[m.ID]; c != nil {
				delete(s.exits, m.ID)
				c <- m.message
			}
		}
		s.mu.Unlock()
	}
}

// ask sends one request and waits for its answer.
func (s *supervisor) ask(m message, files ...*os.File) (message, error) {
	answer := make(chan message, 1)
	s.mu.Lock()
	s.waiting[m.ID] = answer
	err := s.control.send(m, files...)
	s.mu.Unlock()
	if errors.Is(err, unix.EPIPE) || errors.Is(err, unix.ECONNRESET) || errors.Is(err, os.ErrClosed) {
		return message{}, errSupervisorLost
	}
	if err != nil {
		return message{}, fmt.Errorf("cannot reach the app's supervisor: %w", err)
	}
	select {
	case reply := <-answer:
		if reply.Error != "" {
			return reply, errors.New(reply.Error)
		}
		return reply, nil
	case <-s.lost:
		return message{}, errSupervisorLost
	}
}

// task is one process that a supervisor started.
type task struct {
	supervisor *supervisor
	id         int
	pid        int // as the supervisor counts
	exit       <-chan message
}

// spawn starts a process. The files stay the caller's to close.
func (s *supervisor) spawn(what spawn, stdin, stdout, stderr *os.File) (*task, error) {
	exit := make(chan message, 1)
	s.mu.Lock()
	s.nextID++
	id := s.nextID
	s.exits[id] = exit
	s.mu.Unlock()
	reply, err := s.ask(message{Op: opSpawn, ID: id, Spawn: &what}, stdin, stdout, stderr)
	if err != nil {
		s.mu.Lock()
		delete(s.exits, id)
		s.mu.Unlock()
		return nil, err
	}
	return &task{supervisor: s, id: id, pid: reply.PID, exit: exit}, nil
}

// signal sends a signal to the task's process group, if the task still runs.
func (t *task) signal(sig unix.Signal) error {
	_, err := t.supervisor.ask(message{Op: opSignal, ID: t.id, Signal: int(sig)})
	if errors.Is(err, errSupervisorLost) {
		return nil
	}
	return err
}

// close ends the supervisor and everything that it started, and waits until all of
// it is gone. It may be called again.
func (s *supervisor) close() {
	_ = s.control.close()
	if s.network != nil {
		_ = s.network.Close()
	}
	select {
	case <-s.ended:
		return
	case <-time.After(endLimit):
	}
	// It should have ended by itself. What it started is then found by its marks.
	if s.pid > 0 {
		_ = unix.Kill(s.pid, unix.SIGKILL)
	}
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// lastWords keeps the beginning of what a supervisor says: nothing, if all is well.
type lastWords struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (w *lastWords) Write(p []byte) (int, error) {
	const most = 4 << 10
	w.mu.Lock()
	defer w.mu.Unlock()
	if room := most - w.buf.Len(); room > 0 {
		w.buf.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(bytes.TrimSpace(w.buf.Bytes()))
}
