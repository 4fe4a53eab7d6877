package shell

import (
	"os/exec"
	"testing"

	"pgregory.net/rapid"
)

func TestPlainWordsStayAsTheyAre(t *testing.T) {
	for word, want := range map[string]string{"https://x/y.git": "https://x/y.git", "./a-b": "./a-b", "": "''", "-rf": "'-rf'", "a b": "'a b'", "it's": `'it'\''s'`} {
		if got := Word(word); got != want {
			t.Errorf("%q became %s, want %s", word, got, want)
		}
	}
}

func TestAShellReadsTheWordBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`([ -~é\n\t]|\$\(x\)|'){0,8}`).Draw(t, "word")
		got, err := exec.Command("sh", "-c", "printf %s "+Word(word)).Output()
		if err != nil || string(got) != word {
			t.Errorf("%q was read as %q, %v", word, got, err)
		}
	})
}
