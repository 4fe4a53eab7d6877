package nomad

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"

	"seatrial/harness/app/inside"
)

// inVolume runs a tool on one volume, as the volume's owner.
func (a *App) inVolume(ctx context.Context, what, volume string, in io.Reader, out io.Writer, verb string, args ...string) error {
	fail := func(err error) error { return fmt.Errorf("cannot %s the volume %s: %w", what, volume, err) }
	folder, err := a.folderOf(ctx, volume)
	if err != nil {
		return fail(err)
	}
	dir, err := os.Open(folder)
	if err != nil {
		return fail(err)
	}
	defer dir.Close()
	uid, gid, err := inside.OwnerIn(dir, ".")
	if err != nil {
		return fail(err)
	}
	if err := inside.Run(ctx, dir, uid, gid, in, out, append([]string{verb, "/"}, args...)...); err != nil {
		return fail(err)
	}
	return nil
}

// Export implements app.Storage.
func (a *App) Export(ctx context.Context, volume string, w io.Writer) error {
	return a.inVolume(ctx, "export", volume, nil, w, "tar-out")
}

// Import implements app.Storage. A stream that cannot be used to its end leaves the
// volume as it was. What is imported belongs to the volume's owner.
func (a *App) Import(ctx context.Context, volume string, r io.Reader) error {
	return a.inVolume(ctx, "import", volume, r, io.Discard, "tar-in")
}

// Put implements app.Storage.
func (a *App) Put(ctx context.Context, volume, path string, content []byte) error {
	return a.inVolume(ctx, "write to", volume, bytes.NewReader(content), io.Discard, "put", path)
}

// Get implements app.Storage.
func (a *App) Get(ctx context.Context, volume, path string) ([]byte, error) {
	var content bytes.Buffer
	err := a.inVolume(ctx, "read from", volume, nil, &content, "get", path)
	return content.Bytes(), err
}

// fill copies a release's files into a volume. Links stay links.
func fill(dir, release string) error {
	read, write := io.Pipe()
	go func() { write.CloseWithError(inside.Export(release, write)) }()
	err := inside.Import(dir, read)
	read.CloseWithError(fs.ErrClosed) // in case it was not read to its end
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
