package e2e_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/gateway"
	"seatrial/harness/journal"
	"seatrial/harness/run"
	"seatrial/store"
)

type repoName = forge.Repo

// patience is for one thing that a story waits for. A run takes some ten seconds;
// the machine may be busy.
const patience = 120 * time.Second

// actors are the commands of the stories. Each reads aloud.
func actors() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	on := func(min, max int, usage string, do func(s *stage, ts *testscript.TestScript, neg bool, args []string) error) func(*testscript.TestScript, bool, []string) {
		return func(ts *testscript.TestScript, neg bool, args []string) {
			if len(args) < min || max >= 0 && len(args) > max {
				ts.Fatalf("usage: %s", usage)
			}
			s, _ := ts.Value(stageKey{}).(*stage)
			if err := do(s, ts, neg, args); err != nil {
				ts.Fatalf("%v\n%s", err, s.lastWords())
			}
		}
	}
	return map[string]func(*testscript.TestScript, bool, []string){
		"serve": on(0, -1, "serve [flags]", func(s *stage, ts *testscript.TestScript, _ bool, args []string) error {
			s.serveFlags = args
			return s.serve()
		}),
		"restart": on(1, 1, "restart bridge", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error { return s.serve() }),
		"restart-now": on(1, 1, "restart-now bridge: end it and start it again at once", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			s.bridge.stop()
			return s.serve()
		}),
		"enrol": on(1, 1, "enrol FILE: the story's file is the enrolment; its repo line is filled in", func(s *stage, ts *testscript.TestScript, _ bool, args []string) error {
			path := filepath.Join(s.tests, s.recipe, "recipe.yaml")
			return os.WriteFile(path, []byte(ts.ReadFile(args[0])+"repo: "+s.repo.String()+"\n"), 0o644)
		}),
		"steady": on(1, 1, "steady DURATION: how long an app must stay up, and so a run lasts", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			return s.changeEnrolment(regexp.MustCompile(`(?m)^  steady: .*$`), "  steady: "+args[0])
		}),
		"hold": on(1, 1, "hold builds: they wait, and so do the runs, until builds are let go", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.changeEnrolment(regexp.MustCompile(`(?m)^  command: .*$`), `  command: 'until [ -e "$GUESTBOOK_ENGINE.go" ]; do sleep 0.1; done; "$GUESTBOOK_ENGINE" build guestbook'`)
		}),
		"let-go": on(1, 1, "let-go builds", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return os.WriteFile(filepath.Join(s.toolchain, "guestbook.go"), nil, 0o644)
		}),
		"approver": on(1, 1, "approver WHO: nobody else starts a run of the recipe", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			who := fmt.Sprintf("who: {require_approval: true, approvers: [%s]}\nrepo: %s", s.name(args[0]), s.repo)
			return s.changeEnrolment(regexp.MustCompile(`(?m)^repo: .*$`), who)
		}),
		"hide": on(1, 1, "hide repository: only members may read it", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error { return s.hide() }),
		"private": on(1, 1, "private copy: the repository's copy is there, and the token is nowhere", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.privateCopy()
		}),
		"unenrol": on(0, 0, "unenrol: remove the enrolment, leave another recipe's", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.changeEnrolment(regexp.MustCompile(`(?m)^repo: .*$`), "repo: "+s.org+"/another")
		}),
		"end": on(1, 1, "end bridge", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error { s.bridge.stop(); return nil }),
		"crash": on(1, 1, "crash bridge|harness", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			if args[0] == "bridge" {
				s.bridge.kill()
				return nil
			}
			return s.crashHarness()
		}),
		"comment": on(2, 2, "comment WHO TEXT", func(s *stage, ts *testscript.TestScript, _ bool, args []string) (err error) {
			s.comment, err = s.world.Comment(s.repo, s.pull, s.name(args[0]), unescape(args[1]))
			return err
		}),
		"edit": on(2, 2, "edit WHO TEXT: the latest comment becomes TEXT", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			return s.world.EditComment(s.repo, s.comment, s.name(args[0]), unescape(args[1]))
		}),
		"push": on(1, 2, "push MESSAGE [FILE]: a commit on the pull request's branch, with FILE's content from the story", func(s *stage, ts *testscript.TestScript, _ bool, args []string) error {
			return s.push(ts, args)
		}),
		"close": on(0, 0, "close", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.world.ClosePull(s.repo, s.pull)
		}),
		"merge": on(0, 0, "merge", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.world.Merge(s.repo, s.pull)
		}),
		"another": on(1, 1, "another pull: the same change again, as a second pull request, and go on with that one", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error { return s.another() }),
		"sleep": on(1, 1, "sleep DURATION", func(_ *stage, _ *testscript.TestScript, _ bool, args []string) error {
			d, err := time.ParseDuration(args[0])
			time.Sleep(d)
			return err
		}),
		"reply": on(1, 1, "[!] reply TEXT: the bot says so on the pull request, soon (or does not, now)", func(s *stage, ts *testscript.TestScript, neg bool, args []string) error {
			return s.expectReply(neg, ts.Getenv, args[0])
		}),
		"replies": on(1, 1, "replies N: so many comments of the bot, now", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			bodies, err := s.replies()
			if err == nil && strconv.Itoa(len(bodies)) != args[0] {
				err = fmt.Errorf("%d comments of the bot:\n%s", len(bodies), strings.Join(bodies, "\n---\n"))
			}
			return err
		}),
		"reaction": on(1, 1, "[!] reaction NAME: on the latest comment", func(s *stage, _ *testscript.TestScript, neg bool, args []string) error {
			return s.eventually("the reaction "+args[0], neg, func() (bool, error) {
				got, err := s.world.Reactions(s.repo, s.comment)
				return strings.Contains(strings.Join(got, " "), args[0]), err
			})
		}),
		"status": on(1, 2, "[!] status STATE [COMMIT]: the head's commit status is so, soon", func(s *stage, _ *testscript.TestScript, neg bool, args []string) error {
			return s.expectStatus(neg, args)
		}),
		"final": on(1, 1, "final statuses: exactly one that is not pending, on the head", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.oneFinalStatus()
		}),
		"runs": on(1, 2, "runs N [WORD]: the journal holds so many runs (of that verdict or state), soon", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			return s.expectRuns(args)
		}),
		"stage": on(1, 1, "stage NAME: the run has come to that stage", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			return s.eventually("the stage "+args[0], false, func() (bool, error) {
				reports, err := s.reports()
				return len(reports) > 0 && reports[0].Current() == run.Stage(args[0]), err
			})
		}),
		"badge": on(1, 2, "badge TEXT [QUERY]: the badge says so, soon", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			query := strings.Join(args[1:], "")
			return s.eventually("the badge", false, func() (bool, error) {
				body, err := s.get("/badge/guestbook.svg" + strings.ReplaceAll(query, "PULL", strconv.Itoa(s.pull)))
				return strings.Contains(body, args[0]), err
			})
		}),
		"page": on(2, 2, "page PATH TEXT: the dashboard shows it; RUN in the path is the latest run", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			reports, err := s.reports()
			if err != nil {
				return err
			}
			path := args[0]
			if len(reports) > 0 {
				path = strings.ReplaceAll(path, "RUN", string(reports[0].Request.ID))
			}
			body, err := s.get(path)
			if err == nil && !strings.Contains(body, args[1]) {
				err = fmt.Errorf("%s does not show %q:\n%s", path, args[1], body)
			}
			return err
		}),
		"app": on(1, 1, "app TEXT: the app answers so through the gateway, soon", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			return s.expectApp(args[0])
		}),
		"cancel": on(1, 1, "cancel WHY: an operator cancels the latest run", func(s *stage, _ *testscript.TestScript, _ bool, args []string) error {
			reports, err := s.reports()
			if err != nil || len(reports) == 0 {
				return fmt.Errorf("there is no run to cancel (%v)", err)
			}
			out, err := exec.Command(s.program, "--state", s.state, "runs", "cancel", string(reports[0].Request.ID), "--why", args[0]).CombinedOutput()
			if err != nil {
				return fmt.Errorf("%w: %s", err, out)
			}
			return nil
		}),
		"leftovers": on(1, 1, "leftovers none", func(s *stage, _ *testscript.TestScript, _ bool, _ []string) error {
			return s.eventually("nothing to be left over", false, func() (bool, error) {
				left := s.leftovers()
				if len(left) > 0 {
					return false, nil
				}
				return true, nil
			})
		}),
	}
}

