package gitea

import (
	"slices"
	"strings"
	"testing"
	"time"

	"seatrial/bridge/forge"
)

func TestTreesComeOutAsTheyWentIn(t *testing.T) {
	for _, size := range []int{20, 32} { // SHA-1, SHA-256
		trees := []forge.Tree{
			{Commit: strings.Repeat("ab", size), Tree: strings.Repeat("01", size), At: time.Unix(1_800_000_000, 0).UTC()},
			{Commit: strings.Repeat("00", size), Tree: strings.Repeat("ff", size), At: time.Unix(-1, 0).UTC()},
		}
		packed, err := packTrees(trees)
		if err != nil || len(packed) != 2*(2*size+8) {
			t.Fatalf("%d bytes, %v", len(packed), err)
		}
		if again := unpackTrees(packed, size); !slices.Equal(again, trees) {
			t.Errorf("%v became %v", trees, again)
		}
	}
	if _, err := packTrees([]forge.Tree{{Commit: "HEAD", Tree: "01"}}); err == nil {
		t.Error("what is no hash was taken")
	}
}
