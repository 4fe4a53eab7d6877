package dashboard_test

import (
	"strings"
	"testing"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/harness/run"
)

func TestWhoWaitsForItsImagesIsToldSo(t *testing.T) {
	d := newDashboard(t, func(c *dashboard.Config) {
		c.Queue = func() run.Queue {
			q := sample.Queue()
			q.Waiting[0].Preparing = true
			return q
		}
	})
	for path, want := range map[string]string{"/": "; fetching its images", "/runs/" + string(sample.Waiting): "place 1 of 1, fetching its images."} {
		if _, body := get(t, d, path); !strings.Contains(body, want) {
			t.Errorf("%s does not say %q", path, want)
		}
	}
}
