package examples

import (
	"context"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app/swarm/swarmtest"
)

// stack is a recipe as a person would deploy it, by the docker command line.
type stack struct {
	t    *testing.T
	e    *swarmtest.Engine
	name string
	repo string
	env  map[string]string
}

func newStack(t *testing.T, example, name string, env map[string]string) *stack {
	s := &stack{t, swarmtest.Need(t), name, filepath.Join(t.TempDir(), "repo"), env}
	maps.Copy(env, map[string]string{"STACK_NAME": name, "DOMAIN": name + ".example.org", "LETS_ENCRYPT_ENV": "production"})
	if err := Write(t.Context(), example, s.repo); err != nil {
		t.Fatal(err)
	}
	s.docker("network", "create", "--driver", "overlay", "proxy")
	t.Cleanup(s.remove)
	return s
}

func (s *stack) docker(args ...string) string {
	s.t.Helper()
	out, err := s.e.Docker(s.t.Context(), args...)
	if err != nil {
		s.t.Fatal(err)
	}
	return out
}

// remove uses a context of its own: that of the test has ended.
func (s *stack) remove() {
	ctx := s.t.Context()
	_, _ = s.e.Docker(context.WithoutCancel(ctx), "stack", "rm", s.name)
	s.await("the stack's end", func() (string, bool) {
		_, err := s.e.Docker(context.WithoutCancel(ctx), "network", "rm", "proxy")
		left, _ := s.e.Docker(context.WithoutCancel(ctx), "ps", "--all", "--quiet")
		return fmt.Sprint(err, left), left == "" && (err == nil || strings.Contains(err.Error(), "No such network"))
	})
	volumes, _ := s.e.Docker(context.WithoutCancel(ctx), "volume", "ls", "--quiet")
	for _, volume := range strings.Fields(volumes) {
		if _, err := s.e.Docker(context.WithoutCancel(ctx), "volume", "rm", volume); err != nil {
			s.t.Error(err)
		}
	}
}

// deploy deploys a revision and waits until the service is healthy with an image.
func (s *stack) deploy(rev, service, image string, files ...string) {
	s.t.Helper()
	for name, value := range s.env {
		s.t.Setenv(name, value)
	}
	dir := checkout(s.t, s.repo, rev)
	args := []string{"stack", "deploy"}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			s.t.Fatal(err)
		}
		// There may be no IPVS in the kernel.
		changed := strings.ReplaceAll(string(text), "\n    deploy:\n", "\n    deploy:\n      endpoint_mode: dnsrr\n")
		if err := os.WriteFile(filepath.Join(dir, name), []byte(changed), 0o600); err != nil {
			s.t.Fatal(err)
		}
		args = append(args, "--compose-file", filepath.Join(dir, name))
	}
	s.docker(append(args, s.name)...)
	s.await(image, func() (string, bool) {
		seen := s.docker("ps", "--filter", "name="+s.name+"_"+service+".", "--format", "{{.Image}} {{.Status}}")
		return seen, strings.Contains(seen, image) && strings.Contains(seen, "(healthy)")
	})
}

func (s *stack) await(what string, so func() (string, bool)) {
	s.t.Helper()
	var seen string
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		var ok bool
		if seen, ok = so(); ok {
			return
		}
	}
	s.t.Fatalf("gave up waiting for %s: last seen %s", what, seen)
}

// sh runs a line in the service's container, as hooks are run.
func (s *stack) sh(service, line string) string {
	s.t.Helper()
	container := s.docker("ps", "--quiet", "--filter", "name="+s.name+"_"+service+".", "--filter", "health=healthy")
	return s.docker("exec", container, "sh", "-c", line)
}

func (s *stack) holds(service, page string, want ...string) {
	s.t.Helper()
	text := s.sh(service, "wget -q -O - http://127.0.0.1:"+page)
	for _, w := range want {
		if !strings.Contains(text, w) {
			s.t.Errorf("%s does not hold %q: %s", page, w, text)
		}
	}
}

func TestTheLedgerKeepsItsEntriesInPostgreSQL(t *testing.T) {
	long(t)
	s := newStack(t, "ledger", "led", map[string]string{"TIMEOUT": "60", "PG_BACKUP_VERSION": "v1", "SECRET_DB_PASSWORD_VERSION": "v1"})
	password := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(password, []byte("correct+horse/battery="), 0o600); err != nil {
		t.Fatal(err)
	}
	s.docker("secret", "create", "led_db_password_v1", password)
	t.Cleanup(func() {
		s.remove()
		if _, err := s.e.Docker(context.WithoutCancel(t.Context()), "secret", "rm", "led_db_password_v1"); err != nil {
			t.Error(err)
		}
	})
	files := []string{"compose.yml", "compose.postgres.yml"}
	s.deploy("1.0.1+1.0.0", "app", "/ledger:1.0.0", files...)
	// The answer is a redirection, which this wget follows with what it has posted.
	write := func(form string) {
		s.sh("app", "wget -q -O /dev/null --post-data '"+form+"' http://127.0.0.1:8080/entries || true")
	}
	write("what=Rope&cents=-5")
	s.holds("app", "8080/entries.json", `"what":"Rope","cents":-5,"account":""`, `"version":"1.0.0"`)

	s.deploy(PullBranch, "app", "/ledger:1.1.0", files...)
	s.holds("app", "8080/entries.json", `"what":"Rope","cents":-5,"account":"cash"`, `"version":"1.1.0"`)
	s.sh("db", "/pg_backup.sh backup && gzip -t /var/lib/postgresql/data/backup.sql.gz")
	write("what=Late&cents=7")
	s.holds("app", "8080/entries.json", "Late")
	s.sh("db", "/pg_backup.sh restore && test ! -e /var/lib/postgresql/data/backup.sql.gz")
	if text := s.sh("app", "wget -q -O - http://127.0.0.1:8080/entries.json"); !strings.Contains(text, "Rope") || strings.Contains(text, "Late") {
		t.Errorf("the dump did not bring it back: %s", text)
	}
	if said := s.docker("exec", s.docker("ps", "--quiet", "--filter", "name=led_db."), "sh", "-c", "PGPASSWORD=wrong psql -h 127.0.0.1 -U ledger -c 'SELECT 1' 2>&1 || true"); !strings.Contains(said, "password authentication failed") {
		t.Errorf("the database takes any password: %s", said)
	}
}

func TestTheGuestbookKeepsItsEntriesInItsVolume(t *testing.T) {
	long(t)
	s := newStack(t, "guestbook-swarm", "gb", map[string]string{"GUESTBOOK_CONF_VERSION": "v1"})
	s.deploy("1.0.0+1.0.0", "app", "/guestbook:1.0.0", "compose.yml")
	s.sh("app", "wget -q -O /dev/null --post-data 'text=Hi' http://127.0.0.1:8080/entries || true")
	s.env["GUESTBOOK_CONF_VERSION"] = "v2"
	s.deploy(PullBranch, "app", "/guestbook:1.2.0", "compose.yml")
	s.holds("app", "8080/", "Hi", "somebody", "Entries: 1, guests: 1")
	if conf := s.sh("app", "cat /etc/guestbook.conf"); !strings.Contains(conf, `BASE_URL="https://gb.example.org"`) {
		t.Errorf("the template was not expanded: %s", conf)
	}
}

// long leaves out what the runs of these recipes ask as well, unless all is asked for:
// make chaos-swarm.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("SEATRIAL_SWARM_ALL") == "" {
		t.Skip("make chaos-swarm does this by hand, too")
	}
}
