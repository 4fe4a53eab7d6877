package harness

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/harness/tree"
)

func TestARunFromItsStartToItsLastWord(t *testing.T) {
	b := newBed(t)
	var r run.Report
	synctest.Test(t, func(t *testing.T) {
		var err error
		if r, err = Run(t.Context(), b.job); err != nil {
			t.Fatal(err)
		}
	})
	want := "started, planned, stage-ended upgrade, stage-ended restart, stage-ended backup, stage-ended restore, " +
		"stage-started policy, stage-ended policy, stage-started lint, stage-ended lint, stage-started install, stage-ended install, torn-down, finished"
	if got := b.kinds(); got != want {
		t.Errorf("events:\n got %s\nwant %s", got, want)
	}
	for i, e := range b.events {
		if e.Seq != int64(i+1) || e.Source != run.Harness || e.Run != b.job.Request.ID || e.Attempt != 1 || e.At.IsZero() {
			t.Fatalf("event %d has the key %s/%d/%s/%d at %s", i, e.Run, e.Attempt, e.Source, e.Seq, e.At)
		}
	}
	if r.Verdict() != run.VerdictPass || r.State != run.Ended || r.Plan.Subject != "Say hello" || r.Request.Recipe != "guestbook" {
		t.Errorf("verdict %s, state %s, plan %+v", r.Verdict(), r.State, r.Plan)
	}
	if base := r.Started.BaseURL; base != "http://"+r.Started.Label+".localhost:4711" || b.app.config.BaseURL != base {
		t.Errorf("the app's address is %s, and the app was told %s", base, b.app.config.BaseURL)
	}
	b.clean(t)
}

func TestWhatStopsARun(t *testing.T) {
	hang := func(b *bed) { b.app.deploy = untilDone; b.job.Request.Silence = 2 * time.Hour }
	for _, c := range []struct {
		name   string
		given  func(b *bed)
		after  time.Duration // the caller's context ends; 0 means never
		ending run.Ending
		note   string
		took   time.Duration // at least
	}{
		{name: "the limit", given: hang, ending: run.EndOutOfTime, note: "the limit of 1h0m0s was reached", took: time.Hour},
		{name: "the lease", given: func(b *bed) {
			hang(b)
			b.job.Labels.Expires = time.Now().Add(35 * time.Minute)
		}, ending: run.EndOutOfTime, took: 30 * time.Minute},
		{name: "silence", given: func(b *bed) {
			hang(b)
			b.job.Request.Limit, b.job.Request.Silence = 3*time.Hour, 20*time.Minute
		}, ending: run.EndSilent, note: "for 20m0s; the last was: deploying head", took: 20 * time.Minute},
		{name: "silence after the app's last line", given: func(b *bed) {
			b.job.Request.Limit = 3 * time.Hour
			b.app.deploy = func(ctx context.Context) error {
				for range 6 {
					time.Sleep(15 * time.Minute)
					b.app.config.Log("build", "compiling")
				}
				return untilDone(ctx)
			}
		}, ending: run.EndSilent, note: "a line of build", took: 110 * time.Minute},
		{name: "Ctrl-C", given: hang, after: 5 * time.Minute, ending: run.EndCancelled, took: 5 * time.Minute},
		{name: "a stage that does not notice", given: func(b *bed) {
			b.app.deploy = func(context.Context) error { time.Sleep(10 * time.Minute); return nil }
		}, after: time.Minute, ending: run.EndCancelled, took: time.Minute + stopGrace},
		{name: "a repository that is gone", given: func(b *bed) {
			b.job.Source = stubSource(func(context.Context, string) (Fetched, error) {
				return Fetched{}, errors.New("cannot fetch o/r: no such repository: check repo in the enrolment")
			})
		}, ending: run.EndNotFetched, note: "check repo in the enrolment"},
		{name: "Ctrl-C while fetching", given: func(b *bed) {
			b.job.Source = stubSource(func(ctx context.Context, _ string) (Fetched, error) { return Fetched{}, untilDone(ctx) })
		}, after: time.Minute, ending: run.EndCancelled},
		{name: "no place for the app", given: func(b *bed) {
			b.job.NewApp = func(context.Context, AppConfig) (app.App, error) { return nil, errors.New("no bwrap") }
		}, ending: run.EndOurFault, note: "cannot prepare a place for the app: no bwrap"},
		{name: "no gateway", given: func(b *bed) {
			b.front.closed = true
			b.job.Gateway = func(string, Dial) (Front, error) { return nil, errors.New("address in use") }
		}, ending: run.EndOurFault, note: "cannot open the run's gateway: address in use"},
		{name: "a panic of ours", given: func(b *bed) {
			b.job.NewApp = func(context.Context, AppConfig) (app.App, error) { panic("nil map") }
		}, ending: run.EndOurFault, note: "a mistake in this program: nil map"},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			synctest.Test(t, func(t *testing.T) {
				c.given(b)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if c.after > 0 {
					time.AfterFunc(c.after, cancel)
				}
				began := time.Now()
				r, err := Run(ctx, b.job)
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < c.took || took > c.took+time.Minute {
					t.Errorf("took %s, want about %s", took, c.took)
				}
				if r.Ending != c.ending || !strings.Contains(r.EndingNote, c.note) {
					t.Errorf("ended %q: %q, want %q: %q", r.Ending, r.EndingNote, c.ending, c.note)
				}
				time.Sleep(time.Hour) // whatever still hangs comes back and must find nobody who listens
				if r.Verdict() != run.VerdictUnverified || !r.TornDown || len(r.Leftovers) > 0 {
					t.Errorf("verdict %s, torn down %v, left %v", r.Verdict(), r.TornDown, r.Leftovers)
				}
			})
			b.clean(t)
			if kinds := b.kinds(); !strings.HasPrefix(kinds, "started, ") || !strings.HasSuffix(kinds, "interrupted, torn-down, finished") {
				t.Errorf("events: %s", kinds)
			}
		})
	}
}

