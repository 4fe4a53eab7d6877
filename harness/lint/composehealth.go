package lint

import (
	"strings"
	"time"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/harness/run"
)

const (
	// What docker does where a healthcheck does not say.
	defaultInterval = 30 * time.Second
	defaultRetries  = 3
	// leastGrace is below what nearly every app needs for its first start.
	leastGrace = 30 * time.Second
	// abraWaits is how long abra waits for a deployment that does not say.
	abraWaits = 300 * time.Second
)

// checked says whether swarm asks the service for its health.
func (s service) checked() bool {
	h := s.HealthCheck
	return h != nil && !h.Disable && len(h.Test) > 0 && h.Test[0] != "NONE"
}

// startPeriod is how long failures do not count, and grace how long the service has
// in all before it is called unhealthy.
func (s service) startPeriod() time.Duration {
	if s.HealthCheck == nil {
		return 0
	}
	return duration(s.HealthCheck.StartPeriod, 0)
}

func (s service) grace() time.Duration {
	retries := uint64(defaultRetries)
	if s.HealthCheck.Retries != nil && *s.HealthCheck.Retries > 0 {
		retries = min(*s.HealthCheck.Retries, 1000)
	}
	return s.startPeriod() + time.Duration(retries)*duration(s.HealthCheck.Interval, defaultInterval)
}

func duration(d *types.Duration, unset time.Duration) time.Duration {
	if d == nil || *d == 0 {
		return unset
	}
	return time.Duration(*d)
}

// job says whether the service is meant to end.
func (s service) job() bool {
	p := s.Deploy.RestartPolicy
	return strings.HasSuffix(s.Deploy.Mode, "-job") || p != nil && p.Condition == "none"
}

// composeHealthRules are about how swarm finds out that a service is well.
func composeHealthRules() []rule {
	return []rule{
		{"no-healthcheck", run.SeverityWarning, noHealthcheck},
		{"start-period-short", run.SeverityWarning, startPeriodShort},
		{"start-period-missing", run.SeverityNote, startPeriodMissing},
		{"timeout-label-missing", run.SeverityWarning, timeoutLabelMissing},
	}
}

func noHealthcheck(r *recipe, say say) {
	for _, s := range r.services() {
		if !s.checked() && !s.job() {
			r.at(say, s.path("healthcheck"), "%s has no healthcheck, so an upgrade that breaks it is taken for a success: add one, even if the image brings its own", s.shown())
		}
	}
}

func startPeriodShort(r *recipe, say say) {
	for _, s := range r.services() {
		if s.Service.Name == r.Recipe.Main && s.checked() && s.startPeriod() < r.Boot && s.grace() < 2*r.Boot {
			r.at(say, s.path("healthcheck", "start_period"), "%s took %s to become healthy in an earlier run, and is killed when it is not after %s: raise start_period to %s or more", s.shown(), r.Boot.Round(time.Second), s.grace(), (2 * r.Boot).Round(time.Second))
		}
	}
}

func startPeriodMissing(r *recipe, say say) {
	for _, s := range r.services() {
		if s.checked() && s.startPeriod() == 0 && s.grace() < leastGrace {
			r.at(say, s.path("healthcheck"), "%s is killed when it is not healthy after %s, in the middle of a slow first start too: set start_period", s.shown(), s.grace())
		}
	}
}

func timeoutLabelMissing(r *recipe, say say) {
	for _, s := range r.services() {
		need := s.startPeriod()
		if s.Service.Name == r.Recipe.Main {
			need = max(need, r.Boot)
		}
		if need > abraWaits && r.Recipe.Timeout < need {
			r.at(say, r.mainLabel("coop-cloud."+r.Recipe.Stack+".timeout"), "%s may take %s to start, and abra waits %s: set the label coop-cloud.${STACK_NAME}.timeout to more seconds than that", s.shown(), need.Round(time.Second), max(abraWaits, r.Recipe.Timeout))
			return
		}
	}
}

// mainLabel is the path of a label of the main service; without one, of the files.
func (r *recipe) mainLabel(name string) []string {
	if r.Recipe.Main == "" {
		return nil
	}
	return []string{"services", r.Recipe.Main, "deploy", "labels", name}
}
