package swarm

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/process"
	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/run"
	"seatrial/recipes"
)

func TestMain(m *testing.M) {
	process.Main() // the tests' binary works on apps' files, too
	os.Exit(swarmtest.Main(m))
}

// guests are images of the test app, see process/testdata/guest, one a version. Each
// has another program, so that a release is known by what runs.
var guests struct {
	once sync.Once
	err  error
}

const guestImage = "127.0.0.1:5000/test/guest"

// dockerfile makes an image of a program, a shell and a version.
const dockerfile = `FROM scratch
COPY busybox /bin/busybox
COPY guest VERSION /srv/
RUN ["/bin/busybox", "--install", "-s", "/bin"]
WORKDIR /srv
ENV LISTEN=0.0.0.0 PORT=8080 DATA_DIR=/data
CMD ["./guest", "serve"]
`

func need(t *testing.T) *Engine {
	t.Helper()
	started := swarmtest.Need(t)
	guests.once.Do(func() { guests.err = buildGuests(context.Background(), started) })
	if guests.err != nil {
		t.Fatal(guests.err)
	}
	e, err := Connect(started.Host, "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func buildGuests(ctx context.Context, started *swarmtest.Engine) error {
	dir, err := os.MkdirTemp("", "seatrial-guest-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	guest := filepath.Join(dir, "guest")
	build := exec.CommandContext(ctx, "go", "build", "-ldflags=-s -w", "-o", guest, "../process/testdata/guest")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if said, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("cannot build the test app: %w\n%s", err, said)
	}
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		return fmt.Errorf("there is no busybox: install Debian's busybox-static: %w", err)
	}
	shell, err := os.ReadFile(busybox)
	if err != nil {
		return err
	}
	program, err := os.ReadFile(guest)
	if err != nil {
		return err
	}
	for _, version := range []string{"1.0.0", "2.0.0", "3.0.0"} {
		context := filepath.Join(dir, version)
		if err := os.Mkdir(context, 0o755); err != nil {
			return err
		}
		for name, content := range map[string][]byte{"busybox": shell, "guest": append(program, version...), "VERSION": []byte(version), "Dockerfile": []byte(dockerfile)} {
			if err := os.WriteFile(filepath.Join(context, name), content, 0o755); err != nil {
				return err
			}
		}
		if _, err := started.Docker(ctx, "build", "--quiet", "--tag", guestImage+":"+version, context); err != nil {
			return err
		}
	}
	return nil
}

// composeOf is a recipe of one service that runs a line.
func composeOf(version, line string) string {
	return `version: "3.8"
services:
  app:
    image: ` + guestImage + ":" + version + `
    command: ["sh", "-c", ` + fmt.Sprintf("%q", line) + `]
    volumes: ["data:/data"]
    networks: [proxy, internal]
    stop_grace_period: 2s
    deploy:
      restart_policy: {delay: 500ms}
      labels:
        - "traefik.enable=true"
        - "traefik.http.routers.${STACK_NAME}.rule=Host(` + "`${DOMAIN}`" + `)"
        - "traefik.http.services.${STACK_NAME}.loadbalancer.server.port=8080"
        - "coop-cloud.${STACK_NAME}.version=` + version + `+1"
volumes: {data: }
networks:
  proxy: {external: true}
  internal: {}
`
}

// release is a recipe with this compose.yml.
func release(t *testing.T, name, text string, more ...string) app.Release {
	t.Helper()
	dir := t.TempDir()
	files := append([]string{"compose.yml", text, ".env.sample", "TYPE=guest\n"}, more...)
	for i := 0; i < len(files); i += 2 {
		file := filepath.Join(dir, files[i])
		noError(t, os.MkdirAll(filepath.Dir(file), 0o755))
		noError(t, os.WriteFile(file, []byte(files[i+1]), 0o644))
	}
	return app.Release{Name: name, Tree: "tree-of-" + name, Dir: dir}
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
// nothing that the docker program would list.
func newApp(t *testing.T, e *Engine, change ...func(*Config)) (*App, *logBook) {
	t.Helper()
	book := &logBook{}
	id := run.NewID(time.Now())
	label := id.Label("guest")
	cfg := Config{
		Engine:  e,
		Labels:  run.Labels{Instance: "swarm-test", Run: id, Attempt: 1, Expires: time.Now().Add(time.Hour)},
		Label:   label,
		BaseURL: "http://" + label + ".apps.example:8080",
		Enrolment: recipes.Enrolment{
			Target:   "swarm",
			Timeouts: recipes.Timeouts{Stop: recipes.Duration(8 * time.Second)},
		},
		Scratch: t.TempDir(),
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
		left, err := swarmtest.Need(t).Inventory(context.Background())
		if err != nil {
			t.Error(err)
		}
		for _, line := range left {
			if strings.Contains(line, cfg.Label) {
				t.Errorf("left over: %s", line)
			}
		}
		if t.Failed() {
			t.Logf("the app's log:\n%s", book)
		}
	})
	return a, book
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
