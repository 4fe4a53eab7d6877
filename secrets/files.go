package secrets

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strings"
	"sync"
)

// Files are files that belong together and whose content is in use. They may be replaced
// while the program runs; one whose content cannot be used changes nothing, and is looked
// at again the next time. It is safe for concurrent use.
type Files struct {
	what  string // they hold: "secret"
	paths []string
	use   func(texts [][]byte) error

	mu    sync.Mutex
	inUse [sha256.Size]byte
	said  string // why they could not be used the last time; empty: they could
}

// Open reads files for the first time and has their content used. use is never called
// twice at once, and takes nothing into use where it returns an error.
func Open(what string, use func(texts [][]byte) error, paths ...string) (*Files, error) {
	f := &Files{what: what, paths: paths, use: use}
	_, err := f.Reload()
	return f, err
}

// Reload reads the files again, has their content used if it is another, and says whether
// it was. The content counts, never the time of a file: that may stand still.
func (f *Files) Reload() (changed bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.reload()
}

func (f *Files) reload() (changed bool, err error) {
	var texts [][]byte
	all := sha256.New()
	for _, path := range f.paths {
		text, err := os.ReadFile(path)
		if err != nil {
			if cause, ok := errors.AsType[*fs.PathError](err); ok {
				err = cause.Err
			}
			return false, fmt.Errorf("cannot read the %s in %s: %w", f.what, path, err)
		}
		texts = append(texts, text)
		fmt.Fprintf(all, "%d %s", len(text), text)
	}
	sum := [sha256.Size]byte(all.Sum(nil))
	if sum == f.inUse {
		return false, nil
	}
	if err := f.use(texts); err != nil {
		return false, err
	}
	f.inUse = sum
	return true, nil
}

// Look is Reload for whoever can do nothing about an error: each different one is logged
// once.
func (f *Files) Look(log *slog.Logger) (changed bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	changed, err := f.reload()
	why := ""
	if err != nil {
		why = err.Error()
	}
	if why != "" && why != f.said {
		log.Error("the new "+f.what+" cannot be used; the old one stays", "files", strings.Join(f.paths, " "), "err", err)
	}
	f.said = why
	return changed
}
