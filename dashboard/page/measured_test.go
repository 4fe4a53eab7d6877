package page

import (
	"testing"

	"seatrial/harness/run"
)

func TestTaken(t *testing.T) {
	for want, m := range map[string]*run.Measured{
		"": nil,
		"40 MiB of memory, 1.5 GiB of images, 3 KiB in its volumes": {Memory: 40 << 20, Images: 3 << 29, Volumes: 3 << 10},
		"12 bytes in its volumes, 2 KiB in its backup":              {Volumes: 12, Backup: 2 << 10},
	} {
		if got := measured(m); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
