package process

import (
	"bufio"
	"errors"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"seatrial/internal/tail"
)

const (
	tailLines = 40       // how much of a log is evidence
	longLine  = 8 << 10  // a longer line is cut into several
	mostKept  = 64 << 10 // of a command's output
	// drainLimit is how long to wait for the last lines of a process that ended:
	// what it left running may hold its output open.
	drainLimit = 500 * time.Millisecond
)

// output reads what processes print, line by line, and keeps the end of it.
type output struct {
	read *os.File
	done chan struct{} // closed at the end of the stream

	mu    sync.Mutex
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
	go o.collect(keepText, line)
	return o, write, nil
}

func (o *output) collect(keepText bool, line func(string)) {
	defer close(o.done)
	in := bufio.NewReaderSize(o.read, longLine)
	for {
		raw, err := in.ReadSlice('\n')
		if len(raw) > 0 {
			text := strings.ToValidUTF8(strings.TrimRight(string(raw), "\r\n"), "\uFFFD")
			o.mu.Lock()
			if len(o.lines) == tailLines {
				o.lines = append(o.lines[:0], o.lines[1:]...)
			}
			o.lines = append(o.lines, text)
			if keepText {
				_, _ = o.text.Write(raw)
			}
			o.mu.Unlock()
			line(text)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			return
		}
	}
}

// drain waits a moment for what was printed last.
func (o *output) drain() {
	select {
	case <-o.done:
	case <-time.After(drainLimit):
	}
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
