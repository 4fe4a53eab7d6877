package recipes

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/ohler55/ojg/jp"
)

// meaning finds what a schema cannot say about an enrolment of the right form.
type meaning struct {
	*document
	problems []Problem
}

func checkMeaning(d *document, e Enrolment) []Problem {
	m := &meaning{document: d}
	m.globs(e)
	m.who(e.Who)
	m.environment("/env", e, e.Env)
	m.environment("/upgrade_env", e, e.UpgradeEnv)
	m.volumes(e)
	m.swarm(e)
	m.timeouts(e)
	if err := ScheduleProblem(e.Schedule); err != nil {
		m.say("/schedule", false, "%v", err)
	}
	m.steps("/checks", e.Checks)
	m.steps("/canaries/seed", e.Canaries.Seed)
	m.steps("/canaries/expect", e.Canaries.Expect)
	return m.problems
}

func (m *meaning) say(at string, key bool, format string, args ...any) {
	m.problems = append(m.problems, m.problem(at, key, format, args...))
}

func (m *meaning) globs(e Enrolment) {
	check := func(at, glob string) {
		if !doublestar.ValidatePattern(glob) {
			m.say(at, false, "%q is not a glob: a bracket or brace is not closed", glob)
		}
	}
	check("/versions/tags", e.Versions.Tags)
	for i, glob := range e.Branches {
		check(fmt.Sprintf("/branches/%d", i), glob)
	}
	lists := []struct {
		at    string
		globs []string
		paths bool
	}{
		{"/backup/exclude", e.Backup.Exclude, true},
		{"/backup/verify", e.Backup.Verify, true},
		{"/canaries/ignore", e.Canaries.Ignore, false},
	}
	for _, list := range lists {
		for i, glob := range list.globs {
			at := fmt.Sprintf("%s/%d", list.at, i)
			check(at, glob)
			volume, _, _ := strings.Cut(glob, "/")
			// What volumes a recipe for the swarm has is known only when it is read.
			if list.paths && e.Target != TargetSwarm && !strings.ContainsAny(volume, "*?[{\\") && !slices.Contains(Defaults(e).Volumes, volume) {
				p := m.problem(at, false, "there is no volume %s: a glob begins with a volume's name, like %s/**", quoteOdd(volume), Defaults(e).Volumes[0])
				p.Nearest = nearest(volume, Defaults(e).Volumes)
				m.problems = append(m.problems, p)
			}
		}
	}
}

// who refuses rules by which nobody could ever ask.
func (m *meaning) who(w Who) {
	switch {
	case w.Members != nil && !*w.Members && len(w.Teams) == 0 && len(w.People) == 0:
		m.say("/who/members", false, "nobody may ask: with members: false, name teams or people")
	case w.Members != nil && *w.Members && len(w.Teams) > 0:
		m.say("/who/members", false, "members: true and teams contradict each other: with teams only their members may ask")
	}
	if w.RequireApproval && len(w.Approvers) == 0 {
		m.say("/who/require_approval", false, "nobody may approve: name approvers")
	}
}

// environment refuses names that the app gets from us.
func (m *meaning) environment(at string, e Enrolment, env map[string]string) {
	given := []string{"PORT", "BASE_URL", "DATA_DIR", "HOME", "TMPDIR"}
	for _, v := range Defaults(e).Volumes {
		given = append(given, VolumeVariable(v))
	}
	if e.Target == TargetSwarm {
		given = []string{"STACK_NAME", "DOMAIN"}
		for _, dep := range e.Deps {
			given = append(given, DepVariable(dep, "HOST"), DepVariable(dep, "URL"))
		}
	}
	for name, value := range env {
		if slices.Contains(given, name) || strings.HasPrefix(name, "SEATRIAL_") {
			m.say(at+"/"+name, true, "%s is given by the run and cannot be set here", name)
		}
		if strings.ContainsRune(value, 0) {
			m.say(at+"/"+name, false, "the value of %s contains a zero byte", name)
		}
	}
}

// VolumeVariable is the environment variable through which the app finds a volume.
func VolumeVariable(volume string) string {
	return strings.ToUpper(strings.ReplaceAll(volume, "-", "_")) + "_DIR"
}