// changeEnrolment replaces a line of it.
func (s *stage) changeEnrolment(line *regexp.Regexp, by string) error {
	path := filepath.Join(s.tests, s.recipe, "recipe.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !line.Match(text) {
		return fmt.Errorf("%s has no line like %s", path, line)
	}
	return os.WriteFile(path, line.ReplaceAllLiteral(text, []byte(by)), 0o644)
}

func unescape(s string) string { return strings.NewReplacer(`\n`, "\n", `\t`, "\t").Replace(s) }

// patience is longer where a stack must come up and go several times.
func (s *stage) patience() time.Duration {
	if s.docker != nil {
		return 4 * patience
	}
	return patience
}

// eventually waits until it is so. With neg it wants it not to be so, now.
func (s *stage) eventually(what string, neg bool, so func() (bool, error)) error {
	deadline := time.Now().Add(s.patience())
	for {
		yes, err := so()
		switch {
		case neg && (yes || err != nil):
			return fmt.Errorf("did not want %s (%v)", what, err)
		case neg, yes && err == nil:
			return nil
		case time.Now().After(deadline):
			return fmt.Errorf("gave up after %s waiting for %s (%v)", s.patience(), what, err)
		}
		time.Sleep(100 * time.Millisecond)
	}
}

// bridgeProcess is a seatrial serve.
type bridgeProcess struct {
	cmd  *exec.Cmd
	out  bytes.Buffer
	done chan struct{}
	addr string
}

