// Package vaulttest holds the contract of vault.Vault, as tests, and a vault in
// memory for the tests of others.
package vaulttest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"seatrial/harness/run"
	"seatrial/harness/vault"
)

// Fixture is a vault, and a way to damage what it keeps.
type Fixture struct {
	Vault vault.Vault
	// Damage changes or cuts the stored form of a snapshot.
	Damage func(t *testing.T, s vault.Snapshot, how Damage)
}

// Damage is a way in which storage fails.
type Damage string

// The ways.
const (
	Cut     Damage = "cut"
	Changed Damage = "changed"
)

// Contract runs every sentence of the contract on a fresh fixture.
func Contract(t *testing.T, open func(t *testing.T) Fixture) {
	id := func() run.ID { return run.NewID(time.Now()) }
	save := func(t *testing.T, v vault.Vault, id run.ID, name, content string) vault.Snapshot {
		t.Helper()
		s, err := v.Save(t.Context(), id, name, strings.NewReader(content))
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	read := func(t *testing.T, v vault.Vault, s vault.Snapshot) (string, error) {
		t.Helper()
		r, err := v.Open(t.Context(), s)
		if err != nil {
			return "", err
		}
		defer r.Close()
		b, err := io.ReadAll(r)
		return string(b), err
	}
	// Random bytes do not shrink, so that a cut is a cut also after compression.
	large := func() string {
		b := make([]byte, 3<<20)
		rng := rand.New(rand.NewPCG(1, 2))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		return string(b)
	}

	t.Run("what was saved comes back unchanged", func(t *testing.T) {
		v := open(t).Vault
		for name, content := range map[string]string{"empty": "", "small": "hello", "large": large(), "../odd name/\x00": "odd"} {
			s := save(t, v, id(), name, content)
			sum := sha256.Sum256([]byte(content))
			if s.Size != int64(len(content)) || s.Digest != hex.EncodeToString(sum[:]) {
				t.Errorf("%q: size %d, digest %s", name, s.Size, s.Digest)
			}
			if got, err := read(t, v, s); err != nil || got != content {
				t.Errorf("%q: %d bytes came back, %v", name, len(got), err)
			}
		}
	})
	t.Run("if the reader fails nothing is kept", func(t *testing.T) {
		v, run := open(t).Vault, id()
		broken := io.MultiReader(strings.NewReader("half"), iotest.ErrReader(errors.New("the volume vanished")))
		if _, err := v.Save(t.Context(), run, "data", broken); err == nil || !strings.Contains(err.Error(), "the volume vanished") {
			t.Fatalf("got %v", err)
		}
		if _, err := v.Open(t.Context(), vault.Snapshot{Run: run, Name: "data"}); !errors.Is(err, vault.ErrNotFound) {
			t.Fatalf("something was kept: %v", err)
		}
	})
	t.Run("a failed save leaves the earlier one", func(t *testing.T) {
		v, run := open(t).Vault, id()
		s := save(t, v, run, "data", "good")
		if _, err := v.Save(t.Context(), run, "data", iotest.ErrReader(errors.New("no"))); err == nil {
			t.Fatal("no error")
		}
		if got, err := read(t, v, s); err != nil || got != "good" {
			t.Fatalf("got %q, %v", got, err)
		}
	})
	t.Run("a cancelled save keeps nothing", func(t *testing.T) {
		v, run := open(t).Vault, id()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := v.Save(ctx, run, "data", strings.NewReader("late")); !errors.Is(err, context.Canceled) {
			t.Fatalf("got %v", err)
		}
		if _, err := v.Open(t.Context(), vault.Snapshot{Run: run, Name: "data"}); !errors.Is(err, vault.ErrNotFound) {
			t.Fatalf("something was kept: %v", err)
		}
	})
	t.Run("saving a name again replaces it", func(t *testing.T) {
		v, run := open(t).Vault, id()
		old := save(t, v, run, "data", "one")
		s := save(t, v, run, "data", "two")
		if got, err := read(t, v, s); err != nil || got != "two" {
			t.Fatalf("got %q, %v", got, err)
		}
		if got, err := read(t, v, old); err == nil {
			t.Fatalf("the snapshot that was replaced gave %q without an error", got)
		}
	})
	t.Run("runs and names do not mix", func(t *testing.T) {
		v, one, two := open(t).Vault, id(), id()
		a, b, c := save(t, v, one, "a", "1a"), save(t, v, one, "A", "1A"), save(t, v, two, "a", "2a")
		for s, want := range map[vault.Snapshot]string{a: "1a", b: "1A", c: "2a"} {
			if got, err := read(t, v, s); err != nil || got != want {
				t.Errorf("%v: got %q, %v", s, got, err)
			}
		}
		if err := v.Forget(t.Context(), one); err != nil {
			t.Fatal(err)
		}
		if _, err := v.Open(t.Context(), a); !errors.Is(err, vault.ErrNotFound) {
			t.Errorf("forgotten, but: %v", err)
		}
		if got, err := read(t, v, c); err != nil || got != "2a" {
			t.Errorf("another run's: %q, %v", got, err)
		}
	})
	t.Run("what was cut or altered is an error, never less data", func(t *testing.T) {
		for _, how := range []Damage{Cut, Changed} {
			t.Run(string(how), func(t *testing.T) {
				f := open(t)
				s := save(t, f.Vault, id(), "data", large())
				f.Damage(t, s, how)
				if _, err := read(t, f.Vault, s); err == nil {
					t.Error("read to the end without an error")
				}
			})
		}
	})
	t.Run("what is not there is not found, and forgetting it does nothing", func(t *testing.T) {
		v, run := open(t).Vault, id()
		if _, err := v.Open(t.Context(), vault.Snapshot{Run: run, Name: "data"}); !errors.Is(err, vault.ErrNotFound) {
			t.Fatalf("got %v", err)
		}
		for range 2 {
			if err := v.Forget(t.Context(), run); err != nil {
				t.Fatal(err)
			}
		}
	})
}

// Memory is a vault in memory.
type Memory struct {
	mu     sync.Mutex
	stored map[run.ID]map[string][]byte
}

// Save keeps a copy.
func (m *Memory) Save(ctx context.Context, id run.ID, name string, r io.Reader) (vault.Snapshot, error) {
	b, err := io.ReadAll(r)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return vault.Snapshot{}, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.stored == nil {
		m.stored = map[run.ID]map[string][]byte{}
	}
	if m.stored[id] == nil {
		m.stored[id] = map[string][]byte{}
	}
	m.stored[id][name] = b
	return vault.Snapshot{Run: id, Name: name, Size: int64(len(b)), Digest: digest(b)}, nil
}

// Open checks and returns it.
func (m *Memory) Open(_ context.Context, s vault.Snapshot) (io.ReadCloser, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b, ok := m.stored[s.Run][s.Name]
	if !ok {
		return nil, vault.ErrNotFound
	}
	if digest(b) != s.Digest {
		return nil, errors.New("the snapshot was altered")
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// Forget drops the run's snapshots.
func (m *Memory) Forget(_ context.Context, id run.ID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.stored, id)
	return nil
}

// Damage is for the contract's fixture.
func (m *Memory) Damage(_ *testing.T, s vault.Snapshot, how Damage) {
	m.mu.Lock()
	defer m.mu.Unlock()
	b := m.stored[s.Run][s.Name]
	if how == Cut {
		m.stored[s.Run][s.Name] = b[:len(b)/2]
		return
	}
	b[len(b)/2] ^= 1
}

// Runs says for how many runs something is kept.
func (m *Memory) Runs() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.stored)
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

var _ vault.Vault = (*Memory)(nil)
