package restic

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"seatrial/harness/run"
	"seatrial/harness/vault"
	"seatrial/internal/atomicfile"
)

// folder is a run's: repository, password, index and restic's own temporary files.
type folder string

// entry is what the index says of a name.
type entry struct {
	Snapshot string `json:"snapshot"` // restic's id; empty for a stream of nothing
	Size     int64  `json:"size"`
}

func (v *Vault) folder(id run.ID) (folder, error) {
	checked, err := run.ParseID(string(id))
	return folder(filepath.Join(v.root, string(checked))), err
}

func (f folder) in(name string) string { return filepath.Join(string(f), name) }

// ready says whether the repository was made to its end: its file config comes last.
func (f folder) ready() bool {
	_, err := os.Stat(filepath.Join(f.in("repository"), "config"))
	return err == nil
}

// make makes what a repository needs, in place of what a killed restic left of one.
func (f folder) make() error {
	for _, name := range []string{"index", "temp"} {
		if err := os.MkdirAll(f.in(name), 0o700); err != nil {
			return err
		}
	}
	if err := os.RemoveAll(f.in("repository")); err != nil {
		return err
	}
	return os.WriteFile(f.in("password"), []byte(rand.Text()+"\n"), 0o600)
}

// entryFile is where the index has a name, which may hold anything: its digest is a
// good file name.
func (f folder) entryFile(name string) string {
	sum := sha256.Sum256([]byte(name))
	return filepath.Join(f.in("index"), hex.EncodeToString(sum[:16])+".json")
}

// write puts a name into the index, whole or not at all.
func (f folder) write(name string, e entry) error {
	text, err := json.Marshal(e)
	if err != nil {
		return err
	}
	return atomicfile.Write(f.entryFile(name), text, 0o600)
}

func (f folder) read(name string) (e entry, err error) {
	text, err := os.ReadFile(f.entryFile(name))
	if errors.Is(err, fs.ErrNotExist) {
		return e, vault.ErrNotFound
	}
	if err == nil {
		err = json.Unmarshal(text, &e)
	}
	return e, err
}

// start starts restic on the run's repository.
func (f folder) start(ctx context.Context, in *os.File, out io.Writer, args ...string) (*child, error) {
	global := []string{"--repo", f.in("repository"), "--password-file", f.in("password"), "--no-cache"}
	// Nothing of our own environment: a RESTIC_REPOSITORY in it would be somebody's.
	env := []string{"HOME=" + f.in("temp"), "TMPDIR=" + f.in("temp"), "RESTIC_PROGRESS_FPS=0.1"}
	return start(ctx, string(f), env, in, out, append(global, args...)...)
}
