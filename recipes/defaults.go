package recipes

import (
	"cmp"
	"maps"
	"slices"
	"time"
)

// Defaults is the enrolment with everything filled in that it leaves open. The
// schema names the same values.
func Defaults(e Enrolment) Enrolment {
	e.Target = cmp.Or(e.Target, "process")
	e.Versions.Tags = cmp.Or(e.Versions.Tags, "**")
	e.Build.Timeout = cmp.Or(e.Build.Timeout, Duration(10*time.Minute))
	e.Health.Path = cmp.Or(e.Health.Path, "/")
	e.Health.Timeout = cmp.Or(e.Health.Timeout, Duration(2*time.Minute))
	e.Health.Steady = cmp.Or(e.Health.Steady, Duration(12*time.Second))
	e.Timeouts.Limit = cmp.Or(e.Timeouts.Limit, Duration(time.Hour))
	e.Timeouts.Silence = cmp.Or(e.Timeouts.Silence, Duration(20*time.Minute))
	e.Timeouts.Stop = cmp.Or(e.Timeouts.Stop, Duration(10*time.Second))
	e.Timeouts.Hook = cmp.Or(e.Timeouts.Hook, Duration(5*time.Minute))
	e.Forks, e.Drafts = cmp.Or(e.Forks, Allow), cmp.Or(e.Drafts, Allow)
	e.Resources.Memory = cmp.Or(e.Resources.Memory, 1<<30)
	e.Resources.Processes = cmp.Or(e.Resources.Processes, 512)
	e.Resources.CPUs = cmp.Or(e.Resources.CPUs, 2)
	e.Env, e.UpgradeEnv = maps.Clone(e.Env), maps.Clone(e.UpgradeEnv)
	e.Volumes = slices.Clone(e.Volumes)
	e.Secrets, e.Deps, e.Allow = maps.Clone(e.Secrets), slices.Clone(e.Deps), slices.Clone(e.Allow)
	if len(e.Volumes) == 0 && e.Target != TargetSwarm {
		e.Volumes = []string{"data"}
	}
	return e
}
