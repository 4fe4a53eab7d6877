package recipes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// ReloadEvery is how often a watcher looks for changes. It looks at names, sizes and
// times only, which also works where the file system sends no notifications.
const ReloadEvery = 3 * time.Second

// Watcher keeps the enrolments of a folder up to date. A file that went bad does not
// take its recipe down: the last good version stays until the file is good again or
// gone, and the problem is in the book.
type Watcher struct {
	dir string
	log *slog.Logger

	mu     sync.RWMutex
	book   *Book
	stamps map[string]stamp
}

type stamp struct {
	size int64
	at   time.Time
}

// Watch reads the folder for the first time.
func Watch(dir string, log *slog.Logger) (*Watcher, error) {
	w := &Watcher{dir: dir, log: log}
	w.stamps = w.look()
	book, err := Load(dir)
	if err != nil {
		return nil, err
	}
	w.book = book
	return w, nil
}

// Book is the present state. It is never changed afterwards.
func (w *Watcher) Book() *Book {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.book
}

// Run looks for changes until the context ends.
func (w *Watcher) Run(ctx context.Context) error {
	tick := time.NewTicker(ReloadEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if stamps := w.look(); !maps.Equal(stamps, w.seen()) {
			if err := w.Reload(); err != nil {
				w.log.Warn("the enrolments are served as they were", "err", err)
			}
		}
	}
}

func (w *Watcher) seen() map[string]stamp {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.stamps
}

// Reload reads everything again, now. An unreadable folder changes nothing.
func (w *Watcher) Reload() error {
	// Stamped before reading: a change in between is seen the next time.
	stamps := w.look()
	fresh, err := Load(w.dir)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stamps = stamps
	if err != nil {
		return fmt.Errorf("cannot reload: %w", err)
	}
	merged := keepGood(w.book, fresh)
	for _, p := range merged.Problems {
		if !slices.Contains(w.book.Problems, p) {
			w.log.Warn("an enrolment is not good", "file", p.Place(), "problem", p.Message)
		}
	}
	w.log.Info("read the enrolments again", "enrolled", len(merged.Enrolments), "problems", len(merged.Problems))
	w.book = merged
	return nil
}

// keepGood adds to the fresh book what was good before and is bad now.
func keepGood(old, fresh *Book) *Book {
	b := &Book{Enrolments: slices.Clone(fresh.Enrolments), Problems: fresh.Problems}
	for _, e := range old.Enrolments {
		if _, ok := fresh.ByName(e.Name); ok || !bad(fresh.Problems, e) {
			continue
		}
		if _, taken := fresh.ByRepo(e.Forge, e.Repo); !taken {
			b.Enrolments = append(b.Enrolments, e)
		}
	}
	slices.SortFunc(b.Enrolments, compareNames)
	return b
}

func bad(problems []Problem, e Enrolment) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool {
		return p.File == e.File || filepath.Dir(p.File) == filepath.Dir(e.File)
	})
}

// look notes what the files look like from outside.
func (w *Watcher) look() map[string]stamp {
	stamps := map[string]stamp{}
	entries, err := os.ReadDir(w.dir)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return stamps
	}
	for _, entry := range entries {
		folder := filepath.Join(w.dir, entry.Name())
		if !isFolder(folder) {
			continue
		}
		stamps[folder] = stamp{}
		for _, file := range filesIn(folder) {
			if info, err := os.Stat(file); err == nil {
				stamps[file] = stamp{info.Size(), info.ModTime()}
			}
		}
	}
	return stamps
}
