package restic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"unicode"
)

// Exit codes that tell what is wrong. Before restic 0.17 everything is 1.
var exitReasons = map[int]string{
	10: "there is no repository",
	11: "the repository is locked by somebody else",
	12: "the repository takes another password",
}

// failure is how a restic ended that was not killed by us. What it printed is for people.
func failure(exit *exec.ExitError, stderr string) error {
	text := exit.String() // "exit status 1", "signal: killed"
	if code := exit.ExitCode(); code > 0 {
		text = fmt.Sprintf("it exited with code %d", code)
		if reason := exitReasons[code]; reason != "" {
			text += ", which means that " + reason
		}
	}
	if said := said(stderr); said != "" {
		text += ": " + said
	}
	return fmt.Errorf("restic failed: %s", text)
}

// said is what restic printed, fit for people: the last lines, and of those that are
// JSON the message.
func said(stderr string) string {
	var lines []string
	for line := range strings.Lines(stderr) {
		var object struct {
			Message string `json:"message"`
			Error   struct {
				Message string `json:"message"`
			} `json:"error"`
		}
		if json.Unmarshal([]byte(line), &object) == nil {
			line = object.Message + object.Error.Message
		}
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) {
				return r
			}
			return -1
		}, line))
		if line != "" {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-4):], "; ")
}

// minFree is the space that restic cannot do without: packs of 16 MiB, a few at a time.
const minFree = 64 << 20

// full says whether that space is missing, which restic itself tells in words alone.
func full(dir string) bool {
	var s syscall.Statfs_t
	if syscall.Statfs(dir, &s) != nil {
		return false
	}
	return s.Bavail*uint64(s.Bsize) < minFree
}

// summary finds the last word among the JSON lines of a backup.
type summary struct {
	line  []byte
	found struct {
		Kind     string `json:"message_type"`
		Snapshot string `json:"snapshot_id"`
		Size     int64  `json:"total_bytes_processed"`
	}
}

func (s *summary) Write(p []byte) (int, error) {
	const longest = 64 << 10 // a line is a few hundred bytes
	for _, b := range p {
		if b != '\n' {
			if len(s.line) < longest {
				s.line = append(s.line, b)
			}
			continue
		}
		if bytes.Contains(s.line, []byte(`"summary"`)) {
			_ = json.Unmarshal(s.line, &s.found)
		}
		s.line = s.line[:0]
	}
	return len(p), nil
}

// snapshot is the id of what was kept, if that was all.
func (s *summary) snapshot(size int64) (string, error) {
	switch {
	case s.found.Kind != "summary" || s.found.Snapshot == "":
		return "", fmt.Errorf("restic named no snapshot, although it ended well")
	case s.found.Size != size:
		return "", fmt.Errorf("restic kept %d of %d bytes", s.found.Size, size)
	}
	return s.found.Snapshot, nil
}
