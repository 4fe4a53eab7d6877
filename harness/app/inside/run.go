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
)

// Run does a tool's work on the files in a folder, in a process that sees nothing but the
// folder and is another user, a copy of this program. It takes root.
func Run(ctx context.Context, dir *os.File, uid, gid int, in io.Reader, out io.Writer, tool ...string) error {
	const firstExtra = 3 // after standard input, output and error
	var said bytes.Buffer
	cmd := exec.CommandContext(ctx, "/proc/self/exe", Confined(FDPath(firstExtra), uid, gid, tool...)...)
	cmd.ExtraFiles = []*os.File{dir}
	cmd.Env = []string{PartEnv + "=" + PartTool, "TMPDIR=/", "TZ=UTC"}
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
			return ToolError(-1, int(status.Signal()), said.String())
		}
		return ToolError(exit.ExitCode(), 0, said.String())
	}
	return err
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

// Ask runs SQL in a database file of a folder, as the file's owner. Its arguments and
// answer are those of SQL.
func Ask(ctx context.Context, dir *os.File, file string, statements []string) (rows [][][]string, err error) {
	uid, gid, err := OwnerIn(dir, file)
	if err != nil {
		return nil, err
	}
	question, err := json.Marshal(Question{File: "/" + file, Statements: statements})
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	if err := Run(ctx, dir, uid, gid, bytes.NewReader(question), &answer, "sql"); err != nil {
		return nil, err
	}
	err = json.Unmarshal(answer.Bytes(), &rows)
	return rows, err
}
