package secrets_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/secrets"
)

// kept is a secret in a file that may be replaced, and what is logged of it.
type kept struct {
	*secrets.Holder
	t    *testing.T
	path string
	log  bytes.Buffer
}

func keep(t *testing.T) *kept {
	t.Helper()
	k := &kept{t: t, path: filepath.Join(t.TempDir(), "token")}
	k.write("one")
	var err error
	if k.Holder, _, err = secrets.HoldFile(k.path); err != nil {
		t.Fatal(err)
	}
	return k
}

func (k *kept) write(text string) {
	k.t.Helper()
	if err := os.WriteFile(k.path, []byte(text), 0o600); err != nil {
		k.t.Fatal(err)
	}
}

// look looks, and wants a change or none, and the value after it.
func (k *kept) look(changed bool, value string) {
	k.t.Helper()
	if got := k.Look(slog.New(slog.NewTextHandler(&k.log, nil))); got != changed || k.Get().Reveal() != value {
		k.t.Errorf("changed: %v, now %q; want %v, %q", got, k.Get().Reveal(), changed, value)
	}
}

// said is how often something was logged since the last time.
func (k *kept) said(text string) int {
	n := strings.Count(k.log.String(), text)
	if strings.Contains(k.log.String(), "two") {
		k.t.Errorf("the secret is logged: %s", &k.log)
	}
	k.log.Reset()
	return n
}

func TestAReplacedSecretIsUsed(t *testing.T) {
	k := keep(t)
	k.look(false, "one")
	k.write("two\n")
	k.look(true, "two")
	if k.said("a secret was replaced") != 1 {
		t.Error("nothing was said")
	}
	k.look(false, "two")
}

func TestWhatCannotBeUsedIsSaidOnceAndChangesNothing(t *testing.T) {
	k := keep(t)
	bad := errors.New("it is not a word")
	if err := k.Require(func(v secrets.Value) error {
		if strings.Contains(v.Reveal(), " ") {
			return bad
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		spoil func()
		why   string
	}{
		{func() { os.Remove(k.path) }, "no such file"},
		{func() { k.write("\n") }, "the file is empty"},
		{func() { k.write("not one") }, bad.Error()},
		{func() { os.Remove(k.path) }, "no such file"},
	} {
		c.spoil()
		for range 3 {
			k.look(false, "one")
		}
		if n := k.said(c.why); n != 1 {
			t.Errorf("%q was said %d times", c.why, n)
		}
	}
	k.write("two")
	k.look(true, "two")
}

// A file whose content changes while its time and size stand still is not what it was.
func TestTheContentCountsAndNotTheTime(t *testing.T) {
	k := keep(t)
	k.write("   ")
	info, err := os.Stat(k.path)
	if err != nil {
		t.Fatal(err)
	}
	k.look(false, "one")
	k.write("two")
	if err := os.Chtimes(k.path, info.ModTime(), info.ModTime()); err != nil {
		t.Fatal(err)
	}
	k.look(true, "two")
}

func TestFilesAreUsedTogether(t *testing.T) {
	dir := t.TempDir()
	a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(a, "1")
	if _, err := secrets.Open("pair", nil, a, b); err == nil || !strings.Contains(err.Error(), "cannot read the pair in "+b) {
		t.Errorf("got %v", err)
	}
	write(b, "23")
	var used []string
	f, err := secrets.Open("pair", func(texts [][]byte) error {
		used = append(used, string(bytes.Join(texts, []byte(" "))))
		return nil
	}, a, b)
	if err != nil {
		t.Fatal(err)
	}
	write(a, "12")
	write(b, "3") // together as before
	for _, want := range []bool{true, false} {
		if changed, err := f.Reload(); changed != want || err != nil {
			t.Errorf("changed: %v, %v", changed, err)
		}
	}
	if got := strings.Join(used, ", "); got != "1 23, 12 3" {
		t.Errorf("used %q", got)
	}
}

// listen keeps SIGHUP from ending this program.
func listen(t *testing.T) {
	heard := make(chan os.Signal, 1)
	signal.Notify(heard, syscall.SIGHUP)
	t.Cleanup(func() { signal.Stop(heard) })
}

func TestFilesAreLookedAtFromTimeToTime(t *testing.T) {
	listen(t) // begins, once, what would never end in the bubble
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		looks := 0
		if err := secrets.Keep(ctx, func() { looks++ }); looks != 2 || err != nil {
			t.Errorf("%d looks in 12 s, %v", looks, err)
		}
	})
}

func TestFilesAreLookedAtOnSIGHUP(t *testing.T) {
	listen(t)
	ctx, cancel := context.WithCancel(t.Context())
	looked, kept := make(chan time.Time, 1), make(chan error)
	began := time.Now()
	go func() {
		kept <- secrets.Keep(ctx, func() {
			select {
			case looked <- time.Now():
			default:
			}
		})
	}()
	again := time.NewTicker(10 * time.Millisecond) // the first ones may come before it listens
	defer again.Stop()
	for at := (time.Time{}); at.IsZero(); {
		if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		select {
		case at = <-looked:
			if at.Sub(began) > 4*time.Second {
				t.Error("it was its own clock that made it look")
			}
		case <-again.C:
		}
	}
	cancel()
	if err := <-kept; err != nil {
		t.Error(err)
	}
}
