package token

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"seatrial/internal/atomicfile"
)

// tokenPrefix tells people and scanners of leaked secrets what a token is.
const tokenPrefix = "seatrial_"

// Book is a file of tokens. It is safe for concurrent use, and for use by several
// processes at once.
type Book struct {
	path string
	now  func() time.Time

	mu    sync.Mutex
	seen  fileState
	known map[string]Token // by hash
}

// fileState tells whether the file is the one that was read.
type fileState struct {
	at    time.Time
	size  int64
	inode uint64
}

// Open returns the book at a path, where there need be no file yet.
func Open(path string) *Book { return &Book{path: path, now: time.Now} }

// Find returns the token, if there is one that has not expired. An error means that the
// file cannot be read.
func (b *Book) Find(kind Kind, secret string) (Token, bool, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.refresh(); err != nil {
		return Token{}, false, err
	}
	t, ok := b.known[hashOf(secret)]
	if !ok || t.Kind != kind || t.Expired(b.now()) {
		return Token{}, false, nil
	}
	return t, true, nil
}

// refresh reads the file if it has changed.
func (b *Book) refresh() error {
	info, err := os.Stat(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		b.seen, b.known = fileState{}, nil
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot read the tokens: %w", err)
	}
	now := fileState{at: info.ModTime(), size: info.Size()}
	if sys, ok := info.Sys().(*syscall.Stat_t); ok {
		now.inode = sys.Ino
	}
	if b.known != nil && now == b.seen {
		return nil
	}
	all, err := b.read()
	if err != nil {
		return err
	}
	b.seen, b.known = now, map[string]Token{}
	for _, t := range all {
		b.known[t.Hash] = t
	}
	return nil
}

// List returns all tokens by name, also those that have expired.
func (b *Book) List() ([]Token, error) { return b.read() }

func (b *Book) read() ([]Token, error) {
	text, err := os.ReadFile(b.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	const remedy = "put a copy in its place, or remove it and make the tokens anew"
	if err != nil {
		return nil, fmt.Errorf("cannot read the tokens: %w: %s", err, remedy)
	}
	var all []Token
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, fmt.Errorf("cannot read the tokens: %s is not what was written (%w): %s", b.path, err, remedy)
	}
	return all, nil
}

// Add makes a token and returns it: it cannot be had again. With replace one of the same
// name goes.
func (b *Book) Add(t Token, replace bool) (secret string, err error) {
	if err := t.Check(); err != nil {
		return "", err
	}
	secret = tokenPrefix + rand.Text()
	t.Hash, t.Made = hashOf(secret), b.now().UTC().Truncate(time.Second)
	return secret, b.change(func(all []Token) ([]Token, error) {
		others := slices.DeleteFunc(slices.Clone(all), t.sameName)
		if len(others) < len(all) && !replace {
			return nil, fmt.Errorf("cannot make the token %s: %w", t.Name, ErrTaken)
		}
		return append(others, t), nil
	})
}

// Revoke removes a token: it is refused from the next request on.
func (b *Book) Revoke(name string) error {
	return b.change(func(all []Token) ([]Token, error) {
		others := slices.DeleteFunc(slices.Clone(all), Token{Name: name}.sameName)
		if len(others) == len(all) {
			return nil, fmt.Errorf("cannot revoke %q: %w", name, ErrUnknown)
		}
		return others, nil
	})
}

func (t Token) sameName(o Token) bool { return strings.EqualFold(t.Name, o.Name) }

// change replaces the file, one process at a time.
func (b *Book) change(how func([]Token) ([]Token, error)) (err error) {
	folder, err := os.Open(filepath.Dir(b.path))
	if err != nil {
		return fmt.Errorf("cannot keep the tokens: %w", err)
	}
	defer folder.Close() // which unlocks it
	if err := unix.Flock(int(folder.Fd()), unix.LOCK_EX); err != nil {
		return fmt.Errorf("cannot keep the tokens: %w", err)
	}
	all, err := b.read()
	if err != nil {
		return err
	}
	if all, err = how(all); err != nil {
		return err
	}
	slices.SortFunc(all, func(a, c Token) int { return strings.Compare(a.Name, c.Name) })
	text, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("cannot keep the tokens: %w", err)
	}
	if err := atomicfile.Write(b.path, append(text, '\n'), 0o600); err != nil {
		return fmt.Errorf("cannot keep the tokens: %w", err)
	}
	return nil
}
