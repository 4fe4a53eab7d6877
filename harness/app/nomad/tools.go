package nomad

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"strings"
	"syscall"

	"seatrial/harness/app/inside"
)

// runTool works on an app's files as their owner, in a process that sees nothing but
// the folder: see package inside.
func runTool(ctx context.Context, dir *os.File, uid, gid int, in io.Reader, out io.Writer, tool ...string) error {
	const firstExtra = 3 // after standard input, output and error
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "/proc/self/exe", inside.Confined(fdPath(firstExtra), uid, gid, tool...)...)
	cmd.ExtraFiles = []*os.File{dir}
	cmd.Env = []string{inside.PartEnv + "=" + inside.PartTool, "TMPDIR=/", "TZ=UTC"}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err := cmd.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, _ := exit.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			return inside.ToolError(-1, int(status.Signal()), said.String())
		}
		return inside.ToolError(exit.ExitCode(), 0, said.String())
	}
	return err
}

// fdPath is the path of what an open file is, for the process that has it open.
func fdPath(fd uintptr) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// ownerIn is whose a file is, found without following a link out of the folder.
func ownerIn(dir *os.File, name string) (uid, gid int, err error) {
	root, err := os.OpenRoot(fdPath(dir.Fd()))
	if err != nil {
		return 0, 0, err
	}
	defer root.Close()
	info, err := root.Lstat(path.Clean(name))
	if err != nil {
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, errors.New("its owner cannot be told")
	}
	return int(stat.Uid), int(stat.Gid), nil
}

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
	uid, gid, err := ownerIn(dir, ".")
	if err != nil {
		return fail(err)
	}
	if err := runTool(ctx, dir, uid, gid, in, out, append([]string{verb, "/"}, args...)...); err != nil {
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
