package e2e_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

// forgeCommands are what happens to the forge of a script. There is none until the
// script says "forge open".
func forgeCommands() map[string]func(*testscript.TestScript, bool, []string) {
	return map[string]func(*testscript.TestScript, bool, []string){
		"forge": func(ts *testscript.TestScript, _ bool, args []string) {
			s, _ := ts.Value(sceneKey{}).(*scene)
			verb := strings.Join(args[:min(1, len(args))], "")
			if do := forgeVerbs[verb]; do == nil || s.server == nil && verb != "open" {
				ts.Fatalf("usage: forge open [github], then forge fail KIND [METHOD PATH] | mend | clock DURATION | shut | reopen | expel | admit | pull BRANCH TITLE REF | forgive")
			} else {
				ts.Check(do(s, ts, args[1:]))
			}
		},
		"looked": func(ts *testscript.TestScript, _ bool, _ []string) {
			s, _ := ts.Value(sceneKey{}).(*scene)
			ts.Check(s.eventually("the bridge to look at the forge", false, s.looked))
		},
		"answers": func(ts *testscript.TestScript, _ bool, args []string) {
			s, _ := ts.Value(sceneKey{}).(*scene)
			if len(args) != 2 || s.server == nil {
				ts.Fatalf("usage: answers N TEXT: so many comments of the bot say so, soon")
			}
			ts.Check(s.eventually(args[0]+" answers", false, func() (bool, error) {
				bodies, err := s.replies()
				n := 0
				for _, body := range bodies {
					if strings.Contains(body, args[1]) {
						n++
					}
				}
				return strconv.Itoa(n) == args[0], err
			}))
		},
		"said": func(ts *testscript.TestScript, _ bool, args []string) {
			s, _ := ts.Value(sceneKey{}).(*scene)
			if len(args) != 1 || s.server == nil {
				ts.Fatalf("usage: said FILE: all comments of the bot go there")
			}
			bodies, err := s.replies()
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(strings.Join(bodies, "\n")), 0o644))
		},
		"fetch": func(ts *testscript.TestScript, _ bool, args []string) {
			s, _ := ts.Value(sceneKey{}).(*scene)
			if len(args) != 2 || s.server == nil {
				ts.Fatalf("usage: fetch PATH FILE: a page of the bridge that start began; RUN in it is the latest run")
			}
			path := args[0]
			if reports, err := s.reports(); err == nil && len(reports) > 0 {
				path = strings.ReplaceAll(path, "RUN", string(reports[0].Request.ID))
			}
			s.bridge = &bridgeProcess{addr: ts.Getenv("LISTEN")}
			body, err := s.get(path)
			s.bridge = nil
			ts.Check(err)
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(body), 0o644))
		},
	}
}

var forgeVerbs = map[string]func(s *scene, ts *testscript.TestScript, args []string) error{
	"open": func(s *scene, ts *testscript.TestScript, args []string) error {
		if slices.Equal(args, []string{"github"}) {
			return s.openGitHub(ts)
		}
		return s.openForge(ts, forgetest.Options{})
	},
	"fail": func(s *scene, _ *testscript.TestScript, args []string) error {
		f := forgetest.Failure{Kind: forgetest.Kind(args[0]), Delay: 2 * time.Second}
		if len(args) == 3 {
			f.Method, f.Path = args[1], args[2]
		}
		s.server.Fail(f)
		return nil
	},
	"mend": func(s *scene, _ *testscript.TestScript, _ []string) error { s.server.Mend(); return nil },
	"clock": func(s *scene, _ *testscript.TestScript, args []string) error {
		ahead, err := time.ParseDuration(args[0])
		s.server.SetClock(ahead)
		return err
	},
	"shut":   func(s *scene, _ *testscript.TestScript, _ []string) error { return s.door.shut() },
	"reopen": func(s *scene, _ *testscript.TestScript, _ []string) error { return s.door.open() },
	"expel": func(s *scene, _ *testscript.TestScript, _ []string) error {
		return s.server.RemoveMember(s.org, s.bot)
	},
	"admit": func(s *scene, _ *testscript.TestScript, _ []string) error {
		return s.server.AddMember(s.org, s.bot, forgetest.Write)
	},
	"pull": func(s *scene, _ *testscript.TestScript, args []string) (err error) {
		if s.head, err = s.git("rev-parse", args[2]); err != nil {
			return err
		}
		s.pull, err = s.server.OpenPull(forgetest.NewPull{Repo: s.repo, Author: s.name("mallory"), Branch: args[0], Title: args[1], Dir: s.source, Ref: args[2]})
		return err
	},
	// forgive: the script has made the bridge do what the forge scolds.
	"forgive": func(s *scene, _ *testscript.TestScript, _ []string) error { s.server.Forgive(); return nil },
}

