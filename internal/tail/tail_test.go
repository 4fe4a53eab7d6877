package tail

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestBufferKeepsTheEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := Buffer{Max: rapid.IntRange(0, 20).Draw(t, "max")}
		var all strings.Builder
		for range rapid.IntRange(0, 8).Draw(t, "writes") {
			part := rapid.StringMatching(`[a-z]{0,30}`).Draw(t, "part")
			all.WriteString(part)
			if n, err := b.Write([]byte(part)); n != len(part) || err != nil {
				t.Fatal(n, err)
			}
		}
		if want := all.String()[max(0, all.Len()-b.Max):]; b.String() != want || string(b.Bytes()) != want {
			t.Errorf("kept %q, want %q", b.String(), want)
		}
	})
}

func TestBufferTellsText(t *testing.T) {
	b := Buffer{Max: 3}
	_, _ = b.Write([]byte("aé€")) // it never fails
	if b.String() != "€" {
		t.Errorf("%q", b.String())
	}
	_, _ = b.Write([]byte("b"))
	if b.String() != "\uFFFDb" {
		t.Errorf("%q", b.String())
	}
}
