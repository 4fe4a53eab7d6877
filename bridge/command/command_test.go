package command_test

import (
	"strings"
	"testing"

	"seatrial/bridge/command"
)

func TestOnlyTheWholeCommentCounts(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       bool
	}{
		{"bare", "!testme", true},
		{"white space around", " \t!testme\r\n\n", true},
		{"a no-break space around", "\u00a0!testme\u2003", true},
		{"empty", "", false},
		{"in a sentence", "please !testme", false},
		{"negated", "do not !testme", false},
		{"longer word", "!testmexyz", false},
		{"prefix", "!test", false},
		{"upper case", "!TESTME", false},
		{"twice", "!testme\n!testme", false},
		{"quoted", "> !testme", false},
		{"indented code is white space at the ends", "    !testme", true},
		{"fenced", "```\n!testme\n```", false},
		{"fenced with CRLF", "````\r\n!testme\r\n````", false},
		{"inline code", "`!testme`", false},
		{"HTML comment", "<!-- !testme -->", false},
		{"second line", "thanks\n!testme", false},
		{"zero-width space inside", "!test\u200bme", false},
		{"zero-width space around", "\u200b!testme", false},
		{"right-to-left override", "\u202e!testme", false},
		{"look-alike letter", "!tеstme", false},
		{"full-width mark", "！testme", false},
		{"null byte", "!testme\x00", false},
		{"invalid UTF-8", "!testme\xff", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := command.Grammar{}.Parse(c.body)
			if ok != c.want {
				t.Errorf("Parse(%q) says %v, want %v", c.body, ok, c.want)
			}
			if ok && got.Word != command.DefaultWord {
				t.Errorf("the word is %q", got.Word)
			}
		})
	}
}

func TestAnotherWord(t *testing.T) {
	g, err := command.NewGrammar("/trial")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := g.Parse("/trial\n"); !ok {
		t.Error("the chosen word is not understood")
	}
	if _, ok := g.Parse("!testme"); ok {
		t.Error("the default word still counts")
	}
	for _, bad := range []string{"two words", "a\tb", "a\u200bb", "a`b", "\x00"} {
		if _, err := command.NewGrammar(bad); err == nil {
			t.Errorf("%q is accepted as a word", bad)
		}
	}
	if g, err := command.NewGrammar(""); err != nil || g.Word() != command.DefaultWord {
		t.Errorf("no word: %q, %v; want the default", g.Word(), err)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"!testme", " !testme\n", "> !testme", "```\n!testme\n```", "\x00", "\u202e!testme"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, body string) {
		_, ok := command.Grammar{}.Parse(body)
		if ok != (strings.TrimSpace(body) == command.DefaultWord) {
			t.Errorf("Parse(%q) says %v", body, ok)
		}
		if ok {
			if _, again := (command.Grammar{}).Parse("x" + body); again {
				t.Errorf("a longer comment than %q counts as well", body)
			}
		}
	})
}
