// Package shell writes words for lines that a person copies into a shell.
package shell

import "strings"

// Word quotes a word, if it has to be. The result is one word to any POSIX shell and no
// option to the program, whoever chose the word.
func Word(s string) string {
	plain := s != "" && !strings.HasPrefix(s, "-") && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:@%+=,", r))
	}) < 0
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}
