package stage

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"seatrial/recipes"
)

// shortestWord is how long a text must be to be told from parts of others.
const shortestWord = 3

// otherWords are a seed's steps, and those that find what it puts in, with other words in
// them: those that a seed puts in and an expectation names; where there is none, those that
// read like something a person wrote. Steps without any are left out.
func otherWords(c recipes.Canaries, n int) (seed, expect []recipes.Step) {
	var asked strings.Builder
	for _, e := range c.Expect {
		eachText(e, func(s string) string { asked.WriteString(s + "\n"); return s })
	}
	words := map[string]string{}
	for _, step := range c.Seed {
		if step.Request == nil {
			continue
		}
		eachValue(*step.Request, func(s string) string {
			named := strings.Contains(asked.String(), s) || len(c.Expect) == 0 && strings.Contains(s, " ")
			if other := reworded(s, n); named && other != "" {
				words[s] = other
			}
			return s
		})
		if at := step.Request.Path; step.Request.Body != "" && path.Ext(at) != "" && strings.Contains(asked.String(), at) {
			words[at] = fmt.Sprintf("%s-%d%s", strings.TrimSuffix(at, path.Ext(at)), n, path.Ext(at))
		}
	}
	for _, step := range c.Seed {
		if step.Request == nil {
			continue
		}
		same := true
		other := func(s string) string {
			if w, ok := words[s]; ok {
				same = false
				return w
			}
			return s
		}
		r := eachValue(*step.Request, other)
		r.Path = other(r.Path)
		if step.Request = &r; !same {
			seed = append(seed, step)
		}
	}
	// The longest first, so that no word is changed within another.
	longest := func(a, b string) int { return cmp.Or(len(b)-len(a), strings.Compare(a, b)) }
	var pairs []string
	for _, w := range slices.SortedFunc(maps.Keys(words), longest) {
		pairs = append(pairs, w, words[w])
	}
	replace := strings.NewReplacer(pairs...)
	for _, e := range c.Expect {
		same := true
		e = eachText(e, func(s string) string {
			other := replace.Replace(s)
			same = same && other == s
			return other
		})
		if !same {
			expect = append(expect, e)
		}
	}
	return seed, expect
}

// reworded is a text that differs from another and is of its kind; nothing where none is known.
func reworded(s string, n int) string {
	switch {
	case utf8.RuneCountInString(s) < shortestWord, !strings.ContainsFunc(s, unicode.IsLetter), strings.Contains(s, "${"), strings.Contains(s, "://"):
		return ""
	case strings.Contains(s, "@"):
		return fmt.Sprintf("n%d%s", n, s)
	case strings.Contains(s, " "):
		return fmt.Sprintf("%s %d", s, n)
	default:
		return fmt.Sprintf("%s%d", s, n)
	}
}

// eachValue is a request with what it puts in changed.
func eachValue(r recipes.Request, change func(string) string) recipes.Request {
	r.Form = eachOf(r.Form, change)
	r.JSON = eachLeaf(r.JSON, change)
	return r
}

// eachText is a step that asks for something with what it names changed: in what it asks,
// and in what is to come of it.
func eachText(step recipes.Step, change func(string) string) recipes.Step {
	if step.Request == nil {
		return step
	}
	r := eachValue(*step.Request, change)
	r.Path, r.Body = change(r.Path), change(r.Body)
	step.Request = &r
	step.Expect.Text = slices.Clone(step.Expect.Text)
	for i, s := range step.Expect.Text {
		step.Expect.Text[i] = change(s)
	}
	paths := map[string]any{}
	for _, at := range slices.Sorted(maps.Keys(step.Expect.JSON)) {
		paths[change(at)] = eachLeaf(step.Expect.JSON[at], change)
	}
	step.Expect.JSON = paths
	return step
}

func eachOf(m map[string]string, change func(string) string) map[string]string {
	m = maps.Clone(m)
	for _, key := range slices.Sorted(maps.Keys(m)) {
		m[key] = change(m[key])
	}
	return m
}

func eachLeaf(v any, change func(string) string) any {
	switch v := v.(type) {
	case string:
		return change(v)
	case []any:
		v = slices.Clone(v)
		for i := range v {
			v[i] = eachLeaf(v[i], change)
		}
		return v
	case map[string]any:
		v = maps.Clone(v)
		for _, key := range slices.Sorted(maps.Keys(v)) {
			v[key] = eachLeaf(v[key], change)
		}
		return v
	default:
		return v
	}
}
