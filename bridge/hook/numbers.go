package hook

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// numbers counts hooks. Forges and results are few, so the series do not grow with use.
type numbers struct {
	hooks   *prometheus.CounterVec
	seconds *prometheus.HistogramVec
}

func newNumbers(forges []Forge) *numbers {
	n := &numbers{
		hooks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "seatrial_hooks_total", Help: "Hooks that came since this server started, by forge and by what became of them.",
		}, []string{"forge", "result"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "seatrial_hook_seconds", Help: "From a hook's arrival until what it is about was looked at, in seconds.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"forge"}),
	}
	for _, f := range forges {
		n.seconds.WithLabelValues(f.ID)
		for _, r := range results {
			n.hooks.WithLabelValues(f.ID, string(r)) // a series that begins at 0 shows its first step
		}
	}
	return n
}

func (n *numbers) count(forgeID string, r result) {
	n.hooks.WithLabelValues(forgeID, string(r)).Inc()
}

func (n *numbers) took(forgeID string, d time.Duration) {
	n.seconds.WithLabelValues(forgeID).Observe(d.Seconds())
}

// Describe implements prometheus.Collector.
func (rc *Receiver) Describe(to chan<- *prometheus.Desc) {
	rc.numbers.hooks.Describe(to)
	rc.numbers.seconds.Describe(to)
}

// Collect implements prometheus.Collector.
func (rc *Receiver) Collect(to chan<- prometheus.Metric) {
	rc.numbers.hooks.Collect(to)
	rc.numbers.seconds.Collect(to)
}
