// Package realgitea starts a real Gitea for tests: on a free loopback port, with SQLite
// in a temporary folder, and without a word to the outside.
//
// The binary is built by dev/gitea/build. Each server is fresh and starts in about two
// seconds; Close ends it and removes what it wrote. It is a forgetest.World.
package realgitea

import (
	"bytes"
	"crypto/rand"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"text/template"
	"time"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge/forgetest"
	"seatrial/internal/must"
)

// startLimit is long enough for a busy machine; two seconds are usual.
const startLimit = 60 * time.Second

const adminName = "keeper" // of the forge; nobody in a test is called so

// Gitea is a running server.
type Gitea struct {
	url   string
	dir   string
	admin *sdk.Client
	token string // the admin's

	cmd  *exec.Cmd
	done chan struct{} // closed when it has exited
	log  *os.File

	mu     sync.Mutex
	tokens map[string]string // our own token of each user, for acting as them
	teams  map[string]int64  // by org and access
	forks  map[string]string // repository and pull request → owner/name of the fork
}

var _ forgetest.World = (*Gitea)(nil)

// Binary finds the Gitea binary and its folder of templates. SEATRIAL_GITEA and
// SEATRIAL_GITEA_STATIC name others.
func Binary() (binary, static string, err error) {
	binary, static = os.Getenv("SEATRIAL_GITEA"), os.Getenv("SEATRIAL_GITEA_STATIC")
	if binary == "" {
		_, file, _, _ := runtime.Caller(0)
		cache := filepath.Join(filepath.Dir(file), "../../../../.cache")
		binary, static = filepath.Join(cache, "bin", "gitea"), filepath.Join(cache, "gitea-static")
	}
	for _, path := range []string{binary, filepath.Join(static, "templates")} {
		if _, err := os.Stat(path); err != nil {
			return "", "", errors.New("there is no Gitea here: build it with dev/gitea/build")
		}
	}
	return binary, static, nil
}

// New starts a server for a test, or skips the test where there is no binary.
func New(t testing.TB) *Gitea {
	t.Helper()
	_, _, err := Binary()
	must.Have(t, "gitea", err == nil, fmt.Sprint(err))
	g, err := Start()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the last words of Gitea:\n%s", g.lastWords())
		}
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
	return g
}

//go:embed app.ini.tmpl
var iniTemplate string

// Start starts a server.
func Start() (_ *Gitea, err error) {
	binary, static, err := Binary()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("/dev/shm", "gitea-") // in memory, or each of its writes would wait for a disk
	if err != nil {
		dir, err = os.MkdirTemp("", "gitea-")
	}
	if err != nil {
		return nil, err
	}
	g := &Gitea{dir: dir, tokens: map[string]string{}, teams: map[string]int64{}, forks: map[string]string{}}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("cannot start Gitea: %w\n%s", err, g.lastWords()), g.Close())
		}
	}()
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	g.url = fmt.Sprintf("http://127.0.0.1:%d", port)
	if err := writeINI(dir, static, port); err != nil {
		return nil, err
	}
	if g.log, err = os.Create(filepath.Join(dir, "gitea.log")); err != nil {
		return nil, err
	}
	if _, err := g.command(binary, "migrate"); err != nil {
		return nil, err
	}
	out, err := g.command(binary, "admin", "user", "create", "--admin", "--username", adminName, "--password", rand.Text(),
		"--email", adminName+"@localhost.invalid", "--must-change-password=false",
		"--access-token", "--access-token-name", "test", "--access-token-scopes", "all")
	if err != nil {
		return nil, err
	}
	found := regexp.MustCompile(`Access token was successfully created\.\.\. ([0-9a-f]{40})`).FindStringSubmatch(out)
	if found == nil {
		return nil, fmt.Errorf("it printed no token: %s", out)
	}
	g.token = found[1]
	if err := g.run(binary); err != nil {
		return nil, err
	}
	if err := g.awaitUp(); err != nil {
		return nil, err
	}
	g.admin, err = sdk.NewClient(g.url, sdk.SetToken(g.token), sdk.SetGiteaVersion(""))
	return g, err
}

// command runs one of Gitea's other commands and returns what it printed.
func (g *Gitea) command(binary string, args ...string) (string, error) {
	cmd := exec.Command(binary, append(args, "--config", filepath.Join(g.dir, "app.ini"))...)
	cmd.Dir, cmd.Env = g.dir, g.env()
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("gitea %s: %w: %s", args[0], err, out)
	}
	return string(out), nil
}

func (g *Gitea) env() []string {
	return []string{"PATH=" + os.Getenv("PATH"), "HOME=" + g.dir, "GITEA_WORK_DIR=" + g.dir, "TMPDIR=" + g.dir, "LC_ALL=C.UTF-8"}
}

// run starts the server so that it dies with us. The kernel looks at the thread that
// started it, so that thread stays.
func (g *Gitea) run(binary string) error {
	cmd := exec.Command(binary, "web", "--config", filepath.Join(g.dir, "app.ini"))
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = g.dir, g.env(), g.log, g.log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	started := make(chan error)
	done := make(chan struct{})
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			cmd.Wait()
			close(done)
		}
	}()
	if err := <-started; err != nil {
		return err
	}
	g.cmd, g.done = cmd, done
	return nil
}

func (g *Gitea) awaitUp() error {
	deadline := time.Now().Add(startLimit)
	for time.Now().Before(deadline) {
		resp, err := http.Get(g.url + "/api/v1/version")
		if err == nil {
			resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-g.done:
			return errors.New("it ended at once")
		case <-time.After(30 * time.Millisecond):
		}
	}
	return fmt.Errorf("it did not answer within %s", startLimit)
}

// Close ends the server and removes its folder.
func (g *Gitea) Close() error {
	if g.cmd != nil {
		// The whole group: Gitea starts git.
		syscall.Kill(-g.cmd.Process.Pid, syscall.SIGTERM)
		select {
		case <-g.done:
		case <-time.After(5 * time.Second):
		}
		syscall.Kill(-g.cmd.Process.Pid, syscall.SIGKILL)
		<-g.done
	}
	if g.log != nil {
		g.log.Close()
	}
	return os.RemoveAll(g.dir)
}

func (g *Gitea) URL() string { return g.url }

func (g *Gitea) lastWords() string {
	text, err := os.ReadFile(filepath.Join(g.dir, "gitea.log"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}

func writeINI(dir, static string, port int) error {
	who, err := user.Current()
	if err != nil {
		return err
	}
	var out bytes.Buffer
	err = template.Must(template.New("").Parse(iniTemplate)).Execute(&out, map[string]any{
		"User": who.Username, "Root": who.Uid == "0", "Dir": dir, "Static": static, "Port": port, "Secret": rand.Text(),
	})
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "app.ini"), out.Bytes(), 0o600)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
