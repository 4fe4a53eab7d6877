package lint

import (
	"strings"
	"time"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// swarmMonitors is how long swarm watches an updated task that does not say; a
// database is still reading its files then.
const swarmMonitors = 5 * time.Second

var migrates = lazyregexp.New(`(?i)\bmigrat(?:e|ion|ions)\b|db:migrate|_MIGRAT`)

// migrates says whether the service visibly changes a database as it starts.
func (s service) migrates() bool {
	return migrates.MatchString(strings.Join(s.Command, " ") + " " + strings.Join(s.Entrypoint, " "))
}

// composeUpdateRules are about how swarm replaces one release by the next.
func composeUpdateRules() []rule {
	return []rule{
		{"monitor-short", run.SeverityWarning, monitorShort},
		{"database-start-first", run.SeverityWarning, databaseStartFirst},
		{"database-replicas", run.SeverityWarning, databaseReplicas},
	}
}

func monitorShort(r *recipe, say say) {
	for _, s := range r.services() {
		if s.database() == "" && !s.migrates() || s.job() {
			continue
		}
		monitor := swarmMonitors
		if u := s.Deploy.UpdateConfig; u != nil && u.Monitor > 0 {
			monitor = time.Duration(u.Monitor)
		}
		if monitor <= swarmMonitors {
			r.at(say, s.path("deploy", "update_config", "monitor"), "after an upgrade swarm watches %s for %s, too short to see a %s fail: set deploy.update_config.monitor to 30s or more", s.shown(), monitor, s.work())
		}
	}
}

func databaseStartFirst(r *recipe, say say) {
	for _, s := range r.services() {
		volume, ok := s.dataVolume()
		if u := s.Deploy.UpdateConfig; ok && u != nil && u.Order == "start-first" {
			r.at(say, s.path("deploy", "update_config", "order"), "with start-first two of %s write to the volume %s at once during an upgrade: use stop-first", s.shown(), visible(volume))
		}
	}
}

func databaseReplicas(r *recipe, say say) {
	for _, s := range r.services() {
		volume, ok := s.dataVolume()
		if n := s.Deploy.Replicas; ok && n != nil && *n > 1 {
			r.at(say, s.path("deploy", "replicas"), "%d of %s write to the volume %s at once: a database's files belong to one", *n, s.shown(), visible(volume))
		}
	}
}

// work is what the service does at its start that may fail late.
func (s service) work() string {
	if s.database() != "" {
		return "database"
	}
	return "migration"
}
