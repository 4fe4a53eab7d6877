package state_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"seatrial/internal/exit"
	"seatrial/internal/state"
)

func TestTheInstanceIsDrawnOnce(t *testing.T) {
	folder := state.Folder(filepath.Join(t.TempDir(), "state"))
	names := make([]string, 20)
	var all sync.WaitGroup
	for i := range names {
		all.Go(func() {
			name, err := folder.Instance()
			if err != nil {
				t.Error(err)
			}
			names[i] = name
		})
	}
	all.Wait()
	for _, name := range names {
		if name == "" || name != names[0] {
			t.Fatalf("the names differ: %q", names)
		}
	}
}

// A full disk leaves an empty file. Each start says so at once.
func TestAnInstanceThatCannotBeReadIsSaid(t *testing.T) {
	for name, spoil := range map[string]func(path string) error{
		"empty":   func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"blank":   func(path string) error { return os.WriteFile(path, []byte("\n"), 0o600) },
		"garbage": func(path string) error { return os.WriteFile(path, []byte("a\x00b\n"), 0o600) },
		"folder":  func(path string) error { return os.Mkdir(path, 0o700) },
		"loop":    func(path string) error { return os.Symlink("instance", path) },
	} {
		t.Run(name, func(t *testing.T) {
			folder := state.Folder(t.TempDir())
			path := folder.Path("instance")
			if err := spoil(path); err != nil {
				t.Fatal(err)
			}
			got, err := folder.Instance()
			wantSentence(t, err, path, "put it back from a backup")
			if got != "" {
				t.Errorf("drew %q all the same", got)
			}
		})
	}
}

func TestAStateFolderThatIsNoneIsSaid(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	folder := state.Folder(path)
	_, err := folder.Instance()
	wantSentence(t, err, path, "choose another with --state")
	_, err = folder.Work()
	wantSentence(t, err, path, "choose another with --state")
	_, err = folder.Lock()
	wantSentence(t, err, path, "choose another folder with --state")
}

func TestOneServerHasTheFolder(t *testing.T) {
	folder := state.Folder(t.TempDir())
	release, err := folder.Lock()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := folder.Lock(); err == nil || !strings.Contains(err.Error(), "another seatrial serve uses") {
		t.Errorf("got %v", err)
	}
	release()
	if release, err = folder.Lock(); err != nil {
		t.Fatal(err)
	}
	release()
}

func wantSentence(t *testing.T, err error, wants ...string) {
	t.Helper()
	var coded *exit.Error
	if !errors.As(err, &coded) || coded.Code != exit.Configuration {
		t.Fatalf("got %v, want an error of the configuration", err)
	}
	for _, want := range wants {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}
