package hook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count hooks. Forges and results are few, so the series do not grow with use.
type metrics struct {
	hooks   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newMetrics(forges []Forge) *metrics {
	m := &metrics{
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seatrial_hooks_total", Help: "Hooks that came since this server started, by forge and by what became of them.",
		}, []string{"forge", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "seatrial_hook_seconds", Help: "From a hook's arrival until what it is about was looked at, in seconds.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"forge"}),
	}
	for _, f := range forges {
		m.seconds.WithLabelValues(f.ID)
		for _, r := range results {
			m.hooks.WithLabelValues(f.ID, string(r)) // a series that begins at 0 shows its first step
		}
	}
	return m
}

func (m *metrics) count(forgeID string, r result) {
	m.hooks.WithLabelValues(forgeID, string(r)).Inc()
}

func (m *metrics) took(forgeID string, d time.Duration) {
	m.seconds.WithLabelValues(forgeID).Observe(d.Seconds())
}

func (rc *Receiver) Describe(to chan<- *prometheus.Desc) {
	rc.metrics.hooks.Describe(to)
	rc.metrics.seconds.Describe(to)
}

func (rc *Receiver) Collect(to chan<- prometheus.Metric) {
	rc.metrics.hooks.Collect(to)
	rc.metrics.seconds.Collect(to)
}
