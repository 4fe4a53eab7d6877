package nomad_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/goleak"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/dispatchtest"
	"seatrial/bridge/dispatch/nomad"
	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/harness/cluster/setup"
	"seatrial/harness/run"
	"seatrial/internal/must"
	"seatrial/recipes"
)

func TestMain(m *testing.M) {
	switch task := os.Getenv(childTask); task {
	case "":
	case "builder":
		builder(os.Args[1])
		return
	default:
		child(task)
		return
	}
	code := m.Run()
	err := theSite.close()
	if leaks := goleak.Find(); err == nil && code == 0 && leaks != nil {
		err = leaks
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// site is one Nomad for all tests of the binary, set up as an operator would.
type site struct {
	once  sync.Once
	err   error
	dir   string
	agent *agent.Agent // nil where the cluster is somebody's
	shell string       // for tasks of the driver exec; empty: there is none
	addr  string
	root  *cluster.Client // with every right
	token string          // with just those that a bridge needs
}

var theSite site

// insideShell is where a task of the driver exec finds the shell.
const insideShell = "/bin/busybox"

// What a cluster that is there already is named by: see dev/test-nomad.
const (
	addrVariable  = "SEATRIAL_NOMAD_ADDR"
	tokenVariable = "SEATRIAL_NOMAD_TOKEN"
)

// namespaces are the usual ones on a cluster of our own, else some of this test's.
var namespaces = func() cluster.Namespaces {
	if os.Getenv(addrVariable) != "" {
		return cluster.NamespacesFor(fmt.Sprintf("contract-%d", os.Getpid()))
	}
	return cluster.NamespacesFor("")
}()

// rights are the least that the package needs.
const rights = `
namespace "ci" {
  capabilities = ["list-jobs", "read-job", "dispatch-job", "read-logs", "read-fs", "alloc-lifecycle", "deregister-job"]
  variables {
    path "seatrial/leases/*" { capabilities = ["read", "destroy"] }
  }
}
namespace "ci-apps" {
  capabilities = ["list-jobs", "read-job", "deregister-job", "purge-job", "host-volume-read", "host-volume-delete"]
}
node { policy = "read" }
`

func theCluster(t *testing.T) *site {
	t.Helper()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil || os.Getenv(addrVariable) != "", "there is no nomad: dev/nomad/build")
	theSite.once.Do(func() { theSite.err = theSite.open(program) })
	if theSite.err != nil {
		t.Fatal(theSite.err)
	}
	return &theSite
}

func (s *site) open(program string) (err error) {
	ctx := context.Background()
	if s.dir, err = os.MkdirTemp("", "dispatch"); err != nil {
		return err
	}
	if err = os.Chmod(s.dir, 0o711); err != nil {
		return err
	}
	management := os.Getenv(tokenVariable)
	if s.addr = os.Getenv(addrVariable); s.addr == "" {
		s.shell, _ = exec.LookPath("busybox")
		if s.agent, err = agent.Start(ctx, agent.Options{
			Program: program, Dir: filepath.Join(s.dir, "node"), Meta: map[string]string{cluster.NodeCapabilities: "browser, kvm"},
			ChrootEnv: map[string]string{s.shell: insideShell}, Grace: 5 * time.Second,
		}); err != nil {
			return err
		}
		s.addr = s.agent.HTTP
		if management, err = s.agent.Bootstrap(ctx); err != nil {
			return err
		}
	}
	if s.root, err = cluster.NewClient(cluster.Config{Address: s.addr, Token: management}); err != nil {
		return err
	}
	for _, name := range []string{namespaces.Runs, namespaces.Apps} {
		if _, err = s.root.Namespaces().Register(&api.Namespace{Name: name}, nil); err != nil {
			return err
		}
	}
	names := strings.NewReplacer(`"ci"`, strconv.Quote(namespaces.Runs), `"ci-apps"`, strconv.Quote(namespaces.Apps))
	if s.token, err = s.newToken("seatrial-"+namespaces.Runs+"-bridge", names.Replace(rights)); err != nil {
		return err
	}
	if err = s.register(job(cluster.JobRun)); err != nil {
		return err
	}
	if s.agent == nil {
		return nil
	}
	return s.agent.WaitReady(ctx, management, 1)
}

func (s *site) newToken(name, rules string) (string, error) {
	if _, err := s.root.ACLPolicies().Upsert(&api.ACLPolicy{Name: name, Rules: rules}, nil); err != nil {
		return "", err
	}
	token, _, err := s.root.ACLTokens().Create(&api.ACLToken{Name: name, Type: "client", Policies: []string{name}}, nil)
	if err != nil {
		return "", err
	}
	return token.SecretID, nil
}

// revoke deletes the token that a client has now.
func (s *site) revoke(t *testing.T, client *cluster.Client) {
	t.Helper()
	own, _, err := client.ACLTokens().Self(client.Query(t.Context(), ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.root.ACLTokens().Delete(own.AccessorID, nil); err != nil {
		t.Fatal(err)
	}
}

func (s *site) register(j *api.Job) error {
	_, _, err := s.root.Jobs().Register(j, &api.WriteOptions{Namespace: namespaces.Runs})
	return err
}

func (s *site) close() error {
	if s.dir == "" {
		return nil
	}
	var err error
	if s.agent != nil {
		err = s.agent.Wipe()
	} else if s.root != nil {
		err = setup.Dismantle(context.Background(), s.root, setup.Options{Namespaces: namespaces})
	}
	if s.root != nil {
		s.root.Close()
	}
	return errors.Join(err, os.RemoveAll(s.dir))
}

// client has just the rights that a bridge needs.
func (s *site) client(t *testing.T) *cluster.Client {
	t.Helper()
	return s.clientAt(t, s.addr)
}

func (s *site) clientAt(t *testing.T, addr string) *cluster.Client {
	t.Helper()
	c, err := cluster.NewClient(cluster.Config{Address: addr, Token: s.token})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func ptr[T any](v T) *T { return &v }

// job is a builder whose tasks are this binary.
func job(id string) *api.Job {
	self, _ := os.Executable()
	j := api.NewBatchJob(id, id, "global", 50)
	j.Datacenters = []string{"*"}
	j.Constraints = []*api.Constraint{api.NewConstraint("${meta.pier}", api.ConstraintAttributeIsNotSet, "")} // that node comes and goes
	j.ParameterizedJob = &api.ParameterizedJobConfig{Payload: "forbidden", MetaRequired: cluster.RequiredMeta, MetaOptional: cluster.OptionalMeta}
	task := func(name string) *api.Task {
		t := api.NewTask(name, "raw_exec").SetConfig("command", self)
		t.Env = map[string]string{childTask: name, childStarts: theSite.dir, "GORACE": "atexit_sleep_ms=0"} // else each lingers for a second
		t.KillTimeout = ptr(5 * time.Second)
		t.Resources = &api.Resources{CPU: ptr(20), MemoryMB: ptr(32)}
		t.LogConfig = &api.LogConfig{MaxFiles: ptr(1), MaxFileSizeMB: ptr(5)}
		t.RestartPolicy = &api.RestartPolicy{Attempts: ptr(0), Mode: ptr("fail")}
		return t
	}
	teardown := task(cluster.Teardown)
	teardown.LogConfig.Disabled = ptr(true) // it prints nothing, and a process less is started
	teardown.Lifecycle = &api.TaskLifecycle{Hook: api.TaskLifecycleHookPoststop}
	group := api.NewTaskGroup(cluster.Group, 1).AddTask(task(cluster.Executor)).AddTask(teardown)
	group.RestartPolicy = &api.RestartPolicy{Attempts: ptr(0), Mode: ptr("fail")}
	group.ReschedulePolicy = &api.ReschedulePolicy{Attempts: ptr(0), Unlimited: ptr(false)}
	group.Disconnect = &api.DisconnectStrategy{LostAfter: ptr(time.Minute), Replace: ptr(false), Reconcile: ptr("keep_original")}
	group.EphemeralDisk = &api.EphemeralDisk{SizeMB: ptr(20)}
	return j.AddTaskGroup(group)
}

func enrolment(name string) (recipes.Enrolment, bool) {
	return recipes.Enrolment{Name: name, Repo: "acme/" + name}, name != "gone"
}

// dispatcher opens a dispatcher that listens to the cluster.
func (s *site) dispatcher(t *testing.T, root string, change func(*nomad.Config)) *nomad.Dispatcher {
	t.Helper()
	c := nomad.Config{
		Client: s.client(t), Namespaces: namespaces, Instance: "test", Root: root, Enrolment: enrolment,
		PublicURL: "https://ci.example.org", Domain: "ci.example.org", Log: slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
	if change != nil {
		change(&c)
	}
	d, err := nomad.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

type testWriter struct{ t *testing.T }

func (w testWriter) Write(p []byte) (int, error) {
	w.t.Logf("%s", p)
	return len(p), nil
}

// listen runs the dispatcher until the test ends.
func listen(t *testing.T, d *nomad.Dispatcher) *nomad.Dispatcher {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return d
}

func request(recipe string) run.Request {
	return run.Request{ID: run.NewID(time.Now()), Recipe: recipe, Limit: time.Minute, Code: run.Code{
		Repo: "acme/" + recipe, URL: "https://git.example.org/acme/" + recipe + ".git", Pull: 7, Ref: "refs/pull/7/head", Commit: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
	}}
}

func lease() run.Lease { return run.Lease{Expires: time.Now().Add(time.Hour)} }

func TestNomad(t *testing.T) {
	t.Parallel()
	s := theCluster(t)
	for name, listens := range map[string]bool{"listening": true, "asking": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dispatchtest.Contract(t, func(t *testing.T) dispatchtest.Fixture {
				t.Parallel()
				root := t.TempDir()
				open := func() dispatch.Dispatcher {
					d := s.dispatcher(t, root, nil)
					if listens {
						listen(t, d)
					}
					return d
				}
				return dispatchtest.Fixture{
					Dispatcher: open(), Reopen: open,
					Starts: func(id run.ID, attempt int) int { return starts(s.dir, id, attempt) },
				}
			})
		})
	}
}
