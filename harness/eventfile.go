package harness

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"

	"seatrial/harness/run"
)

// EventFile appends events to a file, a line of JSON each. An event is on the disk
// when Append returns. Who reads along sees whole lines or the beginning of one.
type EventFile struct {
	mu   sync.Mutex
	file *os.File
	size int64
}

// OpenEventFile opens the file and makes it if it is missing. A line that a crash
// cut short is removed: that event never happened.
func OpenEventFile(path string) (*EventFile, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot open the events: %w", err)
	}
	f := &EventFile{file: file}
	if f.size, err = wholeLines(file); err == nil {
		err = file.Truncate(f.size)
	}
	if err != nil {
		file.Close()
		return nil, fmt.Errorf("cannot open the events: %w", err)
	}
	return f, nil
}

// wholeLines is the length of the file without a last line that has no end.
func wholeLines(r io.Reader) (int64, error) {
	lines, size := bufio.NewReader(r), int64(0)
	for {
		part, err := lines.ReadSlice('\n')
		switch {
		case err == nil:
			size += int64(len(part))
		case errors.Is(err, bufio.ErrBufferFull):
			rest, err := lines.ReadBytes('\n')
			if err == io.EOF {
				return size, nil
			} else if err != nil {
				return 0, err
			}
			size += int64(len(part) + len(rest))
		case err == io.EOF:
			return size, nil
		default:
			return 0, err
		}
	}
}

// Append writes one event. After an error the file ends with the event before it.
func (f *EventFile) Append(e run.Event) error {
	line, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("cannot encode event %d: %w", e.Seq, err)
	}
	line = append(line, '\n')
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, err := f.file.Write(line); err != nil {
		return errors.Join(fmt.Errorf("cannot write event %d: %w", e.Seq, err), f.file.Truncate(f.size))
	}
	f.size += int64(len(line))
	if err := f.file.Sync(); err != nil {
		return fmt.Errorf("cannot write event %d to the disk: %w", e.Seq, err)
	}
	return nil
}

// Close closes the file.
func (f *EventFile) Close() error { return f.file.Close() }
