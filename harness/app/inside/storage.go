package inside

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path"

	"seatrial/harness/app"
)

// Storage does the tools' work on volumes that are folders of this machine. Containers and
// tasks run as many users, so what they wrote is read, and put back, as root of nothing but
// the volume. It implements app.Storage but for the list.
type Storage struct {
	// Open opens the folder that a volume is.
	Open func(ctx context.Context, volume string) (*os.File, error)
}

// AsRoot does a tool's work on one volume.
func (s Storage) AsRoot(ctx context.Context, what, volume string, in io.Reader, out io.Writer, verb string, args ...string) (notKept []string, err error) {
	err = s.on(ctx, what, volume, func(dir *os.File) error {
		notKept, err = AsRoot(ctx, dir, in, out, verb, args...)
		return err
	})
	return notKept, err
}

func (s Storage) on(ctx context.Context, what, volume string, do func(dir *os.File) error) error {
	dir, err := s.Open(ctx, volume)
	if err == nil {
		err = do(dir)
		dir.Close()
	}
	if err != nil {
		return fmt.Errorf("cannot %s the volume %s: %w", what, volume, err)
	}
	return nil
}

// Export implements app.Storage.
func (s Storage) Export(ctx context.Context, volume string, w io.Writer) ([]string, error) {
	return s.AsRoot(ctx, "export", volume, nil, w, "tar-out")
}

// Import implements app.Storage. Files belong to whom they belonged to.
func (s Storage) Import(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	return s.AsRoot(ctx, "import", volume, r, io.Discard, "tar-in")
}

// Files implements app.Storage.
func (s Storage) Files(ctx context.Context, volume string) (app.Files, error) {
	var answer bytes.Buffer
	if _, err := s.AsRoot(ctx, "list the files of", volume, nil, &answer, "files"); err != nil {
		return app.Files{}, err
	}
	return ReadFiles(answer.Bytes())
}

// Put implements app.Storage. The file belongs to the volume's owner.
func (s Storage) Put(ctx context.Context, volume, name string, content []byte) error {
	return s.on(ctx, "write to", volume, func(dir *os.File) error { return PutAsOwner(ctx, dir, name, content) })
}

// Get implements app.Storage.
func (s Storage) Get(ctx context.Context, volume, name string) ([]byte, error) {
	var content bytes.Buffer
	_, err := s.AsRoot(ctx, "read from", volume, nil, &content, "get", name)
	return content.Bytes(), err
}

// DatabaseFiles are the files of SQLite in volumes.
func (s Storage) DatabaseFiles(ctx context.Context, volumes []app.Volume) ([]app.Database, error) {
	var found []app.Database
	for _, v := range volumes {
		var answer bytes.Buffer
		if _, err := s.AsRoot(ctx, "look for databases in", v.Name, nil, &answer, "databases"); err != nil {
			return nil, err
		}
		var names map[string][]string
		if err := json.Unmarshal(answer.Bytes(), &names); err != nil {
			return nil, fmt.Errorf("cannot look for databases: %w", err)
		}
		for _, file := range names["/"] {
			found = append(found, app.Database{Engine: "sqlite", Name: v.Name + "/" + file, Volume: v.Name, Path: path.Join(v.Path, file)})
		}
	}
	return found, nil
}