func TestTeardown(t *testing.T) {
	left := []app.Object{{Kind: "cgroup", ID: "seatrial/x", Detail: "busy"}}
	for _, c := range []struct {
		name      string
		given     func(a *stubApp)
		leftovers []run.Leftover
		removed   int
		tries     int
	}{
		{name: "at once", given: func(*stubApp) {}, removed: 1, tries: 1},
		{name: "at the second try", given: func(a *stubApp) {
			a.destroy = func(context.Context) error {
				if a.destroyed == 1 {
					return errors.New("busy")
				}
				return nil
			}
		}, removed: 1, tries: 2},
		{name: "never", given: func(a *stubApp) {
			a.inventory = func() ([]app.Object, error) { return left, nil }
		}, leftovers: []run.Leftover{{Kind: "cgroup", Name: "seatrial/x", Detail: "busy"}}, tries: destroyTries},
		{name: "a complaint, but nothing left", given: func(a *stubApp) {
			a.destroy = func(context.Context) error { a.set(false); return errors.New("no such process") }
		}, removed: 1, tries: 1},
		{name: "a list that cannot be had", given: func(a *stubApp) {
			a.inventory = func() ([]app.Object, error) { return nil, errDisk }
		}, leftovers: []run.Leftover{{Kind: "unknown", Name: "gues-", Detail: "cannot list what is left: no space left on device"}}, tries: destroyTries},
		{name: "a panic", given: func(a *stubApp) {
			a.destroy = func(context.Context) error { panic("nil map") }
		}, leftovers: []run.Leftover{{Kind: "process", Name: "7", Detail: "web"}}, tries: destroyTries},
		{name: "a hang", given: func(a *stubApp) {
			a.destroy = func(ctx context.Context) error {
				if a.destroyed == 1 {
					return untilDone(ctx)
				}
				return nil
			}
		}, removed: 1, tries: 2},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newBed(t)
			c.given(b.app)
			var r run.Report
			synctest.Test(t, func(t *testing.T) {
				var err error
				if r, err = Run(t.Context(), b.job); err != nil {
					t.Fatal(err)
				}
			})
			if b.app.destroyed != c.tries {
				t.Errorf("destroyed %d times, want %d", b.app.destroyed, c.tries)
			}
			if len(r.Leftovers) != len(c.leftovers) {
				t.Fatalf("left over: %v, want %v", r.Leftovers, c.leftovers)
			}
			for i, want := range c.leftovers {
				got := r.Leftovers[i]
				if got.Kind != want.Kind || !strings.HasPrefix(got.Name, want.Name) || got.Detail != want.Detail {
					t.Errorf("left over: %+v, want %+v", got, want)
				}
			}
			want := run.VerdictPass
			if len(c.leftovers) > 0 {
				want = run.VerdictUnverified
			}
			if r.Verdict() != want {
				t.Errorf("verdict %s, want %s", r.Verdict(), want)
			}
			var swept run.Swept
			for _, e := range b.events {
				if e.Kind == run.KindTornDown {
					if err := e.Into(&swept); err != nil {
						t.Fatal(err)
					}
				}
			}
			if swept.Removed != c.removed {
				t.Errorf("removed %d, want %d", swept.Removed, c.removed)
			}
		})
	}
}

func TestAnEventThatCannotBeWrittenStopsTheRun(t *testing.T) {
	b := newBed(t)
	b.sink = func(e run.Event) error {
		if e.Kind == run.KindStageStarted && e.Stage == run.StageInstall {
			return errDisk
		}
		return nil
	}
	b.app.deploy = untilDone
	var r run.Report
	var err error
	synctest.Test(t, func(t *testing.T) { r, err = Run(t.Context(), b.job) })
	if !errors.Is(err, errDisk) {
		t.Errorf("the error is %v", err)
	}
	if r.Ending != run.EndOurFault {
		t.Errorf("ended %q", r.Ending)
	}
	b.clean(t)
}

