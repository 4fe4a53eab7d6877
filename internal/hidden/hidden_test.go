package hidden

import "testing"

func TestWhatNobodySeesIsHidden(t *testing.T) {
	for _, r := range "\x00\a\x1b\n\t\x7f\u0085\u00ad\u200b\u202e\u2028\u2066\u3164\ufe0f\ufeff\ue000" {
		if !Is(r) {
			t.Errorf("%U is not hidden", r)
		}
	}
	for _, r := range "a Z9é漢😀\u0301" {
		if Is(r) {
			t.Errorf("%U is hidden", r)
		}
	}
}

func TestTextsAreShown(t *testing.T) {
	for _, c := range []struct{ got, want string }{
		{Mark('\u202e'), "⟨U+202E⟩"},
		{Blot("a\tb\x1b[1m\u202ec"), "a b\uFFFD[1m\uFFFDc"},
		{Line(" two\r\nlines \x00 and\tmore "), "two lines and more"},
	} {
		if c.got != c.want {
			t.Errorf("got %q, want %q", c.got, c.want)
		}
	}
}
