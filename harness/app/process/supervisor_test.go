package process

import (
	"context"
	"errors"
	"os"
	"runtime"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// silentSupervisor is the harness's side of a supervisor whose own side the test plays.
func silentSupervisor(t *testing.T) (s *supervisor, theirs *control) {
	t.Helper()
	ours, file, err := controlPair()
	if err != nil {
		t.Fatal(err)
	}
	if theirs, err = newControl(file); err != nil {
		t.Fatal(err)
	}
	s = &supervisor{
		control: ours, sending: make(chan struct{}, 1), requests: map[int]chan message{}, exits: map[int]chan message{},
		lost: make(chan struct{}), ended: make(chan struct{}),
	}
	go s.listen()
	t.Cleanup(func() {
		ours.close()
		theirs.close()
		<-s.lost
	})
	return s, theirs
}

// stuff sends until the supervisor, which reads nothing, takes no more, not even a byte.
func stuff(t *testing.T, s *supervisor) {
	t.Helper()
	raw, err := s.control.conn.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{maxMessage / 2, 1} {
		part := make([]byte, size)
		for err = nil; err == nil; {
			if failed := raw.Write(func(fd uintptr) bool { err = unix.Send(int(fd), part, unix.MSG_DONTWAIT); return true }); failed != nil {
				t.Fatal(failed)
			}
		}
		if !errors.Is(err, unix.EAGAIN) {
			t.Fatal(err)
		}
	}
}

func TestAskingASilentSupervisorEndsWithTheContext(t *testing.T) {
	for name, prepare := range map[string]func(*testing.T, *supervisor){
		"that does not answer": func(*testing.T, *supervisor) {},
		"that does not read":   stuff,
	} {
		t.Run(name, func(t *testing.T) {
			s, _ := silentSupervisor(t)
			prepare(t, s)
			none, err := devNull()
			if err != nil {
				t.Fatal(err)
			}
			defer none.Close()
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			if _, err := s.spawn(ctx, spawn{Args: []string{"true"}}, none, none, none); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("spawn: %v", err)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			if len(s.exits) > 0 {
				t.Errorf("%d processes are waited for", len(s.exits))
			}
		})
	}
}

// Who sends may have to wait until the supervisor reads, which may wait until we read.
func TestWhatASupervisorSaysIsReadWhileSomebodySends(t *testing.T) {
	s, theirs := silentSupervisor(t)
	stuff(t, s)
	exit := make(chan message, 1)
	s.mu.Lock()
	s.exits[7] = exit
	s.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	asked := make(chan error, 1)
	go func() {
		_, err := s.ask(ctx, message{Op: opSignal, ID: 7})
		asked <- err
	}()
	for held := 0; held == 0; {
		runtime.Gosched()
		held = len(s.sending) // somebody sends now
	}
	if err := theirs.send(message{Op: opExit, ID: 7, Code: 3}); err != nil {
		t.Fatal(err)
	}
	select {
	case m := <-exit:
		if m.Code != 3 {
			t.Errorf("exit code %d", m.Code)
		}
	case err := <-asked:
		t.Errorf("nobody sent: %v", err)
	case <-time.After(10 * time.Second):
		t.Error("nobody reads")
	}
	cancel()
	if err := <-asked; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestEachRequestAboutAProcessGetsItsAnswer(t *testing.T) {
	s, theirs := silentSupervisor(t)
	var asking sync.WaitGroup
	for _, sig := range []unix.Signal{unix.SIGTERM, unix.SIGKILL} {
		asking.Go(func() {
			if err := (&task{supervisor: s, id: 7}).signal(t.Context(), sig); err == nil || err.Error() != unix.SignalName(sig) {
				t.Errorf("the answer to %v is %v", sig, err)
			}
		})
	}
	var asked []received
	for range 2 {
		m, err := theirs.receive()
		if err != nil {
			t.Fatal(err)
		}
		asked = append(asked, m)
	}
	for _, m := range asked { // not before both were asked
		if err := theirs.send(message{Op: opDone, Request: m.Request, Error: unix.SignalName(unix.Signal(m.Signal))}); err != nil {
			t.Fatal(err)
		}
	}
	asking.Wait()
}

// A process whose start nobody waits for any more does not live on.
func TestASpawnThatWasGivenUpIsKilled(t *testing.T) {
	s, theirs := silentSupervisor(t)
	none, err := devNull()
	if err != nil {
		t.Fatal(err)
	}
	defer none.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	given := make(chan error, 1)
	go func() {
		_, err := s.spawn(ctx, spawn{Args: []string{"true"}}, none, none, none)
		given <- err
	}()
	spawned, err := theirs.receive()
	if err != nil || spawned.Op != opSpawn {
		t.Fatalf("%+v, %v", spawned, err)
	}
	spawned.closeFiles()
	cancel()
	if err := <-given; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := theirs.conn.SetReadDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	killed, err := theirs.receive()
	if errors.Is(err, os.ErrDeadlineExceeded) || killed.Op != opSignal || killed.ID != spawned.ID || unix.Signal(killed.Signal) != unix.SIGKILL {
		t.Errorf("%+v, %v", killed, err)
	}
}
