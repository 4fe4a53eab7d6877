package nomadvars

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"seatrial/harness/cluster"
	"seatrial/internal/pause"
	"seatrial/recipes"
)

// Limits of waiting for Nomad.
const (
	waitForChange = time.Minute      // a question that waits for a change comes back then
	limit         = 30 * time.Second // of any other
	failedPause   = 5 * time.Second  // after a question that failed
)

// Files are enrolments in files: a recipes.Watcher.
type Files interface {
	Book() *recipes.Book
	Run(ctx context.Context) error
	Reload() error
}

// Watcher keeps the enrolments of files and variables up to date, as one book.
type Watcher struct {
	files     Files
	client    *cluster.Client
	namespace string
	log       *slog.Logger

	mu     sync.Mutex
	vars   *recipes.Book
	index  uint64        // of the variables when vars was read; 0 before
	from   *recipes.Book // the files' book that merged was made with
	merged *recipes.Book
	said   string // the last trouble that was logged
}

// Watch reads the variables for the first time. Where that cannot be done, the book is
// that of the files until it can.
func Watch(ctx context.Context, files Files, client *cluster.Client, namespace string, log *slog.Logger) *Watcher {
	w := &Watcher{files: files, client: client, namespace: namespace, log: log, vars: &recipes.Book{}}
	if err := w.reload(ctx); err != nil {
		w.trouble(err)
	}
	return w
}

// Book is the present state. It is never changed afterwards.
func (w *Watcher) Book() *recipes.Book {
	files := w.files.Book()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.merged == nil || w.from != files {
		w.from, w.merged = files, recipes.Merge(files, w.vars)
	}
	return w.merged
}

// Reload reads everything again, now. What cannot be read changes nothing.
func (w *Watcher) Reload() error {
	if err := w.files.Reload(); err != nil {
		return err
	}
	return w.reload(context.Background())
}

// Run looks for changes of both until the context ends.
func (w *Watcher) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return w.files.Run(ctx) })
	g.Go(func() error { w.poll(ctx); return nil })
	return g.Wait()
}

func (w *Watcher) poll(ctx context.Context) {
	for ctx.Err() == nil {
		err := w.await(ctx)
		if err == nil {
			err = w.reload(ctx)
		}
		if err == nil || ctx.Err() != nil {
			continue
		}
		w.trouble(err)
		_ = pause.For(ctx, failedPause, nil)
	}
}

// await returns when the variables are others than those that were read.
func (w *Watcher) await(ctx context.Context) error {
	w.mu.Lock()
	seen := w.index
	w.mu.Unlock()
	for seen > 0 {
		q := w.client.Query(ctx, w.namespace)
		q.WaitIndex, q.WaitTime = seen, waitForChange
		_, meta, err := w.client.Variables().PrefixList(Prefix, q)
		if err != nil {
			return fmt.Errorf("cannot list the enrolments in Nomad's variables: %w", err)
		}
		if meta.LastIndex != seen {
			return nil
		}
	}
	return nil
}

// reload reads the variables again.
func (w *Watcher) reload(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	fresh, index, err := load(ctx, w.client, w.namespace)
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	kept := recipes.KeepGood(w.vars, fresh)
	for _, p := range kept.Problems {
		if !slices.Contains(w.vars.Problems, p) {
			w.log.Warn("an enrolment is not good", "variable", p.Place(), "problem", p.Message)
		}
	}
	if w.index == 0 || !reflect.DeepEqual(kept, w.vars) {
		w.log.Info("read the enrolments in Nomad's variables", "enrolled", len(kept.Enrolments), "problems", len(kept.Problems))
	}
	// An index of 0 would be waited for in vain, or not at all.
	w.vars, w.index, w.merged, w.said = kept, max(index, 1), nil, ""
	return nil
}

// trouble is logged once, until it is another.
func (w *Watcher) trouble(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err.Error() == w.said {
		return
	}
	w.said = err.Error()
	w.log.Warn("the enrolments in Nomad's variables stay as they were", "err", err)
}
