package harness

import (
	"fmt"
	"sync"
	"time"
)

// keptLines is how many of the app's last lines are at hand as evidence.
const keptLines = 200

// lines takes what the app writes: into the log, and the last ones as evidence.
type lines struct {
	*recorder
	mu   sync.Mutex
	kept []string
}

// add takes one line. It is safe for concurrent use: every service has a stream of its own.
func (l *lines) add(source, line string) {
	line = shorten(line, longestLine*4)
	l.touch("a line of " + source)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.kept = append(l.kept, source+": "+shorten(line, longestLine))
	if len(l.kept) > 2*keptLines {
		l.kept = append([]string(nil), l.kept[len(l.kept)-keptLines:]...)
	}
	fmt.Fprintf(l.log, "%s %s | %s\n", l.job.Now().Format(time.TimeOnly), source, line)
}

// tail gives the last lines.
func (l *lines) tail(n int) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.kept[max(0, len(l.kept)-n):]...)
}
