package inside

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path"
	"syscall"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
)

// Run does a tool's work on the files in a folder, in a process that sees nothing but the
// folder and is another user, a copy of this program. It requires root. What the tool
// could not keep is listed.
func Run(ctx context.Context, dir *os.File, uid, gid int, in io.Reader, out io.Writer, tool ...string) (notKept []string, err error) {
	const firstExtra = 3 // after standard input, output and error
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "/proc/self/exe", Confined(FDPath(firstExtra), uid, gid, tool...)...)
	cmd.ExtraFiles = []*os.File{dir}
	cmd.Env = []string{PartEnv + "=" + PartTool, "TMPDIR=/", "TZ=UTC"}
	cmd.Dir = "/"
	cmd.Stdin, cmd.Stdout, cmd.Stderr = in, out, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Run()
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		status, _ := exit.Sys().(syscall.WaitStatus)
		if status.Signaled() {
			return nil, ToolError(-1, int(status.Signal()), said.String())
		}
		return nil, ToolError(exit.ExitCode(), 0, said.String())
	}
	return ToolLines(said.String()), err
}

// FDPath is the path of what an open file is, for the process that has it open.
func FDPath(fd uintptr) string { return fmt.Sprintf("/proc/self/fd/%d", fd) }

// OwnerIn is whose a file is, found without following a link out of the folder.
func OwnerIn(dir *os.File, name string) (uid, gid int, err error) {
	root, err := os.OpenRoot(FDPath(dir.Fd()))
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

// AsRoot runs a tool on a folder, with nothing but the folder to see. It requires root, as
// Run does.
func AsRoot(ctx context.Context, dir *os.File, in io.Reader, out io.Writer, verb string, args ...string) (notKept []string, err error) {
	tool := append([]string{verb, "/"}, args...)
	if verb == "tar-in" || verb == "tar-merge" {
		public, err := isPublic(dir)
		if err != nil {
			return nil, err
		}
		if public {
			tool = append(tool, Public)
		}
	}
	return Run(ctx, dir, 0, 0, in, out, tool...)
}

// PutAsOwner adds a file to a folder, or overwrites it, as the folder's owner.
func PutAsOwner(ctx context.Context, dir *os.File, name string, content []byte) error {
	uid, gid, err := OwnerIn(dir, ".")
	if err != nil {
		return err
	}
	_, err = Run(ctx, dir, uid, gid, bytes.NewReader(content), io.Discard, "put", "/", name)
	return err
}

// isPublic says whether users of this machine can reach what lies in a folder and have its
// programs run as whoever these belong to.
func isPublic(dir *os.File) (bool, error) {
	var mount unix.Statfs_t
	if err := unix.Fstatfs(int(dir.Fd()), &mount); err != nil {
		return false, err
	}
	if mount.Flags&unix.ST_NOSUID != 0 {
		return false, nil
	}
	name, err := os.Readlink(FDPath(dir.Fd()))
	if err != nil {
		return false, err
	}
	for above := path.Dir(name); ; above = path.Dir(above) {
		var stat unix.Stat_t
		if err := unix.Stat(above, &stat); err != nil {
			return false, err
		}
		othersMay := stat.Mode&unix.S_IXOTH != 0 || stat.Mode&unix.S_IXGRP != 0 && stat.Gid != 0
		if !othersMay && stat.Uid == 0 {
			return false, nil
		}
		if above == "/" {
			return true, nil
		}
	}
}

// Ask runs SQL in a database file of a folder, as the file's owner. Its arguments and
// answer are those of SQL.
func Ask(ctx context.Context, dir *os.File, file string, statements []string) (rows []app.Rows, err error) {
	uid, gid, err := OwnerIn(dir, file)
	if err != nil {
		return nil, err
	}
	question, err := json.Marshal(Question{File: "/" + file, Statements: statements})
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	if _, err := Run(ctx, dir, uid, gid, bytes.NewReader(question), &answer, "sql"); err != nil {
		return nil, err
	}
	err = json.Unmarshal(answer.Bytes(), &rows)
	return rows, err
}
