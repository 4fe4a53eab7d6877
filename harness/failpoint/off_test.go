//go:build !failpoints

package failpoint

import "testing"

func TestDoesNothingWithoutTheTag(t *testing.T) {
	t.Setenv("SEATRIAL_FAILPOINT", "here")
	Hit("here") // would kill this process
	if Enabled {
		t.Fatal("a build without the tag says that it has failpoints")
	}
}