// openForge sets the stage of a story, on a forge of the script's own, behind a
// door that can be shut.
func (s *scene) openForge(ts *testscript.TestScript, o forgetest.Options) error {
	o.Dir = filepath.Join(s.dir, ".forge")
	if err := os.Mkdir(o.Dir, 0o700); err != nil {
		return err
	}
	server, err := forgetest.New(o)
	if err != nil {
		return err
	}
	s.closers = append(s.closers, func() error {
		if complaints := server.Complaints(); len(complaints) > 0 {
			return fmt.Errorf("the forge complains: %s", strings.Join(complaints, "; "))
		}
		return server.Close()
	})
	stage, err := newStage(server, filepath.Join(s.dir, "forge"), s.program)
	if err != nil {
		return err
	}
	*s.stage = *stage
	s.server = server
	s.door = &door{to: strings.TrimPrefix(server.URL(), "http://")}
	if err := s.door.open(); err != nil {
		return err
	}
	s.closers = append(s.closers, s.door.shut)
	addr, err := freeAddr()
	if err != nil {
		return err
	}
	token := filepath.Join(s.dir, ".token")
	if err := os.WriteFile(token, []byte(s.token+"\n"), 0o600); err != nil {
		return err
	}
	for name, value := range map[string]string{
		"FORGE": "http://" + s.door.addr, "TOKEN": token, "ORG": s.org, "ANNA": s.name("anna"), "LISTEN": addr, "SEATRIAL_TESTS": s.tests, "SEATRIAL_STATE": s.state,
		"SOURCE": s.source, "HEAD": s.head[:10], "SEATRIAL_GITEA_URL": "http://" + s.door.addr, "SEATRIAL_GITEA_TOKEN_FILE": token,
		"SEATRIAL_ORG": s.org, "SEATRIAL_LISTEN": addr, "SEATRIAL_POLL": "300ms", "SEATRIAL_SWEEP": "2s", "SEATRIAL_JANITOR": "5s",
	} {
		ts.Setenv(name, value)
	}
	return nil
}

// openGitHub sets the stage on a GitHub. Its two ways in are files: token.yaml is what the
// environment names, app.yaml has an App that is installed for the organisation.
func (s *scene) openGitHub(ts *testscript.TestScript) error {
	if err := s.openForge(ts, forgetest.Options{Kind: forgetest.GitHub}); err != nil {
		return err
	}
	app, err := s.server.AddApp("seatrial")
	if err == nil {
		_, err = s.server.InstallApp(app.ID, s.org)
	}
	if err != nil {
		return err
	}
	list := "version: 1\nforges:\n  - {id: github, kind: github, url: %q, org: %s, %s}\n"
	for file, text := range map[string]string{
		"app.pem":    string(app.Key),
		"token.yaml": fmt.Sprintf(list, ts.Getenv("FORGE"), s.org, "token_file: .token"),
		"app.yaml":   fmt.Sprintf(list, ts.Getenv("FORGE"), s.org, fmt.Sprintf("apps: [{id: %d, key_file: app.pem}]", app.ID)),
	} {
		if err := os.WriteFile(filepath.Join(s.dir, file), []byte(text), 0o600); err != nil {
			return err
		}
	}
	for _, name := range []string{"SEATRIAL_GITEA_URL", "SEATRIAL_GITEA_TOKEN_FILE", "SEATRIAL_ORG"} {
		ts.Setenv(name, "")
	}
	ts.Setenv("SEATRIAL_FORGES", filepath.Join(s.dir, "token.yaml"))
	return nil
}

// looked says whether the bridge has looked at the forge once.
func (s *scene) looked() (bool, error) {
	db, err := s.journal()
	if err != nil {
		return false, nil // not yet
	}
	defer db.Close()
	at, err := db.Cursor(context.Background(), forge.Organisation("gitea", s.org, nil).Name())
	return at != "", err
}

// door passes connections on, as long as it is open.
type door struct {
	to, addr string

	mu       sync.Mutex
	listener net.Listener
	inside   map[net.Conn]bool
}

func (d *door) open() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	at := d.addr
	if at == "" {
		at = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return err
	}
	d.listener, d.addr, d.inside = l, l.Addr().String(), map[net.Conn]bool{}
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			go d.pass(in)
		}
	}()
	return nil
}

func (d *door) pass(in net.Conn) {
	defer in.Close()
	out, err := net.Dial("tcp", d.to)
	if err != nil {
		return
	}
	defer out.Close()
	d.mu.Lock()
	d.inside[in], d.inside[out] = true, true
	d.mu.Unlock()
	go func() {
		_, _ = io.Copy(out, in)
		out.(*net.TCPConn).CloseWrite()
	}()
	_, _ = io.Copy(in, out)
}

func (d *door) shut() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener == nil {
		return nil
	}
	err := d.listener.Close()
	for c := range d.inside {
		c.Close()
	}
	d.listener = nil
	return err
}