func (p *bridgeProcess) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
	case <-time.After(30 * time.Second):
		p.kill()
	}
}

func (p *bridgeProcess) kill() {
	_ = p.cmd.Process.Kill()
	<-p.done
}

// serve starts the bridge and waits until it has read the forge once.
func (s *stage) serve() error { return s.serveWith(s.program) }

func (s *stage) serveWith(program string, env ...string) error {
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	if s.bridge != nil {
		addr = s.bridge.addr // a restarted bridge comes back at its address
	}
	tokenFile := filepath.Join(s.dir, ".token")
	if err := os.WriteFile(tokenFile, []byte(s.token+"\n"), 0o600); err != nil {
		return err
	}
	forges := []string{"--gitea-url", s.world.URL(), "--gitea-token-file", tokenFile, "--org", s.org}
	if s.forges != "" {
		forges = []string{"--forges", filepath.Join(s.dir, "forges.yaml")}
		if err := os.WriteFile(forges[1], []byte(s.forges), 0o600); err != nil {
			return err
		}
	}
	args := append([]string{"--state", s.state, "--log-level", "debug", "serve"}, forges...)
	args = append(args, append([]string{"--tests", s.tests, "--listen", addr, "--poll", "500ms", "--sweep", "20s", "--janitor", "5s", "--share", s.toolchain, "--build-env", s.engine}, s.serveFlags...)...)
	if s.docker != nil {
		args = append(args, "--docker", s.docker.Host)
	}
	flags, cluster := s.bridgeOnNomad()
	args, env = append(args, flags...), append(env, cluster...)
	p := &bridgeProcess{cmd: exec.Command(program, args...), done: make(chan struct{}), addr: addr}
	p.cmd.Env = append(os.Environ(), env...)
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	if err := p.cmd.Start(); err != nil {
		return err
	}
	go func() { _ = p.cmd.Wait(); close(p.done) }()
	s.bridge = p
	return s.eventually("the bridge to look at the forge", false, func() (bool, error) {
		select {
		case <-p.done:
			return true, nil // it may be meant to crash; what follows will notice
		default:
		}
		db, err := s.journal()
		if err != nil {
			return false, nil
		}
		defer db.Close()
		scope := forge.Organisation("gitea", s.org, nil)
		if s.repo.Forge == forgetest.GitHubID { // there each repository is asked
			scope = forge.Repository(s.repo)
		}
		at, err := db.Cursor(context.Background(), scope.Name())
		return at != "", err
	})
}

