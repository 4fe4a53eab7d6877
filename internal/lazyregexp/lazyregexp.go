// Package lazyregexp has regular expressions that are compiled when they are first used.
//
// This program starts copies of itself all the time, and hardly one of them uses more than
// one of our hundred expressions: compiled in advance they were a third of a start. What is
// wrong with an expression still shows in every test of its package, where it is compiled
// at once. A Regexp is declared at package level and never changes.
package lazyregexp

import (
	"os"
	"regexp"
	"strings"
	"sync"
)

// Regexp is a regular expression. Its methods are those of regexp.Regexp that are used.
type Regexp struct{ get func() *regexp.Regexp }

// New is regexp.MustCompile, later.
func New(text string) *Regexp {
	r := &Regexp{sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(text) })}
	if len(os.Args) > 0 && strings.HasSuffix(os.Args[0], ".test") {
		r.get()
	}
	return r
}

func (r *Regexp) MatchString(s string) bool                  { return r.get().MatchString(s) }
func (r *Regexp) FindString(s string) string                 { return r.get().FindString(s) }
func (r *Regexp) FindStringIndex(s string) []int             { return r.get().FindStringIndex(s) }
func (r *Regexp) FindStringSubmatch(s string) []string       { return r.get().FindStringSubmatch(s) }
func (r *Regexp) FindStringSubmatchIndex(s string) []int     { return r.get().FindStringSubmatchIndex(s) }
func (r *Regexp) FindAllString(s string, n int) []string     { return r.get().FindAllString(s, n) }
func (r *Regexp) FindAllStringIndex(s string, n int) [][]int { return r.get().FindAllStringIndex(s, n) }
func (r *Regexp) FindAllStringSubmatch(s string, n int) [][]string {
	return r.get().FindAllStringSubmatch(s, n)
}
func (r *Regexp) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return r.get().FindAllStringSubmatchIndex(s, n)
}
func (r *Regexp) ReplaceAllString(s, repl string) string  { return r.get().ReplaceAllString(s, repl) }
func (r *Regexp) ReplaceAllLiteral(b, repl []byte) []byte { return r.get().ReplaceAllLiteral(b, repl) }
