package harness

import (
	"cmp"
	"fmt"
	"os"
	"sync"
)

// MaxLog is how much a run's log file holds.
const MaxLog = 20 << 20

// LogFile is a run's log for people. It takes so many bytes and then says, once,
// that it was cut: an app that writes without end fills no disk.
type LogFile struct {
	mu   sync.Mutex
	file *os.File
	left int64
	cut  bool
}

// OpenLogFile opens the file for appending and makes it if it is missing. max is
// how many bytes it may hold altogether; 0 means MaxLog.
func OpenLogFile(path string, max int64) (*LogFile, error) {
	max = cmp.Or(max, MaxLog)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot open the log: %w", err)
	}
	return &LogFile{file: file, left: max - info.Size()}, nil
}

// Write appends. What does not fit is dropped without an error: the run goes on.
func (l *LogFile) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.cut {
		return len(p), nil
	}
	if int64(len(p)) > l.left {
		l.cut = true
		_, err := fmt.Fprintf(l.file, "%s\n[the log was cut here: it reached its limit]\n", p[:max(l.left, 0)])
		return len(p), err
	}
	n, err := l.file.Write(p)
	l.left -= int64(n)
	return n, err
}

// Close closes the file.
func (l *LogFile) Close() error { return l.file.Close() }
