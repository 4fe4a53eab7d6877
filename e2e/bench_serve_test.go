package e2e_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/store"
)

const (
	yardOrg    = "org"
	yardBot    = "seatrial-bot"
	yardMember = "ada"
)

// yard is a forge with an organisation of recipes, all of them enrolled.
type yard struct {
	forge   *forgetest.Server
	repos   []forge.Repo
	source  string // the git repository that they all have
	token   string
	tests   string
	state   string
	program string
}

// newYard makes a forge with n repositories of one organisation.
func newYard(b *testing.B, n int, enrolment string) *yard {
	b.Helper()
	return newYardOn(b, forgetest.NewServer(b), n, enrolment)
}

func newYardOn(b *testing.B, server *forgetest.Server, n int, enrolment string) *yard {
	b.Helper()
	y := &yard{
		forge: server, source: filepath.Join(b.TempDir(), "source"),
		tests: filepath.Join(b.TempDir(), "tests"), state: filepath.Join(b.TempDir(), "state"), program: benchmarked(b),
	}
	y.commit(b, 50)
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	check(y.forge.AddOrg(yardOrg))
	for login, access := range map[string]forgetest.Access{yardBot: forgetest.Write, yardMember: forgetest.Read} {
		_, err := y.forge.AddUser(login)
		check(err)
		check(y.forge.AddMember(yardOrg, login, access))
	}
	var err error
	y.token, err = y.forge.Token(yardBot)
	check(err)
	first, err := y.forge.AddRepo(yardOrg, "recipe", y.source)
	check(err)
	twins, err := y.forge.AddTwins(first, "recipe-", n-1)
	check(err)
	y.repos = append([]forge.Repo{first}, twins...)
	for _, repo := range y.repos {
		dir := filepath.Join(y.tests, repo.Name)
		check(os.MkdirAll(dir, 0o755))
		check(os.WriteFile(filepath.Join(dir, "recipe.yaml"), fmt.Appendf(nil, "version: 1\nrepo: %s\n%s", repo, enrolment), 0o644))
	}
	return y
}

// commit makes the recipe's repository: nothing in it can be deployed.
func (y *yard) commit(b *testing.B, n int) {
	b.Helper()
	if _, err := forgetest.Git(filepath.Dir(y.source), "init", "--quiet", "--initial-branch=main", y.source); err != nil {
		b.Fatal(err)
	}
	for i := range n {
		if err := os.WriteFile(filepath.Join(y.source, "README.md"), fmt.Appendln(nil, "Revision", i), 0o644); err != nil {
			b.Fatal(err)
		}
		for _, args := range [][]string{{"add", "README.md"}, {"commit", "--quiet", "-m", "Change the README"}} {
			if _, err := forgetest.Git(y.source, args...); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// read notes in the journal that every repository was read before, as in an
// installation that is not new: repositories never read would be read one by one first.
func (y *yard) read(b *testing.B) {
	b.Helper()
	if err := os.MkdirAll(y.state, 0o711); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), filepath.Join(y.state, "journal.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	cursor := forge.Cursor(`{"start":` + strconv.Quote(time.Now().UTC().Format(time.RFC3339)) + `}`)
	for _, repo := range y.repos {
		repo.Forge = "gitea" // as the program calls its forge
		if err := db.SetCursor(b.Context(), forge.Repository(repo).Name(), cursor); err != nil {
			b.Fatal(err)
		}
	}
}

// served is a running `seatrial serve`.
type served struct {
	cmd *exec.Cmd
	url string
	log *os.File
}

// serve starts the program, and stops it with the benchmark.
func (y *yard) serve(b *testing.B, options ...string) *served {
	b.Helper()
	tokenFile := filepath.Join(b.TempDir(), "token")
	if err := os.WriteFile(tokenFile, []byte(y.token+"\n"), 0o600); err != nil {
		b.Fatal(err)
	}
	log, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	args := []string{"--state", y.state, "serve", "--forges", y.list(b, tokenFile), "--tests", y.tests, "--listen", "127.0.0.1:0"}
	args = append(args, options...)
	s := &served{cmd: exec.Command(y.program, args...), log: log}
	s.cmd.Stderr = log
	out, err := s.cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := s.cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { s.stop(b) })
	line, _ := bufio.NewReader(out).ReadString('\n')
	fields := strings.Fields(line) // seatrial VERSION serves ORG at URL
	if len(fields) == 0 {
		b.Fatalf("the server did not start:\n%s", s.said())
	}
	s.url = fields[len(fields)-1]
	return s
}

func (s *served) stop(b *testing.B) {
	_ = s.cmd.Process.Signal(syscall.SIGTERM)
	timer := time.AfterFunc(20*time.Second, func() { _ = s.cmd.Process.Kill() })
	defer timer.Stop()
	if err := s.cmd.Wait(); err != nil {
		b.Errorf("the server ended badly: %v\n%s", err, s.said())
	}
	s.log.Close()
}

// said is the end of the server's log.
func (s *served) said() string {
	text, _ := os.ReadFile(s.log.Name())
	if lines := bytes.Split(text, []byte("\n")); len(lines) > 20 {
		text = bytes.Join(lines[len(lines)-20:], []byte("\n"))
	}
	return string(text)
}

// memory is one of the sizes in /proc/PID/status, in MiB.
func (s *served) memory(b *testing.B, name string) float64 {
	b.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		b.Fatal(err)
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, name+":"); ok {
			kib, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			if err != nil {
				b.Fatal(err)
			}
			return float64(kib) / 1024
		}
	}
	b.Fatalf("the kernel does not tell %s", name)
	return 0
}

// eventually waits until it is so.
func eventually(b *testing.B, s *served, patience time.Duration, what string, so func() bool) {
	b.Helper()
	for deadline := time.Now().Add(patience); !so(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(deadline) {
			b.Fatalf("gave up after %s waiting for %s; the server's log ends:\n%s", patience, what, s.said())
		}
	}
}