func TestKeepHoldsTheAppUntilItIsStopped(t *testing.T) {
	b := newBed(t)
	b.job.Keep = true
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(10*time.Hour, func() {
			if !b.app.isThere() {
				t.Error("the app was not kept")
			}
			cancel()
		})
		r, err := Run(ctx, b.job)
		if err != nil || r.Verdict() != run.VerdictPass {
			t.Errorf("verdict %s, ending %q, error %v", r.Verdict(), r.Ending, err)
		}
	})
	if !strings.Contains(b.log.String(), "the app stays up at http://gues-") {
		t.Errorf("nobody says where:\n%s", b.log.String())
	}
	b.clean(t)
}

func TestKeepHasNothingToKeep(t *testing.T) {
	b := newBed(t)
	b.job.Keep = true
	b.app.deploy = func(context.Context) error { return &run.Fault{Summary: "no web"} }
	synctest.Test(t, func(t *testing.T) {
		if r, err := Run(t.Context(), b.job); err != nil || r.Verdict() != run.VerdictFail {
			t.Errorf("verdict %s, error %v", r.Verdict(), err)
		}
	})
	b.clean(t)
}

func TestSecretsAreShownNowhere(t *testing.T) {
	const secret = "hunter2-hunter2"
	b := newBed(t)
	b.job.Secrets = []string{secret, "short"}
	b.app.deploy = func(context.Context) error {
		b.app.config.Log("web", "the password is "+secret+" and short")
		return &run.Fault{Summary: "login as " + secret, Evidence: []string{"password=" + secret}, Hint: secret}
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := Run(t.Context(), b.job); err != nil {
			t.Fatal(err)
		}
	})
	for _, e := range b.events {
		if strings.Contains(e.Note+string(e.Data), secret) {
			t.Errorf("event %s shows the secret: %s %s", e.Kind, e.Note, e.Data)
		}
	}
	if log := b.log.String(); strings.Contains(log, secret) || !strings.Contains(log, "web | the password is <redacted> and short") {
		t.Errorf("the log:\n%s", log)
	}
}

func TestEvidenceHasBounds(t *testing.T) {
	b := newBed(t)
	b.app.deploy = func(context.Context) error {
		f := &run.Fault{Summary: strings.Repeat("ä", 9000)}
		for range 5000 {
			f.Evidence = append(f.Evidence, strings.Repeat("x", 5000))
		}
		return f
	}
	synctest.Test(t, func(t *testing.T) {
		if _, err := Run(t.Context(), b.job); err != nil {
			t.Fatal(err)
		}
	})
	for _, e := range b.events {
		if size := len(e.Note) + len(e.Data); size > 200_000 {
			t.Errorf("event %s has %d bytes", e.Kind, size)
		}
	}
}

func TestFoldersThatWereMadeReadOnlyGo(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "checkout")
	if err := os.MkdirAll(filepath.Join(dir, "a", "b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{filepath.Join(dir, "a", "b"), filepath.Join(dir, "a"), dir} {
		if err := os.Chmod(d, 0o500); err != nil {
			t.Fatal(err)
		}
	}
	if err := tree.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("still there: %v", err)
	}
}

// The real gateway, a real socket: what the stages see is what the app answers.
func TestTheGatewayReachesTheApp(t *testing.T) {
	b := newBed(t)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hosts := make(chan string, 100)
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		select {
		case hosts <- r.Host:
		default:
		}
		_, _ = io.WriteString(w, "hello")
	})}
	go func() { _ = server.Serve(listener) }()
	defer server.Close()
	b.job.Gateway = nil
	b.front.closed = true
	b.job.Enrolment.Health.Text = "hello"
	b.job.NewApp = func(_ context.Context, c AppConfig) (app.App, error) {
		b.app.config = c
		return dialled{b.app, listener.Addr().String()}, nil
	}
	r, err := Run(t.Context(), b.job)
	if err != nil || r.Verdict() != run.VerdictPass {
		t.Fatalf("verdict %s, error %v\n%s", r.Verdict(), err, b.log.String())
	}
	if host := <-hosts; "http://"+host != r.Started.BaseURL {
		t.Errorf("the app was asked as %s, and its address is %s", host, r.Started.BaseURL)
	}
	b.clean(t)
}

type dialled struct {
	*stubApp
	addr string
}

func (d dialled) Dial(ctx context.Context) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", d.addr)
}

func TestWhatTheAppTookIsTheLastWord(t *testing.T) {
	b := newBed(t)
	b.job.NewApp = func(_ context.Context, c AppConfig) (app.App, error) {
		b.app.config = c
		return meteredApp{b.app, app.Usage{Images: 7 << 20, Volumes: 3 << 20}}, nil
	}
	synctest.Test(t, func(t *testing.T) {
		r, err := Run(t.Context(), b.job)
		if err != nil {
			t.Fatal(err)
		}
		if want := (run.Measured{Images: 7 << 20, Volumes: 3 << 20}); r.Measured == nil || *r.Measured != want {
			t.Errorf("measured %+v", r.Measured)
		}
	})
}
