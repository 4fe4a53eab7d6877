package recipes

import (
	"maps"
	"slices"
	"time"
)

// Defaults is the enrolment with everything filled in that it leaves open. The
// schema names the same values.
func Defaults(e Enrolment) Enrolment {
	e.Target = or(e.Target, "process")
	e.Versions.Tags = or(e.Versions.Tags, "*")
	e.Build.Timeout = or(e.Build.Timeout, Duration(10*time.Minute))
	e.Health.Path = or(e.Health.Path, "/")
	e.Health.Timeout = or(e.Health.Timeout, Duration(2*time.Minute))
	e.Health.Steady = or(e.Health.Steady, Duration(12*time.Second))
	e.Timeouts.Limit = or(e.Timeouts.Limit, Duration(time.Hour))
	e.Timeouts.Silence = or(e.Timeouts.Silence, Duration(20*time.Minute))
	e.Timeouts.Stop = or(e.Timeouts.Stop, Duration(10*time.Second))
	e.Timeouts.Hook = or(e.Timeouts.Hook, Duration(5*time.Minute))
	e.Forks, e.Drafts = or(e.Forks, Allow), or(e.Drafts, Allow)
	e.Resources.Memory = or(e.Resources.Memory, 1<<30)
	e.Resources.Processes = or(e.Resources.Processes, 512)
	e.Resources.CPUs = or(e.Resources.CPUs, 2)
	e.Env, e.UpgradeEnv = maps.Clone(e.Env), maps.Clone(e.UpgradeEnv)
	e.Volumes = slices.Clone(e.Volumes)
	e.Secrets, e.Deps, e.Allow = maps.Clone(e.Secrets), slices.Clone(e.Deps), slices.Clone(e.Allow)
	if len(e.Volumes) == 0 && e.Target != TargetSwarm {
		e.Volumes = []string{"data"}
	}
	return e
}

func or[T comparable](value, otherwise T) T {
	var zero T
	if value == zero {
		return otherwise
	}
	return value
}
