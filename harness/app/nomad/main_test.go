package nomad

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/goleak"

	"seatrial/harness/app"
	"seatrial/harness/app/process"
	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/run"
	"seatrial/internal/must"
	"seatrial/recipes"
)

func TestMain(m *testing.M) {
	process.Main() // the tests' binary works on apps' files, too
	code := m.Run()
	err := one.wipe()
	if err == nil && code == 0 {
		err = goleak.Find()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = 1
	}
	os.Exit(code)
}

// single is the one cluster of this package's tests, of one node, and the test app.
type single struct {
	once   sync.Once
	err    error
	dir    string
	agent  *agent.Agent
	client *cluster.Client // as the harness

	janitor *cluster.Client
	admin   *cluster.Client
	node    string
	guest   string // the test app: see process/testdata/guest
}

var one single

// rights are what the deployer says that it needs.
const rights = `
namespace "ci-apps" {
  capabilities = ["submit-job", "read-job", "list-jobs", "parse-job", "read-logs", "read-fs", "alloc-exec", "alloc-lifecycle",
    "host-volume-create", "host-volume-read", "host-volume-delete"]
}
host_volume "seatrial*" { policy = "write" }
node { policy = "read" }
`

// sweeping are the rights that a place says that it needs.
const sweeping = `
namespace "ci-apps" {
  capabilities = ["list-jobs", "read-job", "deregister-job", "purge-job", "alloc-lifecycle", "host-volume-read", "host-volume-delete"]
}
`

func need(t *testing.T) *single {
	t.Helper()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, fmt.Sprint(err))
	must.Have(t, "nomad", os.Getuid() == 0, "the exec driver and the volumes' folders need root")
	busybox, err := exec.LookPath("busybox")
	must.Have(t, "nomad", err == nil, "there is no busybox: install Debian's busybox-static")
	one.once.Do(func() { one.err = one.start(context.Background(), program, busybox) })
	if one.err != nil {
		t.Fatal(one.err)
	}
	return &one
}

// start starts an agent whose tasks see nothing but a shell and a few programs.
func (s *single) start(ctx context.Context, program, busybox string) (err error) {
	if s.dir, err = os.MkdirTemp("", "seatrial-nomad-"); err != nil {
		return err
	}
	if err := os.Chmod(s.dir, 0o755); err != nil {
		return err
	}
	bin := filepath.Join(s.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		return err
	}
	text, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	for _, name := range []string{"sh", "cat", "cp", "rm", "sleep"} {
		if err := os.WriteFile(filepath.Join(bin, name), text, 0o755); err != nil {
			return err
		}
	}
	s.guest = filepath.Join(s.dir, "guest")
	tools := filepath.Join(s.dir, "tools")
	for file, source := range map[string]string{s.guest: "../process/testdata/guest", filepath.Join(tools, "guestbook"): "./testdata/toolchain"} {
		build := exec.Command("go", "build", "-ldflags=-s -w", "-o", file, source)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if said, err := build.CombinedOutput(); err != nil {
			return fmt.Errorf("cannot build a program for the tests: %w\n%s", err, said)
		}
	}
	s.agent, err = agent.Start(ctx, agent.Options{Program: program, Dir: filepath.Join(s.dir, "node"), Dev: true, Meta: map[string]string{}, ChrootEnv: map[string]string{bin: "/bin", tools: "/usr/local/bin"}})
	if err != nil {
		log, _ := os.ReadFile(filepath.Join(s.dir, "node", "agent.log"))
		return fmt.Errorf("%w\n%s", err, log)
	}
	return s.open(ctx)
}

func (s *single) open(ctx context.Context) error {
	token, err := s.agent.Bootstrap(ctx)
	if err != nil {
		return err
	}
	if err := s.agent.WaitReady(ctx, token, 1); err != nil {
		return err
	}
	if s.admin, err = cluster.NewClient(cluster.Config{Address: s.agent.HTTP, Token: token}); err != nil {
		return err
	}
	nodes, _, err := s.admin.Nodes().List(nil)
	if err != nil {
		return err
	}
	s.node = nodes[0].ID
	if _, err := s.admin.Namespaces().Register(&api.Namespace{Name: "ci-apps"}, nil); err != nil {
		return err
	}
	s.client, err = s.with("harness", rights)
	if err == nil {
		s.janitor, err = s.with("janitor", sweeping)
	}
	return err
}

