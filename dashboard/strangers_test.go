package dashboard_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/dashboard/page"
)

func TestOnlyTheLatestStrangersAreShown(t *testing.T) {
	d := newDashboard(t, func(c *dashboard.Config) {
		c.Strangers = func() (all []page.Stranger) {
			for i := range 500 {
				all = append(all, page.Stranger{Forge: "gitea", Repo: fmt.Sprintf("recipes/r%d", i), Last: sample.Now})
			}
			return all
		}
	})
	_, body := get(t, d, "/")
	if n := strings.Count(body, "seatrial recipes new recipes/r"); n != 20 || !strings.Contains(body, "and 480 more") {
		t.Errorf("%d are shown", n)
	}
	_, body = get(t, newDashboard(t, func(c *dashboard.Config) { c.Strangers = nil }), "/")
	if strings.Contains(body, "Signed hooks") {
		t.Error("without strangers the page speaks of them")
	}
}

func TestNumbersOfOthersAreShown(t *testing.T) {
	count := prometheus.NewCounter(prometheus.CounterOpts{Name: "seatrial_others_total", Help: "Of others."})
	count.Add(3)
	d := newDashboard(t, func(c *dashboard.Config) { c.Collectors = []prometheus.Collector{count} })
	if _, body := get(t, d, "/metrics"); !strings.Contains(body, "seatrial_others_total 3\n") {
		t.Error("they are missing")
	}
}
