package dashboard_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/dashboard/page"
	"seatrial/harness/cluster"
)

func TestOnlyTheLatestThatAreNotEnrolledAreShown(t *testing.T) {
	d := newDashboard(t, func(c *dashboard.Config) {
		c.Unenrolled = func(context.Context) (all []page.UnenrolledRepo) {
			for i := range 500 {
				all = append(all, page.UnenrolledRepo{Forge: "gitea", Repo: fmt.Sprintf("recipes/r%d", i), Last: sample.Now})
			}
			return all
		}
	})
	_, body := get(t, d, "/")
	if n := strings.Count(body, "seatrial recipes new recipes/r"); n != 20 || !strings.Contains(body, "and 480 more") {
		t.Errorf("%d are shown", n)
	}
	_, body = get(t, newDashboard(t, func(c *dashboard.Config) { c.Unenrolled = nil }), "/")
	if strings.Contains(body, "Signed hooks") {
		t.Error("without them the page speaks of them")
	}
}

func TestMetricsOfOthersAreShown(t *testing.T) {
	count := prometheus.NewCounter(prometheus.CounterOpts{Name: "seatrial_others_total", Help: "Of others."})
	count.Add(3)
	d := newDashboard(t, func(c *dashboard.Config) { c.Collectors = []prometheus.Collector{count} })
	if _, body := get(t, d, "/metrics"); !strings.Contains(body, "seatrial_others_total 3\n") {
		t.Error("they are missing")
	}
}

// What a page reads ends with the request that it is for.
func TestWhatPagesAskForHasTheRequestsContext(t *testing.T) {
	type mark struct{}
	ctx := context.WithValue(t.Context(), mark{}, true)
	asked := map[string]bool{}
	note := func(ctx context.Context, what string) { asked[what] = ctx.Value(mark{}) != nil }
	d := newDashboard(t, func(c *dashboard.Config) {
		sample.OnCluster(c)
		c.Unenrolled = func(ctx context.Context) []page.UnenrolledRepo {
			note(ctx, "unenrolled")
			return nil
		}
		c.Cluster = func(ctx context.Context) cluster.Snapshot {
			note(ctx, "cluster")
			return sample.Cluster(ctx)
		}
	})
	for path, what := range map[string][]string{"/": {"unenrolled", "cluster"}, "/runs/" + string(sample.ClusterPassed): {"cluster"}, "/api/v1/node": {"cluster"}} {
		clear(asked)
		d.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil))
		for _, w := range what {
			if has, did := asked[w]; !did || !has {
				t.Errorf("%s: the %s was asked for: %v; with the request's context: %v", path, w, did, has)
			}
		}
	}
}