// with is a client that has some rights and no others.
func (s *single) with(name, rules string) (*cluster.Client, error) {
	if _, err := s.admin.ACLPolicies().Upsert(&api.ACLPolicy{Name: name, Rules: rules}, nil); err != nil {
		return nil, err
	}
	made, _, err := s.admin.ACLTokens().Create(&api.ACLToken{Name: name, Type: "client", Policies: []string{name}}, nil)
	if err != nil {
		return nil, err
	}
	return cluster.NewClient(cluster.Config{Address: s.agent.HTTP, Token: made.SecretID, Namespace: "ci"})
}

func (s *single) wipe() error {
	if s.dir == "" {
		return nil
	}
	for _, c := range []*cluster.Client{s.client, s.janitor, s.admin} {
		if c != nil {
			c.Close()
		}
	}
	var err error
	if s.agent != nil {
		err = s.agent.Wipe()
	}
	http.DefaultClient.CloseIdleConnections() // which waited for the agent
	return errors.Join(err, os.RemoveAll(s.dir))
}

// logBook keeps what an app prints.
type logBook struct {
	mu    sync.Mutex
	lines []string
}

func (l *logBook) add(source, line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lines = append(l.lines, source+": "+line)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.lines, "\n")
}

// newApp makes an app for one test and takes it down at its end, which must leave
// nothing.
func newApp(t *testing.T, s *single, change ...func(*Config)) (*App, *logBook) {
	t.Helper()
	book := &logBook{}
	id := run.NewID(time.Now())
	cfg := Config{
		Client: s.client, Namespaces: cluster.NamespacesFor("ci"), NodeID: s.node,
		Labels:  run.Labels{Instance: "nomad-test", Run: id, Attempt: 1, Expires: time.Now().Add(time.Hour)},
		Label:   "gues-" + strings.ToLower(string(id)[20:]),
		BaseURL: "http://gues-012345.apps.example:8080",
		Enrolment: recipes.Enrolment{
			Volumes:  []string{"data"},
			Env:      map[string]string{"COLOUR": "green"},
			Timeouts: recipes.Timeouts{Stop: recipes.Duration(8 * time.Second)},
		},
		Trusted: true, // without CNI, the exec driver has the node's network alone
		Log:     book.add,
	}
	for _, c := range change {
		c(&cfg)
	}
	a, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Destroy(context.Background()); err != nil {
			t.Errorf("Destroy: %v", err)
		}
		left, err := a.Inventory(context.Background())
		if err != nil || len(left) > 0 {
			t.Errorf("after Destroy: %v %v", left, err)
		}
		if t.Failed() {
			t.Logf("the app printed:\n%s", book)
		}
	})
	return a, book
}

// jobFile is a job whose task runs a line of shell.
func jobFile(line string) string {
	return `
variable "version" {}
variable "colour" { default = "none" }

job "guest" {
  group "web" {
    network {
      port "http" {}
    }
    volume "data" {
      type   = "host"
      source = "data"
    }
    volume "files" {
      type   = "host"
      source = "release"
    }
    task "web" {
      driver      = "exec"
      kill_signal = "SIGTERM"
      config {
        command = "/bin/sh"
        args    = ["-c", ` + cluster.Quote("cd /release; "+line) + `]
      }
      env {
        PORT    = "${NOMAD_PORT_http}"
        VERSION = var.version
        COLOUR  = var.colour
      }
      volume_mount {
        volume      = "data"
        destination = "/data"
      }
      volume_mount {
        volume      = "files"
        destination = "/release"
      }
      resources {
        cpu    = 20
        memory = 64
      }
    }
  }
}
`
}

// release writes a release: the guest program, a VERSION, and a job file.
func (s *single) release(t *testing.T, version, job string) app.Release {
	t.Helper()
	dir := t.TempDir()
	program, err := os.ReadFile(s.guest)
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"guest":   string(program) + version, // each release's program is another one
		"VERSION": version, "guest.nomad.hcl": job,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return app.Release{Name: version, Tree: "tree-of-" + version, Dir: dir}
}
