package process

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
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
	// signalLimit is how long a supervisor may take to pass a kill on.
	signalLimit = 5 * time.Second
)

// errSupervisorLost says that the supervisor ended without being asked to. With it
// everything that it had started is gone.
var errSupervisorLost = errors.New("the app's supervisor ended")

// supervisor is the harness's side of one supervisor process.
type supervisor struct {
	control *control
	cmd     *exec.Cmd
	pid     int      // as this process counts
	network *os.File // isolated: the namespace
	words   *lastWords
	sending chan struct{} // full while somebody sends

	mu       sync.Mutex // never held while something is sent: the reader needs it
	nextID   int        // of requests and of processes
	requests map[int]chan message
	exits    map[int]chan message
	lost     chan struct{} // closed when the socket has reached its end
	ended    chan struct{} // closed when the process has ended
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
		sending: make(chan struct{}, 1), requests: map[int]chan message{}, exits: map[int]chan message{},
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
			if c := s.requests[m.Request]; c != nil {
				delete(s.requests, m.Request)
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

// ask sends one request and waits for its answer, no longer than ctx lasts.
func (s *supervisor) ask(ctx context.Context, m message, files ...*os.File) (message, error) {
	answer := make(chan message, 1)
	s.mu.Lock()
	s.nextID++
	m.Request = s.nextID
	s.requests[m.Request] = answer
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.requests, m.Request)
		s.mu.Unlock()
	}()
	if err := s.send(ctx, m, files...); err != nil {
		return message{}, err
	}
	select {
	case reply := <-answer:
		if reply.Error != "" {
			return reply, errors.New(reply.Error)
		}
		return reply, nil
	case <-ctx.Done():
		return message{}, ctx.Err()
	case <-s.lost:
		return message{}, errSupervisorLost
	}
}

// send sends one message. A supervisor that does not read makes it wait until ctx ends.
func (s *supervisor) send(ctx context.Context, m message, files ...*os.File) error {
	select {
	case s.sending <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	case <-s.lost:
		return errSupervisorLost
	}
	defer func() { <-s.sending }()
	interrupted := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		_ = s.control.conn.SetWriteDeadline(time.Unix(1, 0))
		close(interrupted)
	})
	err := s.control.send(m, files...)
	if !stop() {
		<-interrupted
		_ = s.control.conn.SetWriteDeadline(time.Time{})
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ctx.Err()
	case errors.Is(err, unix.EPIPE), errors.Is(err, unix.ECONNRESET), errors.Is(err, net.ErrClosed):
		return errSupervisorLost
	case err != nil:
		return fmt.Errorf("cannot reach the app's supervisor: %w", err)
	}
	return nil
}

// task is one process that a supervisor started.
type task struct {
	supervisor *supervisor
	id         int
	pid        int // as the supervisor counts
	exit       <-chan message
}

// spawn starts a process. The files stay the caller's to close. What was started although
// ctx had ended is killed.
func (s *supervisor) spawn(ctx context.Context, what spawn, stdin, stdout, stderr *os.File) (*task, error) {
	exit := make(chan message, 1)
	s.mu.Lock()
	s.nextID++
	t := &task{supervisor: s, id: s.nextID, exit: exit}
	s.exits[t.id] = exit
	s.mu.Unlock()
	reply, err := s.ask(ctx, message{Op: opSpawn, ID: t.id, Spawn: &what}, stdin, stdout, stderr)
	if err != nil {
		s.mu.Lock()
		delete(s.exits, t.id)
		s.mu.Unlock()
		if ctx.Err() != nil {
			go t.kill() // requests are carried out in order: after the spawn, if that was sent
		}
		return nil, err
	}
	t.pid = reply.PID
	return t, nil
}

// signal sends a signal to the task's process group, if the task still runs.
func (t *task) signal(ctx context.Context, sig unix.Signal) error {
	_, err := t.supervisor.ask(ctx, message{Op: opSignal, ID: t.id, Signal: int(sig)})
	if errors.Is(err, errSupervisorLost) {
		return nil
	}
	return err
}

// kill kills the task's process group. It is for when a context has ended; a supervisor
// that does not answer takes its processes along when it is closed.
func (t *task) kill() {
	ctx, cancel := context.WithTimeout(context.Background(), signalLimit)
	defer cancel()
	_ = t.signal(ctx, unix.SIGKILL)
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
