package lint

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

var (
	// knownSecret is the form of a credential that its issuer gives it.
	knownSecret = lazyregexp.New(`\b(?:AKIA[0-9A-Z]{16}|gh[pousr]_[0-9A-Za-z]{36,}|github_pat_[0-9A-Za-z_]{40,}|glpat-[0-9A-Za-z_-]{20,}|xox[abprs]-[0-9A-Za-z-]{20,}|sk_live_[0-9A-Za-z]{20,}|AGE-SECRET-KEY-1[0-9A-Z]{50,})|-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----`)
	secretName  = lazyregexp.New(`(?i)(?:^|_)(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|SECRET_KEY)(?:$|_)`)
	noFile      = lazyregexp.New(`(?i)_(?:FILE|PATH|URL|NAME|TTL|LENGTH)$`)
	assignment  = lazyregexp.New(`(?:^|\s)(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(?:"([^"]*)"|'([^']*)'|(\S*))`)
	envFile     = lazyregexp.New(`^\.env(?:\..+)?$`)
	// secretItself is a name whose value is the secret, not something about one.
	secretItself = lazyregexp.New(`(?i)(?:^|_)(?:PASSWORD|PASSWD|PASS|SECRET|TOKEN|API_?KEY|PRIVATE_KEY|SECRET_KEY|ENCRYPTION_KEY)$`)
	// noSecret is a value that says yes, no or how many.
	noSecret = lazyregexp.New(`(?i)^(?:true|false|yes|no|on|off|none|[0-9]{1,5})$`)
)

// setting is one value of the environment and where it is written.
type setting struct {
	file        string
	line        int
	name, value string
	recipes     bool // it is the recipe's, not the operator's
}

// plain says whether a Co-op Cloud recipe has a secret of its own there for everybody,
// where abra would make one for each.
func (s setting) plain() bool {
	return s.recipes && secretItself.MatchString(s.name) && s.value != "" && !noSecret.MatchString(s.value) &&
		!strings.ContainsAny(s.value, "$") && !strings.HasPrefix(s.value, "/")
}

// secretRules are about credentials that anybody can read. They never repeat a value.
func secretRules() []rule {
	return []rule{
		{"secret-in-plain-env", run.SeverityWarning, secretInPlainEnv},
		{"secret-like-env", run.SeverityNote, secretLikeEnv},
	}
}

func secretInPlainEnv(r *recipe, say say) {
	for _, s := range r.settings() {
		switch {
		case knownSecret.MatchString(s.value):
			say(s.file, s.line, "%s holds a real credential in plain text: withdraw it where it was issued, then take it out", visible(s.name))
		case r.swarm() && s.plain():
			say(s.file, s.line, "%s has a value in plain text, the same for everybody: declare a secret, which abra makes, and name its file, in %s_FILE if the image knows that", visible(s.name), visible(s.name))
		}
	}
}

func secretLikeEnv(r *recipe, say say) {
	for _, s := range r.settings() {
		if !knownSecret.MatchString(s.value) && !(r.swarm() && s.plain()) && secretName.MatchString(s.name) && !noFile.MatchString(s.name) && random(s.value) {
			say(s.file, s.line, "%s looks like a secret in plain text: if it opens anything but this test, withdraw it", visible(s.name))
		}
	}
}

// settings are those of the enrolment, the Procfile, the services of a compose file,
// and .env files at the top.
func (r *recipe) settings() []setting {
	var all []setting
	for _, env := range []map[string]string{r.Enrolment.Env, r.Enrolment.UpgradeEnv} {
		for _, name := range slices.Sorted(maps.Keys(env)) {
			all = append(all, setting{r.enrolment, 0, name, env[name], false})
		}
	}
	in := func(file string, line int, text string) {
		for _, m := range assignment.FindAllStringSubmatch(text, -1) {
			all = append(all, setting{file, line, m[1], m[2] + m[3] + m[4], true})
		}
	}
	for _, l := range r.procfile {
		in(procfileName, l.number, l.command)
	}
	if r.swarm() {
		for _, l := range r.composeLeaves() {
			if l.is("services", "*", "environment", "*") {
				all = append(all, setting{l.file, l.line, l.path[3], l.text, true})
			}
		}
	}
	for _, e := range r.entries {
		if !envFile.MatchString(e.path) {
			continue
		}
		text, err := r.read(e.path)
		if err != nil {
			continue
		}
		number := 0
		for line := range strings.Lines(text) {
			if number++; !strings.HasPrefix(strings.TrimSpace(line), "#") {
				in(e.path, number, strings.TrimRight(line, "\r\n"))
			}
		}
	}
	return all
}

// random says whether a value looks drawn, not chosen: long, and letters and digits
// in turn. What a person makes up for a test, "test-password-1", does not.
func random(value string) bool {
	const shortest, leastTurns = 20, 5
	if len(value) < shortest || strings.ContainsAny(value, " /$<{*") {
		return false
	}
	turns, digit := 0, false
	for i, r := range value {
		if is := unicode.IsDigit(r); i == 0 || is != digit {
			turns, digit = turns+1, is
		}
	}
	return turns > leastTurns
}
