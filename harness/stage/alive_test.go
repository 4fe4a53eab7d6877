package stage

import (
	"context"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// mortal is an app of which a service ends some time after each start of the head with data
// in it.
func mortal(s *story, after time.Duration, summary string) {
	var since time.Time
	born := func(ctx context.Context) error { since = time.Now(); return nil }
	s.app.on["upgrade head"], s.app.on["start"] = born, born
	s.app.on["deploy head"] = func(context.Context) error { since = time.Time{}; return nil }
	s.app.on["alive"] = func(context.Context) error {
		if !since.IsZero() && time.Since(since) >= after {
			return &run.Fault{Summary: summary, Evidence: []string{"cannot read old rows"}}
		}
		return nil
	}
}

// seeding is an enrolment with a front door.
func seeding(s *story) {
	s.enrolment.Canaries = recipes.Canaries{
		Seed:   []recipes.Step{{Name: "write ", Request: &recipes.Request{Path: "/rows", Form: map[string]string{"text": "Buy rope"}}}},
		Expect: []recipes.Step{{Name: "read ", Request: &recipes.Request{Path: "/rows"}, Expect: recipes.Expect{Text: []string{"Buy rope"}}}},
	}
}

const (
	upgradeFailed = "policy:passed lint:passed upgrade:failed restart:passed backup:passed install:passed restore:passed checks:passed"
	restartFailed = "policy:passed lint:passed upgrade:passed restart:failed backup:passed install:passed restore:passed checks:passed"
)

// A stage that leaves the app up ends with one that lives and answers well.
func TestDyingApps(t *testing.T) {
	for _, c := range []tale{
		{
			name: "web dies with data in it, while it is watched", given: func(s *story) { mortal(s, 5*time.Second, "web exited with code 1 after 5s") },
			outcomes: "policy:passed lint:passed upgrade:failed restart:failed backup:blocked install:passed restore:blocked checks:passed",
			tells:    []string{"upgrading from 1.0.0: came up, then ended after 5s: web exited with code 1 after 5s", "cannot read old rows", "after a restart: came up, then ended after 5s: web"},
		},
		{
			name: "a worker dies with data in it, after the time that web is watched", given: func(s *story) {
				s.app.lives = []app.Life{{Service: "web", ID: "1"}, {Service: "worker", ID: "2"}}
				mortal(s, 15*time.Second, "worker exited with code 1 after 15s")
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:failed backup:blocked install:passed restore:blocked checks:passed",
			tells:    []string{"upgrading from 1.0.0: came up, then ended after 15s: worker exited with code 1 after 15s"},
		},
		{
			name: "web dies while the checks are asked", given: func(s *story) {
				mortal(s, 14*time.Second, "web exited with code 1 after 14s")
				s.app.on["step front page"] = nth(1, func(ctx context.Context) error {
					time.Sleep(16 * time.Second) // of the story's own clock
					return &run.Fault{Summary: "GET /: connection refused"}
				})
			},
			outcomes: "policy:passed lint:passed upgrade:failed restart:passed backup:passed install:passed restore:passed checks:failed",
			tells:    []string{"upgrade failed upgrading from 1.0.0: came up, then ended after 16s: web exited with code 1 after 14s", "After the upgrade: web exited with code 1 after 14s", "Seen first: GET /: connection refused"},
		},
		{
			name: "web dies while the seeded data is looked for", given: func(s *story) {
				seeding(s)
				dead := false
				// The first time, before anything is seeded, it is asked whether it sees a loss.
				s.app.on["step read Buy rope"] = nth(3, func(context.Context) error { dead = true; return &run.Fault{Summary: "no answer"} })
				s.app.on["alive"] = func(context.Context) error {
					if dead && s.app.runs.Name == "head" {
						dead = false
						return &run.Fault{Summary: "web exited with code 1 after 2s"}
					}
					return nil
				}
			},
			outcomes: upgradeFailed,
			tells:    []string{"upgrading from 1.0.0: web exited with code 1 after 2s"}, silent: []string{"the seeded data is not as expected"},
		},
		{
			name: "a dead app does not stop when asked", given: func(s *story) {
				dead := false
				s.app.on["plant"] = nth(2, func(context.Context) error { dead = true; return nil })
				s.app.on["stop"] = func(context.Context) error {
					if dead {
						dead = false
						return &run.Fault{Summary: "web exited with code 0 after 13s"}
					}
					return nil
				}
				s.app.on["alive"] = func(context.Context) error {
					if dead {
						return &run.Fault{Summary: "web exited with code 0 after 13s"}
					}
					return nil
				}
			},
			outcomes: restartFailed,
			tells:    []string{"before it was asked to stop: web exited with code 0 after 13s"},
		},
		{
			name: "a backup hook ends the app", given: func(s *story) {
				s.enrolment.Backup.PreHook = shell("dump")
				dead := false
				s.app.on["exec dump"] = func(context.Context) error { dead = true; return nil }
				s.app.on["destroy"] = func(context.Context) error { dead = false; return nil }
				s.app.on["alive"] = func(context.Context) error {
					if dead {
						return &run.Fault{Summary: "web was ended by signal 9"}
					}
					return nil
				}
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed",
			tells:    []string{"after the backup: web was ended by signal 9"},
		},
		{
			name: "what the platform started anew is a fault although it runs", given: func(s *story) {
				s.app.lives = []app.Life{{Service: "web", ID: "1"}, {Service: "worker", ID: "2"}}
				s.app.on["exec dump"] = func(context.Context) error {
					s.app.lives = []app.Life{s.app.lives[0], {Service: "worker", ID: "3"}}
					return nil
				}
				s.enrolment.Backup.PreHook = shell("dump")
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:failed install:passed restore:blocked checks:passed",
			tells:    []string{"worker ended and was started anew", "worker ran as 2"},
		},
		{
			name: "an app that hangs once it holds data", given: func(s *story) {
				s.previous = nil
				s.app.answer = func() (int, string) {
					if len(s.app.deeds) > 0 && s.app.deeds[len(s.app.deeds)-1] == "look" {
						return 504, "the app does not answer"
					}
					return 200, "welcome"
				}
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:failed backup:blocked install:passed restore:blocked checks:passed",
			tells:    []string{"after a restart: came up, then was no longer healthy after 0s: last answer 504", "its health answered well 0 of 2 times (0 %)"},
		},
		{
			name: "a health that is bad two times of three", given: func(s *story) {
				s.previous = nil
				asked := 0
				s.app.answer = func() (int, string) {
					if asked++; asked%3 != 0 {
						return 500, "sometimes"
					}
					return 200, "welcome"
				}
			},
			outcomes: "policy:passed lint:passed upgrade:skipped restart:blocked backup:blocked install:failed restore:blocked checks:passed",
			tells:    []string{"came up, then was no longer healthy after 0s: last answer 500", "its health answered well 0 of 2 times (0 %)", "answer 1: last answer 500"},
		},
		{
			name: "a health that is bad now and then is worth a word", given: func(s *story) {
				s.previous = nil
				asked := 0
				s.app.answer = func() (int, string) {
					if asked++; asked == 5 {
						return 500, "sometimes"
					}
					return 200, "welcome"
				}
			},
			outcomes: noUpgrade, tells: []string{"its health answered well 23 of 24 times (95 %)", "answer 4: last answer 500"},
		},
		{
			name: "a limit that was hit and outlived is told", given: func(s *story) {
				s.app.hits = []string{"web ran into its limit of 64MiB of memory: the kernel killed 2 processes"}
			},
			outcomes: allPassed, tells: []string{"the kernel killed 2 processes"},
		},
		{
			name: "what is said holds nothing that steers a terminal", given: func(s *story) { s.app.strays = []app.Stray{{Path: "/app/a\x1b[2Jb\nc", Size: 1}} },
			outcomes: allPassed, tells: []string{"/app/a\uFFFD[2Jb\uFFFDc (1 bytes)"}, silent: []string{"\x1b"},
		},
		{
			name: "each change meets data that was just put in", given: func(s *story) { seeding(s) }, outcomes: allPassed,
			deeds: "step read Buy rope,step write Buy rope,plant,step read Buy rope,upgrade head,step read Buy rope,look,step write Buy rope 2,step read Buy rope 2,plant,stop,start,step read Buy rope,step read Buy rope 2,look,step write Buy rope 3,plant,freeze,start,step read Buy rope 3,look",
		},
		{
			name: "what was put in last is lost over a restart", given: func(s *story) {
				seeding(s)
				s.app.on["step read Buy rope 2"] = nth(2, fault("it is not there"))
			},
			outcomes: restartFailed, tells: []string{"after a restart: what was seeded once more is not as expected (read ): it is not there"},
		},
		{
			name: "a seed that is taken once only is no fault", given: func(s *story) {
				seeding(s)
				s.app.on["step write Buy rope 2"] = fault("expected a status below 400, got 409")
			},
			outcomes: allPassed, tells: []string{"The app is seeded once only", "got 409"}, never: []string{"write Buy rope 3"},
		},
		{
			name: "an expectation that more data disturbs is told, and no fault", given: func(s *story) {
				seeding(s)
				more := false
				s.app.on["step write Buy rope 2"] = func(context.Context) error { more = true; return nil }
				s.app.on["step read Buy rope"] = func(context.Context) error {
					if more {
						return &run.Fault{Summary: "there are 2 rows, expected 1"}
					}
					return nil
				}
			},
			outcomes: "policy:passed lint:passed upgrade:passed restart:passed backup:passed install:passed restore:passed checks:passed",
			tells:    []string{"this no longer finds the first one, and is not asked any more: read"},
		},
		{
			name: "a published release that loses by itself, and a head that does not", given: func(s *story) {
				seeding(s)
				s.app.on["step read Buy rope"] = nth(2, fault("it is not there"))
			},
			outcomes: "policy:passed lint:passed upgrade:unverified restart:passed backup:passed install:passed restore:passed checks:passed",
			tells: []string{
				"the published release 1.0.0 does not keep what is put into it, so nothing can be said about an upgrade from it",
				"This head mends what is broken: the published release 1.0.0 does not keep what is put into it",
			},
		},
	} {
		c.play(t)
	}
}

func TestOtherWords(t *testing.T) {
	step := func(path string, form map[string]string, body string, expect ...string) recipes.Step {
		return recipes.Step{Request: &recipes.Request{Path: path, Form: form, Body: body}, Expect: recipes.Expect{Text: expect}}
	}
	seed, expect := otherWords(recipes.Canaries{
		Seed: []recipes.Step{
			step("/rows", map[string]string{"text": "Buy rope", "at": "2001-01-01", "by": "ada@example.org"}, ""),
			step("/photo/a.jpg", nil, "a ship"), step("/login", map[string]string{"as": "nobody"}, ""),
			{Exec: shell("./app seed")},
		},
		Expect: []recipes.Step{
			step("/rows?by=ada@example.org", nil, "", "Buy rope", "2001-01-01"), step("/photo/a.jpg", nil, "", "a ship"), step("/", nil, "", "welcome"),
			{Request: &recipes.Request{Path: "/rows.json"}, Expect: recipes.Expect{JSON: map[string]any{"$.rows[?(@.text == 'Buy rope')].n": 1.0}}},
		},
	}, 2)
	var got []string
	for _, s := range append(seed, expect...) {
		line := s.Request.Path
		for _, key := range []string{"text", "at", "by"} {
			line += " " + s.Request.Form[key]
		}
		for at := range s.Expect.JSON {
			line += at
		}
		got = append(got, strings.TrimSpace(line+" "+strings.Join(s.Expect.Text, ",")))
	}
	want := "/rows Buy rope 2 2001-01-01 n2ada@example.org; /photo/a-2.jpg; /rows?by=n2ada@example.org    Buy rope 2,2001-01-01; /photo/a-2.jpg    a ship; /rows.json   $.rows[?(@.text == 'Buy rope 2')].n"
	if all := strings.Join(got, "; "); all != want {
		t.Errorf("got  %s\nwant %s", all, want)
	}
}
