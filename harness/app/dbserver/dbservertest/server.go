package dbservertest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/dbserver"
	"seatrial/internal/must"
)

// Password is that of the server's first user.
const Password = `pass "word' $HOME`

// Server is a server that runs until its test ends.
type Server struct {
	dbserver.Server
	dir  string
	dump []string // a program that writes a database, and one that reads it
	load []string
	cred *syscall.Credential
	stop func()
}

// Kinds are the servers that Start knows.
var Kinds = []string{"postgres", "mariadb"}

// Start starts a server of that kind.
func Start(t testing.TB, kind string) *Server {
	t.Helper()
	programs := map[string][]string{
		"postgres": {"psql", "pg_dump", "initdb", "postgres"},
		"mariadb":  {"mariadb", "mariadb-dump", "mariadb-install-db", "mariadbd"},
	}[kind]
	path := map[string]string{}
	for _, name := range programs {
		path[name] = find(name)
		must.Have(t, kind, path[name] != "", "there is no "+name+": run dev/prepare test")
	}
	// Not below the test's own folder, which only its user may enter.
	dir, err := os.MkdirTemp("", "seatrial-db-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	s := &Server{dir: dir}
	s.owned(t, map[string]string{"postgres": "postgres", "mariadb": "mysql"}[kind])
	if err := os.WriteFile(filepath.Join(dir, "password"), []byte(Password), 0o644); err != nil {
		t.Fatal(err)
	}
	switch kind {
	case "postgres":
		s.postgres(t, path)
	case "mariadb":
		s.mariadb(t, path)
	}
	t.Cleanup(s.Stop)
	return s
}

// Exec runs a command as the server's user, beside the server.
func (s *Server) Exec(ctx context.Context, argv []string, env map[string]string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + s.dir + ":" + os.Getenv("PATH"), "HOME=" + s.dir}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, stdout, stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// Do runs SQL in a database, and fails the test if it is refused.
func (s *Server) Do(t testing.TB, database string, statements ...string) []app.Rows {
	t.Helper()
	answers, err := s.SQL(t.Context(), s.Exec, app.Database{Name: s.Service + "/" + database}, statements...)
	if err != nil {
		t.Fatal(err)
	}
	return answers
}

// Dump writes a database as the server's own program does.
func (s *Server) Dump(t testing.TB, database string) []byte {
	t.Helper()
	var out bytes.Buffer
	s.program(t, append(s.dump, database), nil, &out)
	return out.Bytes()
}

// Load reads what Dump wrote into an empty database.
func (s *Server) Load(t testing.TB, database string, dump []byte) {
	t.Helper()
	s.program(t, append(s.load, database), bytes.NewReader(dump), io.Discard)
}

// Stop stops the server.
func (s *Server) Stop() {
	if s.stop != nil {
		s.stop()
		s.stop = nil
	}
}

func (s *Server) program(t testing.TB, argv []string, stdin io.Reader, stdout io.Writer) {
	t.Helper()
	var stderr bytes.Buffer
	env := map[string]string{"PGUSER": "app", "PGPASSWORD": Password, "MYSQL_PWD": Password}
	if exit, err := s.Exec(t.Context(), argv, env, stdin, stdout, &stderr); err != nil || exit != 0 {
		t.Fatalf("%s: %v, exit code %d: %s", strings.Join(argv, " "), err, exit, &stderr)
	}
}

// serve starts the server's program and waits until it answers.
func (s *Server) serve(t testing.TB, argv ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = s.dir, []string{"PATH=" + os.Getenv("PATH")}, &log, &log
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.cred}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { cmd.Wait(); close(ended) }()
	s.stop = func() {
		cmd.Process.Signal(syscall.SIGINT) // PostgreSQL: without waiting for clients
		if strings.HasSuffix(argv[0], "mariadbd") {
			cmd.Process.Signal(syscall.SIGTERM)
		}
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			cmd.Process.Kill()
			<-ended
		}
	}
	if _, err := s.Databases(t.Context(), s.Exec); err != nil {
		s.Stop()
		t.Fatalf("the server does not answer: %v\n%s", err, &log)
	}
}

// owned gives the folder to a user that the server agrees to run as.
func (s *Server) owned(t testing.TB, name string) {
	t.Helper()
	if os.Getuid() != 0 {
		return
	}
	u, err := user.Lookup(name)
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	s.cred = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	if err := os.Chown(s.dir, uid, gid); err != nil {
		t.Fatal(err)
	}
}

// find finds a program, also where Debian keeps PostgreSQL's.
func find(name string) string {
	if path, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name); len(path) > 0 {
		return path[len(path)-1]
	}
	for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/usr/local/sbin") {
		if path, err := exec.LookPath(filepath.Join(dir, name)); err == nil {
			return path
		}
	}
	return ""
}