func freeAddr() (string, error) {
	g, err := gateway.Listen(gateway.FreeLoopback, "free", nil, discard)
	if err != nil {
		return "", err
	}
	return g.Addr(), g.Close()
}

func (s *stage) journal() (*store.DB, error) {
	path := filepath.Join(s.state, "journal.db")
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	return store.Open(context.Background(), path, store.Options{Light: true})
}

func (s *stage) reports() ([]run.Report, error) {
	db, err := s.journal()
	if err != nil {
		return nil, err
	}
	defer db.Close()
	return db.Reports(context.Background(), journal.Filter{})
}

func (s *stage) replies() ([]string, error) {
	comments, err := s.world.Comments(s.repo, s.pull)
	var bodies []string
	for _, c := range comments {
		if c.Author.Login == s.bot {
			bodies = append(bodies, c.Body)
		}
	}
	return bodies, err
}

func (s *stage) expectReply(neg bool, getenv func(string) string, text string) error {
	text = os.Expand(text, getenv)
	var last []string
	err := s.eventually(fmt.Sprintf("the bot to say %q", text), neg, func() (bool, error) {
		bodies, err := s.replies()
		last = bodies
		return strings.Contains(strings.Join(bodies, "\n"), text), err
	})
	if err != nil {
		return fmt.Errorf("%w; it said:\n%s", err, strings.Join(last, "\n---\n"))
	}
	return nil
}

func (s *stage) expectStatus(neg bool, args []string) error {
	commit := s.head
	if len(args) == 2 {
		commit = args[1]
	}
	var last []forge.Status
	err := s.eventually("the status "+args[0], neg, func() (bool, error) {
		statuses, err := s.world.Statuses(s.repo, commit)
		last = statuses
		return len(statuses) > 0 && string(statuses[0].State) == args[0], err
	})
	if err != nil {
		return fmt.Errorf("%w; there is %+v", err, last)
	}
	return nil
}

func (s *stage) oneFinalStatus() error {
	statuses, err := s.world.Statuses(s.repo, s.head)
	final := 0
	for _, status := range statuses {
		if status.State != forge.StatusPending {
			final++
		}
	}
	if err == nil && final != 1 {
		err = fmt.Errorf("%d final statuses: %+v", final, statuses)
	}
	return err
}

func (s *stage) expectRuns(args []string) error {
	var seen []string
	err := s.eventually(strings.Join(args, " ")+" runs", false, func() (bool, error) {
		reports, err := s.reports()
		seen = nil
		n := 0
		for _, r := range reports {
			word := string(r.State)
			if r.State == run.Ended {
				word = string(r.Verdict())
				if r.Ending == run.EndCancelled || r.Ending == run.EndSuperseded {
					word = string(r.Ending)
				}
			}
			seen = append(seen, word)
			if len(args) == 1 || word == args[1] {
				n++
			}
		}
		return strconv.Itoa(n) == args[0], err
	})
	if err != nil {
		return fmt.Errorf("%w; there are %v", err, seen)
	}
	return nil
}

func (s *stage) get(path string) (string, error) {
	resp, err := http.Get("http://" + s.bridge.addr + path)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return string(body), err
}

