package process

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/internal/tail"
)

const (
	tailLines = 40       // how much of a log is evidence
	mostKept  = 64 << 10 // of a command's output
	// drainLimit is for what never stops printing into an output that it took over.
	drainLimit = 10 * time.Second
	drainEvery = 5 * time.Millisecond
)

// output reads what processes print, line by line, and keeps the end of it.
type output struct {
	read *os.File
	raw  syscall.RawConn
	done chan struct{} // closed at the end of the stream

	mu    sync.Mutex // held from the read on, so that what was read is kept
	lines []string
	text  tail.Buffer // if asked for
}

// newOutput makes an output and the file that processes write to. The caller
// closes that file when it has been passed on.
func newOutput(keepText bool, line func(string)) (*output, *os.File, error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	o := &output{read: read, done: make(chan struct{}), text: tail.Buffer{Max: mostKept}}
	if o.raw, err = read.SyscallConn(); err != nil {
		return nil, nil, errors.Join(err, read.Close(), write.Close())
	}
	go o.collect(keepText, line)
	return o, write, nil
}

func (o *output) collect(keepText bool, line func(string)) {
	defer close(o.done)
	var fresh []string
	split := app.Lines{Say: func(text string) { fresh = append(fresh, text) }}
	say := func() {
		for _, text := range fresh {
			line(text)
		}
		fresh = fresh[:0]
	}
	part := make([]byte, 32<<10)
	for {
		n := 0
		err := o.raw.Read(func(fd uintptr) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			var err error
			for n, err = unix.Read(int(fd), part); errors.Is(err, unix.EINTR); n, err = unix.Read(int(fd), part) {
			}
			if errors.Is(err, unix.EAGAIN) {
				return false
			}
			if n = max(n, 0); keepText {
				_, _ = o.text.Write(part[:n])
			}
			_, _ = split.Write(part[:n])
			o.keep(fresh)
			return true
		})
		say()
		if err != nil || n == 0 {
			break
		}
	}
	split.Flush()
	o.mu.Lock()
	o.keep(fresh)
	o.mu.Unlock()
	say()
}

// keep keeps the last lines.
func (o *output) keep(fresh []string) {
	o.lines = append(o.lines, fresh...)
	o.lines = slices.Delete(o.lines, 0, max(0, len(o.lines)-tailLines))
}

// drain waits until all is kept that was printed before: by a process that has ended,
// whatever it left running holds its output open.
func (o *output) drain() {
	for began := time.Now(); time.Since(began) < drainLimit; {
		if o.empty() {
			return
		}
		select {
		case <-o.done:
			return
		case <-time.After(drainEvery):
		}
	}
}

// empty says whether nothing waits to be read.
func (o *output) empty() (empty bool) {
	err := o.raw.Control(func(fd uintptr) {
		o.mu.Lock()
		defer o.mu.Unlock()
		waits, err := unix.IoctlGetInt(int(fd), unix.TIOCINQ)
		empty = err == nil && waits == 0
	})
	return empty || err != nil
}

// close stops reading.
func (o *output) close() {
	o.read.Close()
	<-o.done
}

func (o *output) tail() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]string(nil), o.lines...)
}

func (o *output) kept() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// devNull is the standard input of what gets none.
func devNull() (*os.File, error) { return os.OpenFile(os.DevNull, os.O_RDWR, 0) }

// feed makes a file from which a process reads what r gives. stop ends the feeding
// and may be called before the process has read all.
func feed(r io.Reader) (file *os.File, wait func() error, stop func(), err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, nil, nil, err
	}
	result := make(chan error, 1)
	go func() {
		_, err := io.Copy(write, r)
		result <- errors.Join(err, write.Close())
	}()
	return read, func() error { return <-result }, func() { write.Close() }, nil
}
