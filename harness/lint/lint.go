package lint

import (
	"cmp"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// Input is what a recipe consists of.
type Input struct {
	FS        fs.FS             // the recipe's files, at the commit to examine
	Enrolment recipes.Enrolment // with its defaults filled in
	Versions  []string          // the tags of what was published
	Version   string            // the tag of these very files; empty if they were not published
}

// rule is one thing to look for.
type rule struct {
	id       string
	severity run.Severity
	look     func(*recipe, say)
}

// say adds a finding of the rule. file may be empty and line 0.
type say func(file string, line int, format string, args ...any)

// rules is every rule, in the order of docs/reference/lint.md.
func rules() []rule {
	return slices.Concat(procfileRules(), commandRules(), enrolmentRules(), secretRules(), fileRules(), versionRules())
}

// perRule bounds what one rule says: a thousand broken links are one mistake.
const perRule = 20

// Check looks for everything. The findings are sorted, the gravest first.
func Check(in Input) []run.Finding {
	r := open(in)
	var findings []run.Finding
	for _, rule := range rules() {
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
