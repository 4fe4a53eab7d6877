package recipes

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"log/slog"
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
	looks  maphash.Seed
	looked uint64 // how the folder looked when the book was read
}

// Watch reads the folder for the first time.
func Watch(dir string, log *slog.Logger) (*Watcher, error) {
	w := &Watcher{dir: dir, log: log, looks: maphash.MakeSeed()}
	w.looked = w.look()
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
		if w.look() != w.seen() {
			if err := w.Reload(); err != nil {
				w.log.Warn("the enrolments are served as they were", "err", err)
			}
		}
	}
}

func (w *Watcher) seen() uint64 {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.looked
}

// Reload reads everything again, now. An unreadable folder changes nothing.
func (w *Watcher) Reload() error {
	// Looked at before reading: a change in between is seen the next time.
	looked := w.look()
	fresh, err := Load(w.dir)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.looked = looked
	if err != nil {
		return fmt.Errorf("cannot reload: %w", err)
	}
	merged := KeepGood(w.book, fresh)
	for _, p := range merged.Problems {
		if !slices.Contains(w.book.Problems, p) {
			w.log.Warn("an enrolment is not good", "file", p.Place(), "problem", p.Message)
		}
	}
	w.log.Info("read the enrolments again", "enrolled", len(merged.Enrolments), "problems", len(merged.Problems))
	w.book = merged
	return nil
}

// KeepGood adds to the fresh book what was good before and is bad now.
func KeepGood(old, fresh *Book) *Book {
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

// look sums up what the files look like from outside: a number that is another one
// after a change. Thousands of names and times would be much to keep.
func (w *Watcher) look() uint64 {
	var sum maphash.Hash
	sum.SetSeed(w.looks)
	entries, err := os.ReadDir(w.dir) // sorted by name
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return sum.Sum64()
	}
	for _, entry := range entries {
		folder := filepath.Join(w.dir, entry.Name())
		if !isFolder(folder) {
			continue
		}
		fmt.Fprintf(&sum, "%s\x00", folder)
		for _, file := range filesIn(folder) {
			if info, err := os.Stat(file); err == nil {
				fmt.Fprintf(&sum, "%s\x00%d %d\x00", file, info.Size(), info.ModTime().UnixNano())
			}
		}
	}
	return sum.Sum64()
}
