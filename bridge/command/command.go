// Package command turns what a person typed into a command, or into nothing.
//
// A command is a whole comment: with the white space at both ends removed it
// equals the command word, letter by letter. A word inside a sentence, a quote,
// a code block or a longer word is not a command, so nothing has to be understood
// of Markdown. The package keeps nothing and asks nobody.
package command

import (
	"cmp"
	"fmt"
	"strings"
	"unicode"
)

// DefaultWord is what people type unless the operator chose another word.
const DefaultWord = "!testme"

// Command is something that a person asked for.
type Command struct {
	// Word is the command as it was typed. There is one command: test this.
	Word string
}

// Grammar is the one word that counts. The zero value listens to DefaultWord.
type Grammar struct{ word string }

// NewGrammar listens to another word. It must be one visible word, so that a
// comment can equal it and a sentence can name it.
func NewGrammar(word string) (Grammar, error) {
	if word == "" {
		return Grammar{}, nil
	}
	for _, r := range word {
		if unicode.IsSpace(r) || !unicode.IsPrint(r) || r == '`' {
			return Grammar{}, fmt.Errorf("cannot use %q as the command: choose one word without spaces and backticks, like %s", word, DefaultWord)
		}
	}
	return Grammar{word: word}, nil
}

// Word is the word that this grammar listens to.
func (g Grammar) Word() string {
	return cmp.Or(g.word, DefaultWord)
}

// Parse reads a comment's whole text.
func (g Grammar) Parse(body string) (Command, bool) {
	if strings.TrimSpace(body) != g.Word() {
		return Command{}, false
	}
	return Command{Word: g.Word()}, true
}