func (m *meaning) volumes(e Enrolment) {
	seen := map[string]string{}
	for i, v := range e.Volumes {
		name := VolumeVariable(v)
		if other, twice := seen[name]; twice {
			m.say(fmt.Sprintf("/volumes/%d", i), false, "the volumes %s and %s would both be found through %s", other, v, name)
		}
		seen[name] = v
	}
	if len(e.Volumes) > 1 && slices.Contains(e.Volumes[1:], "data") {
		m.say("/volumes", false, "data must be the first volume: DATA_DIR names the first one")
	}
}

func (m *meaning) timeouts(e Enrolment) {
	full := Defaults(e)
	const longest = Duration(7 * 24 * time.Hour)
	spans := []struct {
		at string
		d  Duration
	}{
		{"/timeouts/limit", full.Timeouts.Limit}, {"/timeouts/silence", full.Timeouts.Silence},
		{"/timeouts/stop", full.Timeouts.Stop}, {"/timeouts/hook", full.Timeouts.Hook},
		{"/build/timeout", full.Build.Timeout}, {"/health/timeout", full.Health.Timeout}, {"/health/steady", full.Health.Steady},
	}
	for _, s := range spans {
		switch {
		case s.d > longest:
			m.say(s.at, false, "%s is too long: a week at most", s.d)
		case s.at != "/timeouts/limit" && s.at != "/timeouts/silence" && s.d >= full.Timeouts.Limit && m.set(s.at):
			m.say(s.at, false, "%s is not shorter than the whole run may take, %s: raise timeouts.limit", s.d, full.Timeouts.Limit)
		}
	}
}

// checkAmounts finds amounts that have the right form and are none, like 0s.
func checkAmounts(d *document) []Problem {
	var problems []Problem
	check := func(into interface{ UnmarshalText([]byte) error }, path ...string) {
		here := d.value
		for _, step := range path {
			m, _ := here.(map[string]any)
			here = m[step]
		}
		if text, ok := here.(string); ok {
			if err := into.UnmarshalText([]byte(text)); err != nil {
				problems = append(problems, d.problem(pointer(path), false, "%v", err))
			}
		}
	}
	for group, names := range map[string][]string{
		"build": {"timeout"}, "health": {"timeout", "steady"}, "timeouts": {"limit", "silence", "stop", "hook"},
	} {
		for _, name := range names {
			check(new(Duration), group, name)
		}
	}
	check(new(ByteSize), "resources", "memory")
	return problems
}

func (m *meaning) set(at string) bool { _, ok := m.values[at]; return ok }

func (m *meaning) steps(at string, steps []Step) {
	for i, step := range steps {
		m.step(fmt.Sprintf("%s/%d", at, i), step)
	}
}

func (m *meaning) step(at string, s Step) {
	switch {
	case s.Exec.IsZero() && s.Request == nil:
		m.say(at, false, "this step does nothing: give it a request or exec")
	case !s.Exec.IsZero() && s.Request != nil:
		m.say(at+"/exec", true, "a step has a request or exec, not both: make it two steps")
	case s.Request == nil:
		if s.Expect.Status != 0 {
			m.say(at+"/expect/status", true, "a command has no status; its exit code is expected to be 0")
		}
		if len(s.Expect.Headers) > 0 {
			m.say(at+"/expect/headers", true, "a command has no headers")
		}
	default:
		m.bodies(at+"/request", *s.Request)
	}
	for path := range s.Expect.JSON {
		m.jsonPath(at+"/expect/json/"+escapePointer(path), true, path)
	}
	for name, path := range s.Capture {
		m.jsonPath(at+"/capture/"+name, false, path)
	}
}

func (m *meaning) bodies(at string, r Request) {
	given := []string{}
	for _, name := range []string{"body", "json", "form"} {
		if m.set(at + "/" + name) {
			given = append(given, name)
		}
	}
	if len(given) > 1 {
		m.say(at+"/"+given[1], true, "a request has one body: %s", strings.Join(given, " or "))
	}
	if len(given) > 0 && r.Method == "HEAD" {
		m.say(at+"/method", false, "a HEAD request has no body")
	}
}

func (m *meaning) jsonPath(at string, key bool, path string) {
	if _, err := jp.ParseString(path); err != nil {
		m.say(at, key, "%q is not a JSON path like $.items[0].title: %v", path, err)
	}
}
