package nomad

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"seatrial/internal/atomicfile"
)

// noteFile lies in an attempt's folder on this side.
const noteFile = "cluster.json"

// note is what must not be forgotten over a restart although the cluster would: it
// holds nothing that a person would miss who starts with an empty folder.
type note struct {
	Job   string `json:"job,omitempty"`   // the child's ID
	Alloc string `json:"alloc,omitempty"` // whose files the folder holds

	// Stopped says that Stop was called, so that its effects are told from those of
	// somebody else; Unplaced, that it was because no node was found, and why.
	Stopped  bool   `json:"stopped,omitempty"`
	Unplaced string `json:"unplaced,omitempty"`

	// Ended says that Sweep stopped the job of an attempt that was over.
	Ended bool `json:"ended,omitempty"`

	// Collected says that the allocation was over and its files were read to their
	// ends; Missing, why they could not be.
	Collected bool   `json:"collected,omitempty"`
	Missing   string `json:"missing,omitempty"`
}

func (d *Dispatcher) readNote(k key) (n note, err error) {
	text, err := os.ReadFile(filepath.Join(d.folder(k), noteFile))
	if errors.Is(err, fs.ErrNotExist) {
		return note{}, nil
	}
	if err != nil {
		return note{}, fmt.Errorf("cannot read what is known of run %s: %w", k.id, err)
	}
	// A damaged note is none: all of it is found again, or does without.
	if json.Unmarshal(text, &n) != nil {
		return note{}, nil
	}
	return n, nil
}

// changeNote changes the note, whole or not at all.
func (d *Dispatcher) changeNote(k key, change func(*note)) error {
	d.noting.Lock()
	defer d.noting.Unlock()
	n, err := d.readNote(k)
	if err != nil {
		return err
	}
	before := n
	change(&n)
	if n == before {
		return nil
	}
	text, err := json.Marshal(n)
	if err == nil {
		err = os.MkdirAll(d.folder(k), 0o700)
	}
	if err == nil {
		err = atomicfile.Write(filepath.Join(d.folder(k), noteFile), text, 0o600)
	}
	if err != nil {
		return fmt.Errorf("cannot note what is known of run %s: %w", k.id, err)
	}
	return nil
}

// removeScraps removes what a bridge that was killed had begun to write.
func (d *Dispatcher) removeScraps(k key) error {
	d.noting.Lock()
	defer d.noting.Unlock()
	scraps, _ := filepath.Glob(filepath.Join(d.folder(k), ".*")) // the pattern is well formed; nothing whole begins with a dot
	var failed error
	for _, path := range scraps {
		failed = errors.Join(failed, os.Remove(path))
	}
	return failed
}
