package swarm

import (
	"fmt"
	"maps"
	"strconv"
	"time"

	"github.com/moby/moby/client"

	"seatrial/harness/run"
)

// The labels of everything that is made here.
const (
	labelInstance = "seatrial.instance"
	labelRun      = "seatrial.run"
	labelAttempt  = "seatrial.attempt"
	labelExpires  = "seatrial.expires"
	labelApp      = "seatrial.app"     // the subdomain
	labelRelease  = "seatrial.release" // of services alone: a change of it restarts nothing

	labelStack       = "com.docker.stack.namespace" // docker stack deploy's own
	labelServiceName = "com.docker.swarm.service.name"
)

// labelsFor are the labels of an app's object.
func labelsFor(l run.Labels, name string) map[string]string {
	return map[string]string{
		labelInstance: l.Instance, labelRun: string(l.Run), labelAttempt: strconv.Itoa(l.Attempt),
		labelExpires: l.Expires.UTC().Format(time.RFC3339), labelApp: name,
	}
}

func (a *App) labels() map[string]string { return labelsFor(a.cfg.Labels, a.cfg.Label) }

// readLabels is the way back; ok is false for what is not ours.
func readLabels(m map[string]string) (l run.Labels, ok bool) {
	id, err := run.ParseID(m[labelRun])
	if err != nil || m[labelInstance] == "" {
		return l, false
	}
	attempt, err := strconv.Atoi(m[labelAttempt])
	if err != nil {
		return l, false
	}
	expires, err := time.Parse(time.RFC3339, m[labelExpires])
	if err != nil {
		return l, false
	}
	return run.Labels{Instance: m[labelInstance], Run: id, Attempt: attempt, Expires: expires}, true
}

// filter selects objects by labels.
func filter(labels map[string]string) client.Filters {
	f := client.Filters{}
	for key, value := range labels {
		term := key
		if value != "" {
			term = fmt.Sprintf("%s=%s", key, value)
		}
		f.Add("label", term)
	}
	return f
}

// ours selects what belongs to this app.
func (a *App) ours() client.Filters {
	l := maps.Clone(a.labels())
	delete(l, labelExpires)
	return filter(l)
}

func (a *App) stack() client.Filters { return filter(map[string]string{labelStack: a.cfg.Label}) }
