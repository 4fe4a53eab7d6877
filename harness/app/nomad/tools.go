package nomad

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

// inVolume does a tool's work on one volume. Tasks run as many users, so what they wrote
// is read, and put back, as root of nothing but that volume.
func (a *App) inVolume(ctx context.Context, what, volume string, in io.Reader, out io.Writer, verb string, args ...string) (notKept []string, err error) {
	err = a.onVolume(ctx, what, volume, func(dir *os.File) error {
		notKept, err = inside.AsRoot(ctx, dir, in, out, verb, args...)
		return err
	})
	return notKept, err
}

// onVolume opens a volume's folder for something to be done with it.
func (a *App) onVolume(ctx context.Context, what, volume string, do func(dir *os.File) error) error {
	folder, err := a.folderOf(ctx, volume)
	if err == nil {
		var dir *os.File
		if dir, err = os.Open(folder); err == nil {
			err = do(dir)
			dir.Close()
		}
	}
	if err != nil {
		return fmt.Errorf("cannot %s the volume %s: %w", what, volume, err)
	}
	return nil
}

// Export implements app.Storage.
func (a *App) Export(ctx context.Context, volume string, w io.Writer) ([]string, error) {
	return a.inVolume(ctx, "export", volume, nil, w, "tar-out")
}

// Import implements app.Storage. Files belong to whom they belonged to.
func (a *App) Import(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	return a.inVolume(ctx, "import", volume, r, io.Discard, "tar-in")
}

// Files implements app.Storage.
func (a *App) Files(ctx context.Context, volume string) (app.Files, error) {
	var answer bytes.Buffer
	if _, err := a.inVolume(ctx, "list the files of", volume, nil, &answer, "files"); err != nil {
		return app.Files{}, err
	}
	return inside.ReadFiles(answer.Bytes())
}

// Put implements app.Storage. The file belongs to the volume's owner.
func (a *App) Put(ctx context.Context, volume, path string, content []byte) error {
	return a.onVolume(ctx, "write to", volume, func(dir *os.File) error { return inside.PutAsOwner(ctx, dir, path, content) })
}

// Get implements app.Storage.
func (a *App) Get(ctx context.Context, volume, path string) ([]byte, error) {
	var content bytes.Buffer
	_, err := a.inVolume(ctx, "read from", volume, nil, &content, "get", path)
	return content.Bytes(), err
}

// fill copies a release's files into a volume. Links stay links.
func fill(dir, release string) error {
	_, err := inside.Copy(release, dir, nil)
	if err == nil {
		err = os.Chmod(dir, 0o755)
	}
	return err
}

// below is a path within a folder, as seen from there; ok is false for one outside.
func below(dir, name string) (string, bool) {
	rest, ok := strings.CutPrefix(path.Clean(name), strings.TrimSuffix(path.Clean(dir), "/")+"/")
	return rest, ok && rest != ""
}
