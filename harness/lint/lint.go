package lint

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"seatrial/harness/run"
	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// Input is what a recipe consists of.
type Input struct {
	FS        fs.FS             // the recipe's files, at the commit to examine
	Enrolment recipes.Enrolment // with its defaults filled in
	Versions  []string          // the tags that the enrolment takes for releases, a version or not
	Others    []string          // the tags that it leaves out
	Unknown   bool              // there may be more tags than were seen
	Version   string            // the tag of these very files; empty if they were not published

	// Of a recipe for Docker Swarm, read for Deployment.
	Recipe     *compose.Recipe  // nil: it could not be read
	Problems   compose.Problems // why it could not
	Previous   *compose.Recipe  // the release that is upgraded from; nil without one
	PreviousFS fs.FS            // its files
	Boot       time.Duration    // how long the app took to become healthy in an earlier run; 0: not known
}

// targetSwarm is the target of recipes for Docker Swarm, as enrolments name it.
const targetSwarm = "swarm"

// rule is one thing to look for.
type rule struct {
	id       string
	severity run.Severity
	look     func(*recipe, say)
}

// say adds a finding of the rule. file may be empty and line 0.
type say func(file string, line int, format string, args ...any)

// rulesFor are those that make sense for a target.
func rulesFor(target string) []rule {
	if target == targetSwarm {
		return slices.Concat(commonRules(), swarmRules())
	}
	return slices.Concat(programRules(), commonRules())
}

// programRules are about programs that a Procfile starts.
func programRules() []rule { return slices.Concat(procfileRules(), commandRules()) }

// commonRules are about what every recipe has.
func commonRules() []rule {
	return slices.Concat(enrolmentRules(), secretRules(), fileRules(), versionRules())
}

// perRule bounds what one rule says: a thousand broken links are one mistake.
const perRule = 20

// Check looks for everything. The findings are sorted, the gravest first.
func Check(in Input) []run.Finding {
	r := open(in)
	var findings []run.Finding
	for _, rule := range rulesFor(in.Enrolment.Target) {
		n := 0
		rule.look(r, func(file string, line int, format string, args ...any) {
			if n++; n > perRule {
				return
			}
			findings = append(findings, run.Finding{
				ID: rule.id, Severity: rule.severity, File: visible(file), Line: line, Text: fmt.Sprintf(format, args...),
			})
		})
		if n > perRule {
			findings = append(findings, run.Finding{
				ID: rule.id, Severity: rule.severity, Text: fmt.Sprintf("and %d more of this kind", n-perRule),
			})
		}
	}
	grades := []run.Severity{run.SeverityError, run.SeverityWarning, run.SeverityNote}
	slices.SortStableFunc(findings, func(a, b run.Finding) int {
		return cmp.Compare(slices.Index(grades, a.Severity), slices.Index(grades, b.Severity))
	})
	return findings
}

// visible is text of a recipe as it can be shown: short, and with nothing hidden.
func visible(s string) string {
	const longest = 120
	if len(s) > longest {
		cut := longest
		for cut > 0 && !utf8.RuneStart(s[cut]) {
			cut--
		}
		s = s[:cut] + "…"
	}
	if strings.ContainsFunc(s, func(r rune) bool { return r == utf8.RuneError || !strconv.IsPrint(r) }) {
		return strconv.Quote(s)
	}
	return s
}
