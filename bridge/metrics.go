package bridge

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"seatrial/bridge/forge"
)

var (
	forgeUp       = forgeSeries("seatrial_forge_up", "1 if the forge's latest answer to a question for comments was good, 0 if it failed or there is none yet.", "forge")
	forgeRequests = forgeSeries("seatrial_forge_requests_total", "Requests sent to the forge since this server started, repetitions too, by what they were for.", "forge", "kind")
	forgeLimit    = forgeSeries("seatrial_forge_rate_limit", "Requests that the forge grants in a period, as of its latest answer. Only where it sets a limit.", "forge")
	forgeLeft     = forgeSeries("seatrial_forge_rate_left", "Requests that are left of them.", "forge")
	forgeLag      = forgeSeries("seatrial_forge_poll_lag_seconds", "How old the latest complete look is: of scope repository at the one that was looked at longest ago, of scope organisation at all of them by one question.", "forge", "scope")
)

func forgeSeries(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// metrics are about the forges. There are few forges and kinds of request, so the number of
// series does not grow with use.
type metrics struct {
	b    *Bridge
	seen *prometheus.HistogramVec
}

func newMetrics(b *Bridge) *metrics {
	m := &metrics{b: b, seen: prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "seatrial_comment_seen_seconds", Help: "From a command's creation, by the forge's clock, until it was seen, in seconds.",
		Buckets: []float64{1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 3600},
	}, []string{"forge"})}
	for id := range b.forges {
		m.seen.WithLabelValues(id) // a series that begins at 0 shows its first step
	}
	return m
}

// Metrics returns the collector of the forges' metrics.
func (b *Bridge) Metrics() prometheus.Collector { return b.metrics }

// sawComment counts a command that was seen.
func (m *metrics) sawComment(forgeID string, age time.Duration) {
	m.seen.WithLabelValues(forgeID).Observe(age.Seconds())
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{forgeUp, forgeRequests, forgeLimit, forgeLeft, forgeLag} {
		to <- d
	}
	m.seen.Describe(to)
}

// Collect implements prometheus.Collector. It sends no request to a forge.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	m.seen.Collect(to)
	for id, a := range m.b.forges {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, append([]string{id}, labels...)...)
		}
		health := m.b.poller.Health(id)
		up := 0.0
		if health.Up {
			up = 1
		}
		gauge(forgeUp, up)
		gauge(forgeLag, health.Repos.Seconds(), "repository")
		if health.HasOrg {
			gauge(forgeLag, health.Org.Seconds(), "organisation")
		}
		if limited, ok := a.Client.(interface{ Budget() forge.Budget }); ok {
			if budget := limited.Budget(); budget.Limit > 0 {
				gauge(forgeLimit, float64(budget.Limit))
				gauge(forgeLeft, float64(budget.Left))
			}
		}
		if counting, ok := a.Client.(interface{ Requests() map[string]int64 }); ok {
			for kind, count := range counting.Requests() {
				to <- prometheus.MustNewConstMetric(forgeRequests, prometheus.CounterValue, float64(count), id, kind)
			}
		}
	}
}