// expectApp asks the app by its subdomain at the bridge's address.
func (s *stage) expectApp(text string) error {
	return s.eventually("the app to answer through the gateway", false, func() (bool, error) {
		reports, err := s.reports()
		if err != nil || len(reports) == 0 || reports[0].Started == nil {
			return false, err
		}
		host, client, scheme := reports[0].Started.Label+".localhost", http.DefaultClient, "http"
		if i := slices.Index(s.serveFlags, "--tls-cert"); i >= 0 {
			cert, err := os.ReadFile(s.serveFlags[i+1])
			if err != nil {
				return false, err
			}
			client, scheme = trusting(cert, s.bridge.addr, host), "https"
		}
		address := scheme + "://" + s.bridge.addr + "/"
		if scheme == "https" {
			address = scheme + "://" + host + "/"
		}
		req, err := http.NewRequest("GET", address, nil)
		if err != nil {
			return false, err
		}
		req.Host = host
		resp, err := client.Do(req)
		if err != nil {
			return false, err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		return strings.Contains(string(body), text), err
	})
}

func (s *stage) crashHarness() error {
	reports, err := s.reports()
	if err != nil || len(reports) == 0 || reports[0].Started == nil {
		return fmt.Errorf("there is no harness to kill (%v)", err)
	}
	return syscall.Kill(reports[0].Started.PID, syscall.SIGKILL)
}

func (s *stage) git(args ...string) (string, error) {
	cmd := exec.Command("git", append([]string{"-C", s.source, "-c", "user.name=Story", "-c", "user.email=story@example.org"}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, out)
	}
	return strings.TrimSpace(string(out)), nil
}

// push commits on the pull request's branch. The optional file of the story
// replaces the one of the same name in the recipe.
func (s *stage) push(ts *testscript.TestScript, args []string) error {
	if _, err := s.git("checkout", "-q", "-B", "pushed", s.head); err != nil {
		return err
	}
	name, content := "NOTES", fmt.Sprintf("push %d\n", s.commits)
	s.commits++
	if len(args) == 2 {
		name, content = args[1], ts.ReadFile(args[1])
	}
	if err := os.WriteFile(filepath.Join(s.source, name), []byte(content), 0o755); err != nil {
		return err
	}
	if _, err := s.git("add", "-A"); err != nil {
		return err
	}
	if _, err := s.git("commit", "-q", "-m", args[0]); err != nil {
		return err
	}
	head, err := s.world.Push(s.repo, s.pull, s.source, "pushed")
	if err == nil {
		ts.Setenv("BEFORE", s.head[:10])
		s.head = head
		ts.Setenv("HEAD", head[:10])
	}
	return err
}

func (s *stage) lastWords() string {
	if s.bridge == nil {
		return ""
	}
	out := s.bridge.out.String()
	const most = 6000
	return "the bridge's last words:\n" + out[max(0, len(out)-most):]
}

// leftovers looks for what runs made, by the machine's own means.
func (s *stage) leftovers() []string {
	var left []string
	for _, pattern := range []string{"work/*", "runs/*/*/tmp"} {
		found, _ := filepath.Glob(filepath.Join(s.state, pattern))
		left = append(left, found...)
	}
	environs, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range environs {
		cmdline, _ := os.ReadFile(path)
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		if bytes.Contains(cmdline, []byte(s.state)) && !s.isBridge(path) || bytes.Contains(environ, []byte(s.state+"/work")) {
			left = append(left, "process "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	if bytes.Contains(mounts, []byte(s.state)) {
		left = append(left, "a mount below "+s.state)
	}
	return left
}

func (s *stage) isBridge(path string) bool {
	return s.bridge != nil && s.bridge.cmd.Process != nil && path == fmt.Sprintf("/proc/%d/cmdline", s.bridge.cmd.Process.Pid)
}

// another opens a second pull request with the same change.
func (s *stage) another() error {
	number, err := s.world.OpenPull(newPull(s, "again"))
	if err == nil {
		s.pull = number
	}
	return err
}
