package stage

import (
	"bytes"
	"compress/gzip"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

func fault(summary string, evidence ...string) func(context.Context) error {
	return func(context.Context) error { return &run.Fault{Summary: summary, Evidence: evidence} }
}

func broken(text string) func(context.Context) error {
	return func(context.Context) error { return errors.New(text) }
}

// nth does something the nth time only.
func nth(n int, do func(context.Context) error) func(context.Context) error {
	count := 0
	return func(ctx context.Context) error {
		if count++; count == n {
			return do(ctx)
		}
		return nil
	}
}

func shell(line string) recipes.CommandLine { return recipes.CommandLine{Shell: line} }

// outcomes writes the answers so that they can be read.
func outcomes(r *run.Report) string {
	var words []string
	for _, s := range r.Stages {
		words = append(words, fmt.Sprintf("%s:%s", s.Stage, s.Outcome))
	}
	return strings.Join(words, " ")
}

const (
	allPassed = "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:passed restore:passed checks:passed"
	noUpgrade = "policy:passed lint:passed upgrade:skipped restart:passed backup:passed install:passed restore:passed checks:passed"
)

func TestStories(t *testing.T) {
	whole := sqliteFile(t, false)
	damaged := sqliteFile(t, true)
	zipped := gzipFile(t)
	for _, c := range []tale{
		{
			name: "a good recipe with a release", outcomes: allPassed, verdict: run.VerdictPass, level: 5,
			deeds: "deploy 1.0.0,plant,upgrade head,running,look,step front page,stop,start,look,prepare,freeze,export data,thaw,destroy,deploy head,step front page,stop,import data,start,look,step front page",
			tells: []string{"asked once each: after the upgrade, after the install, after the restore"},
		},
		{
			name: "a good recipe without a release", given: func(s *story) { s.previous = nil },
			outcomes: noUpgrade, verdict: run.VerdictPass, level: 5,
			deeds: "deploy head,step front page,plant,stop,start,look,freeze,export data,thaw,destroy,deploy head,stop,import data,start,look,step front page",
			tells: []string{"no published release to upgrade from"},
		},
		{
			name: "a good recipe whose releases are out of sight", given: func(s *story) {
				s.previous, s.unknown, s.noPrevious = nil, true, "the clone is shallow"
			},
			outcomes: strings.Replace(noUpgrade, "upgrade:skipped", "upgrade:unverified", 1), verdict: run.VerdictUnverified, level: 1,
			deeds: "deploy head,plant,stop,start,look,freeze,export data,thaw,destroy,deploy head,import data,start,look,step front page",
			tells: []string{"the clone is shallow"}, silent: []string{"no published release"},
		},
		{
			name: "an upgrade that loses data", given: func(s *story) {
				s.app.on["upgrade head"] = func(context.Context) error { delete(s.app.volumes["data"], "app.txt"); return nil }
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:passed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictFail, level: 1,
			deeds: "upgrade head,look,destroy,deploy head,plant,stop,start,look,freeze,thaw,destroy,deploy head,import data,look",
			tells: []string{"files are gone", "data/app.txt"},
		},
		{
			name: "a head that is never deployed", given: func(s *story) {
				s.app.on["upgrade head"] = func(context.Context) error { s.app.runs = &previous; return nil }
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:passed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictFail, level: 1,
			tells: []string{"upgrading from 1.0.0: what runs after the upgrade is 1.0.0, not the head"},
		},
		{
			name: "a broken head", given: func(s *story) {
				s.app.on["upgrade head"] = fault("web exited with code 1 after 0.3s", "panic: boom")
				s.app.on["deploy head"] = fault("web exited with code 1 after 0.3s", "panic: boom")
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:blocked backup:blocked install:failed restore:blocked checks:blocked", verdict: run.VerdictFail,
			tells: []string{"panic: boom", "it needs an app that is up, but install failed", "it needs a good backup, but backup was blocked"},
		},
		{
			name: "a broken previous release", given: func(s *story) {
				s.app.on["deploy 1.0.0"] = fault("web exited with code 1 after 0.3s", "panic: old")
			},
			outcomes: "policy:passed lint:passed upgrade:unverified restart:passed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictUnverified, level: 1,
			tells: []string{"The published release 1.0.0 is itself broken", "panic: old", "so nothing can be said about an upgrade from it"},
		},
		{
			name: "a crash loop", given: func(s *story) {
				s.previous = nil
				s.app.on["alive"] = fault("web exited with code 2 after 0.1s")
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:failed restore:blocked checks:blocked", verdict: run.VerdictFail,
			tells: []string{"web exited with code 2"},
		},
		{
			name: "never healthy", given: func(s *story) {
				s.previous = nil
				s.app.answer = func() (int, string) { return 502, "<h1>bad gateway</h1>" }
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:failed restore:blocked checks:blocked", verdict: run.VerdictFail,
			tells: []string{"not healthy after 2m0s: last answer 502 Bad Gateway", "<h1>bad gateway</h1>"},
		},
		{
			name: "the wrong page", given: func(s *story) {
				s.previous, s.enrolment.Health.Text = nil, "Guestbook"
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:failed restore:blocked checks:blocked", verdict: run.VerdictFail,
			tells: []string{`last answer 200 OK, without the text "Guestbook"`, "welcome"},
		},
		{
			name: "healthy, then dies", given: func(s *story) {
				s.previous = nil
				var since time.Time
				s.app.on["deploy head"] = func(context.Context) error { since = time.Now(); return nil }
				s.app.on["alive"] = func(context.Context) error {
					if time.Since(since) > 10*time.Second {
						return &run.Fault{Summary: "web exited with code 0 after 10s"}
					}
					return nil
				}
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:failed restore:blocked checks:passed", verdict: run.VerdictFail,
			tells: []string{"came up, then ended after 10s: web exited with code 0"},
		},
		{
			name: "healthy, then no longer", given: func(s *story) {
				s.previous = nil
				began := time.Now()
				s.app.answer = func() (int, string) {
					if time.Since(began) > 5*time.Second {
						return 500, "oops"
					}
					return 200, ""
				}
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:failed restore:blocked checks:passed", verdict: run.VerdictFail,
			tells: []string{"came up, then was no longer healthy after", "500 Internal Server Error"},
		},
		{
			name: "a process that outlives its stop", given: func(s *story) {
				s.app.on["stop"] = fault("2 processes outlived the app's own stop", "sleep 1000")
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:failed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictFail,
			tells: []string{"outlived", "sleep 1000", "Before the restore"},
		},
		{
			name: "data lost over a restart", given: func(s *story) {
				s.app.on["start"] = nth(1, func(context.Context) error { delete(s.app.volumes["data"], "app.txt"); return nil })
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:failed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictFail,
			tells: []string{"after a restart: files are gone"}, deeds: "start,look,plant,freeze",
		},
		{
			name: "does not come back", given: func(s *story) { s.app.on["start"] = fault("web exited with code 1") },
			outcomes: "policy:passed lint:passed upgrade:passed restart:failed backup:blocked install:passed restore:blocked checks:passed", verdict: run.VerdictFail,
			tells: []string{"it needs an app that is up, but restart failed", "it needs a good backup, but backup was blocked"},
		},
		{
			name: "a backup hook that fails", given: func(s *story) {
				s.enrolment.Backup.PreHook, s.enrolment.Backup.PostHook = shell("dump"), shell("undump")
				s.app.on["exec dump"] = func(context.Context) error { return exitCode(3) }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"backup.pre_hook exited with code 3", "$ dump", "disk quota exceeded", "it needs a good backup, but backup failed"},
			deeds: "exec dump,exec undump",
		},
		{
			name: "a hook without an end", given: func(s *story) {
				s.enrolment.Backup.PostHook = shell("undump")
				s.app.on["exec undump"] = func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"backup.post_hook did not end within 5m0s"},
		},
		{
			name: "a backup that is empty", given: func(s *story) { s.enrolment.Backup.Exclude = []string{"data/*.txt", "**/nothing"} },
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"the backup is empty: it holds none of the app's 1 files", "data: none of its 1 files"},
		},
		{
			name: "a dump without a byte", given: func(s *story) {
				s.enrolment.Backup.PreHook, s.enrolment.Backup.Verify = shell("dump"), []string{"data/*.sql"}
				s.app.on["exec dump"] = func(context.Context) error { s.app.volumes["data"]["dump.sql"] = ""; return nil }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"data/dump.sql: 0 bytes", "the backup lacks what backup.verify names: data/*.sql: 0 bytes"},
		},
		{
			name: "what verify names is missing", given: func(s *story) { s.enrolment.Backup.Verify = []string{"data/*.sql", "data/app.txt"} },
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"data/*.sql: no such file in the backup"},
		},
		{
			name: "a good database and a good archive in the backup", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				s.app.on["exec dump"] = func(context.Context) error {
					s.app.volumes["data"]["app.db"], s.app.volumes["data"]["old.gz"] = whole, zipped
					return nil
				}
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5,
		},
		{
			name: "a damaged database in the backup", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				s.app.on["exec dump"] = func(context.Context) error { s.app.volumes["data"]["app.db"] = damaged; return nil }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"the backup holds a damaged database: data/app.db", "integrity_check"},
		},
		{
			name: "an archive cut short in the backup", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				s.app.on["exec dump"] = func(context.Context) error { s.app.volumes["data"]["d.sql.gz"] = zipped[:len(zipped)-9]; return nil }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"a compressed file that is not whole: data/d.sql.gz"},
		},
		{
			name: "files of people that are named like dumps", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				s.app.on["plant"] = func(context.Context) error {
					data := s.app.volumes["data"]
					data["a.gz"], data["Thumbs.db"], data["notes.sql"], data["old.tar"] = "no gzip", "", "remember the milk", "no tar"
					return nil
				}
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5,
		},
		{
			name: "a dump of nothing, packed", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				s.app.on["exec dump"] = func(context.Context) error {
					s.app.volumes["data"]["d.sql.gz"] = packedBy(t, "", func(w io.Writer) io.WriteCloser { return gzip.NewWriter(w) })
					return nil
				}
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"the backup is empty where there should be data: data/d.sql.gz: 0 bytes unpacked"},
		},
		{
			name: "a complaint instead of a dump", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				s.app.on["exec dump"] = func(context.Context) error {
					s.app.volumes["data"]["d.sql"] = "pg_dump: error: the server said no\n"
					return nil
				}
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"the backup holds a dump without a statement: data/d.sql", "pg_dump: error: the server said no"},
		},
		{
			name: "steps that hold where nothing was seeded see no loss", given: func(s *story) {
				s.enrolment.Canaries = recipes.Canaries{Expect: []recipes.Step{{Name: "it answers", Request: &recipes.Request{Path: "/"}}}}
				s.app.on["look"] = func(context.Context) error {
					if s.app.vouched || !s.app.alone {
						t.Error("blind steps vouch for the data")
					}
					return nil
				}
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 4, // for the warning blind-expect
		},
		{
			name: "steps that find what was seeded vouch for it", given: func(s *story) {
				seeded := false
				s.enrolment.Canaries = recipes.Canaries{
					Seed:   []recipes.Step{{Name: "put", Request: &recipes.Request{Path: "/", Method: "PUT"}}},
					Expect: []recipes.Step{{Name: "find", Request: &recipes.Request{Path: "/"}}},
				}
				s.app.noted = []string{"the keys are new"}
				s.app.on["step put"] = func(context.Context) error { seeded = true; return nil }
				s.app.on["step find"] = func(ctx context.Context) error {
					if !seeded {
						return &run.Fault{Summary: "it is not there"}
					}
					return nil
				}
				s.app.on["look"] = func(context.Context) error {
					if !s.app.vouched || s.app.alone {
						t.Error("steps that see do not vouch for the data")
					}
					return nil
				}
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5,
			tells: []string{"the keys are new"},
		},
		{
			name: "what is excluded is not expected back", given: func(s *story) {
				s.app.on["plant"] = func(context.Context) error {
					s.app.volumes["cache"] = map[string]string{"page.html": "x"}
					s.app.volumes["data"]["thumbs/1.png"] = "x"
					return nil
				}
				s.enrolment.Backup.Exclude = []string{"cache/**", "data/thumbs"}
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5,
			tells: []string{"Not backed up: the volume cache", "data/thumbs/1.png", "cache/page.html"},
		},
		{
			name: "what the hooks bring back is not told as missing", given: func(s *story) {
				s.enrolment.Backup = recipes.Backup{PreHook: shell("dump"), Exclude: []string{"data/app.txt"}}
				s.enrolment.Restore.PreHook = shell("load")
				s.app.on["exec dump"] = func(context.Context) error { s.app.volumes["data"]["dump"] = "x"; return nil }
				s.app.on["exec load"] = func(context.Context) error { s.app.volumes["data"]["app.txt"] = "x"; return nil }
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5, silent: []string{"Not backed up", "did not bring"},
		},
		{
			name: "what the hooks do not bring back is worth a word", given: func(s *story) {
				s.enrolment.Backup = recipes.Backup{PreHook: shell("dump"), Exclude: []string{"data/app.txt"}}
				s.enrolment.Restore.PreHook = shell("load")
				s.app.on["exec dump"] = func(context.Context) error { s.app.volumes["data"]["dump"] = "x"; return nil }
				s.app.on["exec load"] = func(context.Context) error { delete(s.app.volumes["data"], "app.txt"); return nil }
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5,
			tells: []string{"Not backed up: data/app.txt", "The hooks did not bring data/app.txt back as it was: files are gone"},
		},
		{
			name: "a restore hook that keeps nothing", given: func(s *story) {
				s.enrolment.Restore.PreHook = shell("load")
				s.app.on["exec load"] = func(context.Context) error { clear(s.app.volumes["data"]); return nil }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:passed restore:failed checks:passed", verdict: run.VerdictFail, level: 2,
			tells: []string{"after the restore: files are gone", "data/app.txt"},
		},
		{
			name: "state outside the volumes", given: func(s *story) {
				s.app.strays = []app.Stray{{Path: "/app/state.db", Size: 9, Database: true}, {Path: "/app/debug.log", Size: 1}}
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:passed backup:passed install:failed restore:passed checks:passed", verdict: run.VerdictFail,
			tells: []string{"a database outside its volumes", "/app/state.db", "Written outside the volumes: /app/debug.log"},
		},
		{
			name: "seeded data that is not found again", given: func(s *story) {
				s.enrolment.Canaries = recipes.Canaries{Seed: []recipes.Step{{Name: "sign"}}, Expect: []recipes.Step{{Name: "read"}}}
				s.app.on["step read"] = nth(2, fault("entries.json has no entry")) // the first time, it is the release that is asked
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:passed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictFail, level: 1,
			tells: []string{"upgrading from 1.0.0: the seeded data is not as expected (read): entries.json has no entry"},
			deeds: "step sign,plant,upgrade head,step read,destroy,deploy head,step sign,step read,step read",
		},
		{
			name: "a head that takes no data", given: func(s *story) {
				s.previous = nil
				s.enrolment.Canaries = recipes.Canaries{Seed: []recipes.Step{{Name: "sign"}}, Expect: []recipes.Step{{Name: "read"}}}
				s.app.on["step sign"] = fault("500")
				s.app.on["step read"] = fault("must not be asked")
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:passed backup:passed install:failed restore:passed checks:passed", verdict: run.VerdictFail,
			tells: []string{"seeding failed at sign: 500"},
		},
		{
			name: "checks that fail once", given: func(s *story) { s.app.on["step front page"] = nth(2, fault("no title")) },
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:passed restore:passed checks:failed", verdict: run.VerdictFail, level: 3,
			tells: []string{"After the install: front page: no title"},
		},
		{
			name: "checks that cannot be asked", given: func(s *story) { s.app.on["step front page"] = broken("no browser") },
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:passed restore:passed checks:unverified", verdict: run.VerdictUnverified, level: 3,
		},
		{
			name: "lint errors", given: func(s *story) {
				s.findings = []run.Finding{{ID: "no-readme", Severity: run.SeverityWarning, Text: "x"}, {ID: "bad", Severity: run.SeverityError, File: "Procfile", Line: 2, Text: "no web"}}
			},
			outcomes: "policy:passed lint:failed upgrade:passed restart:passed backup:passed install:passed restore:passed checks:passed", verdict: run.VerdictFail, level: 4,
			tells: []string{"Procfile:2: no web (bad)"},
		},
		{
			name: "a Procfile that asks for root", given: func(s *story) {
				write(t, s.dir, "Procfile", "# sudo is fine here\nweb: exec sudo ./app\n")
			},
			outcomes: "policy:failed lint:passed upgrade:blocked restart:blocked backup:blocked install:blocked restore:blocked checks:blocked", verdict: run.VerdictFail,
			tells: []string{"Procfile:2: sudo asks for privileges", "nothing is deployed, because policy failed"},
		},
		{
			name: "trusted code may ask", given: func(s *story) {
				s.trusted = true
				write(t, s.dir, "Procfile", "web: sudo ./app\n")
			},
			outcomes: allPassed, verdict: run.VerdictPass, level: 5,
		},
		{
			name: "a target that is not known here", given: func(s *story) { s.enrolment.Target = "mainframe" },
			outcomes: "policy:unverified lint:passed upgrade:blocked restart:blocked backup:blocked install:blocked restore:blocked checks:blocked", verdict: run.VerdictUnverified,
			tells: []string{"change target in the enrolment", "nothing is deployed, because policy could not be verified"},
		},
		{
			name: "the platform fails under the app", given: func(s *story) {
				s.previous = nil
				s.app.trouble = "the engine was away meanwhile"
				s.app.on["deploy head"] = fault("web was ended by signal 9")
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:unverified restore:blocked checks:blocked", verdict: run.VerdictUnverified,
			tells: []string{"the engine was away meanwhile, so this proves nothing: web was ended by signal 9"},
		},
		{
			name: "we cannot deploy", given: func(s *story) { s.previous = nil; s.app.on["deploy head"] = broken("no space left on device") },
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:unverified restore:blocked checks:blocked", verdict: run.VerdictUnverified,
			tells: []string{"no space left on device", "install could not be verified"},
		},
		{
			name: "we panic", given: func(s *story) {
				s.app.on["freeze"] = func(context.Context) error { s.app.frozen = false; panic("nil map") }
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:unverified install:passed restore:blocked checks:passed", verdict: run.VerdictUnverified, level: 2,
			tells: []string{"a mistake in this program: nil map"},
		},
		{
			name: "we panic while a volume is copied", given: func(s *story) { s.app.on["export data"] = func(context.Context) error { panic("nil map") } },
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:unverified install:passed restore:blocked checks:passed", verdict: run.VerdictUnverified, level: 2,
			tells: []string{"cannot export the volume data: a mistake in this program: nil map"},
		},
		{
			name: "we cannot plant canaries", given: func(s *story) { s.app.on["plant"] = broken("permission denied") },
			outcomes: "policy:passed lint:passed upgrade:unverified restart:unverified backup:passed install:passed restore:unverified checks:passed", verdict: run.VerdictUnverified,
			tells: []string{"nothing can be said about the data", "permission denied"},
		},
		{
			name: "what we destroy does not go", given: func(s *story) { s.app.left = []app.Object{{Kind: "process", ID: "7"}} },
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:unverified restore:blocked checks:passed", verdict: run.VerdictUnverified, level: 0,
			tells: []string{"this is left: process 7"},
		},
		{
			name: "a deed that hangs is ours", given: func(s *story) {
				s.previous = nil
				s.app.on["deploy head"] = func(ctx context.Context) error { <-ctx.Done(); return &run.Fault{Summary: "the build was killed"} }
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:unverified restore:blocked checks:blocked", verdict: run.VerdictUnverified,
			tells: []string{"gave up deploying head after"},
		},
		{
			name: "only the restore", given: func(s *story) { s.only = run.StageRestore },
			outcomes: "policy:passed lint:passed restore:passed", verdict: run.VerdictPass, level: 0,
			deeds: "deploy head,plant,freeze,thaw,destroy,deploy head,import data,start,look",
		},
		{
			name: "only the restart, of a broken head", given: func(s *story) { s.only = run.StageRestart; s.app.on["deploy head"] = fault("no web", "line 1") },
			outcomes: "policy:passed lint:passed restart:blocked", verdict: run.VerdictUnverified,
			tells: []string{"it needs an app that is up, but install failed: no web", "line 1"},
		},
		{
			name: "only the checks", given: func(s *story) { s.only = run.StageChecks },
			outcomes: "policy:passed lint:passed checks:passed", verdict: run.VerdictPass,
		},
	} {
		c.play(t)
	}
}

// text is everything that a report tells people.
func text(r *run.Report) string {
	var lines []string
	for _, s := range r.Stages {
		line := fmt.Sprintf("%s %s %s", s.Stage, s.Outcome, s.Note)
		if s.Fault != nil {
			line += "\n\t" + strings.Join(append([]string{s.Fault.Summary}, s.Fault.Evidence...), "\n\t")
		}
		lines = append(lines, line)
	}
	return strings.Join(append(lines, r.Warnings...), "\n")
}

func inOrder(t *testing.T, deeds []string, want string) {
	t.Helper()
	if want == "" {
		return
	}
	rest := deeds
	for deed := range strings.SplitSeq(want, ",") {
		i := slices.Index(rest, deed)
		if i < 0 {
			t.Fatalf("%q was not done, or not in its place:\n got %s\nwant %s", deed, strings.Join(deeds, ","), want)
		}
		rest = rest[i+1:]
	}
}

func write(t *testing.T, dir, name, content string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// sqliteFile is a database with a few hundred rows, damaged in its middle or not.
func sqliteFile(t *testing.T, damage bool) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "x.db")
	db, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	for _, line := range []string{
		"CREATE TABLE entries (id INTEGER PRIMARY KEY, text TEXT)", "CREATE INDEX i ON entries (text)",
		"WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i < 500) INSERT INTO entries SELECT i, 'a rather long line of text, number ' || i FROM n",
	} {
		if _, err := db.Exec(line); err != nil {
			t.Fatal(err)
		}
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if damage {
		// The last pages are missing, as when a file is copied while it grows.
		content = content[:len(content)/2]
	}
	return string(content)
}

func gzipFile(t *testing.T) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(bytes.Repeat([]byte("a line\n"), 1000)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
