package cluster

import (
	"strconv"
	"strings"
	"time"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// instanceMark begins the instance's name in the labels of everything that a cluster's
// runs make, so that a node's janitor tells it from what runs without the cluster made
// on the same node: the cluster answers for it.
const instanceMark = "nomad-"

// Instance is the name under which an installation's runs go on a cluster.
func Instance(installation string) string {
	if strings.HasPrefix(installation, instanceMark) {
		return installation
	}
	return instanceMark + installation
}

// IsInstance says whether labels are those of a cluster's run.
func IsInstance(name string) bool { return strings.HasPrefix(name, instanceMark) }

// The keys of the labels in a job's meta.
const (
	labelInstance = "seatrial_instance"
	labelRun      = "seatrial_run"
	labelAttempt  = "seatrial_attempt"
	labelExpires  = "seatrial_expires" // RFC 3339, UTC
)

// LabelMeta puts labels into a job's meta.
func LabelMeta(l run.Labels) map[string]string {
	return map[string]string{
		labelInstance: l.Instance,
		labelRun:      string(l.Run),
		labelAttempt:  strconv.Itoa(l.Attempt),
		labelExpires:  l.Expires.UTC().Format(time.RFC3339),
	}
}

// ParseLabelMeta reads them. ok is false where they are missing or damaged.
func ParseLabelMeta(meta map[string]string) (l run.Labels, ok bool) {
	id, err := run.ParseID(meta[labelRun])
	attempt, err2 := strconv.Atoi(meta[labelAttempt])
	expires, err3 := time.Parse(time.RFC3339, meta[labelExpires])
	if err != nil || err2 != nil || err3 != nil || meta[labelInstance] == "" {
		return run.Labels{}, false
	}
	return run.Labels{Instance: meta[labelInstance], Run: id, Attempt: attempt, Expires: expires.UTC()}, true
}

// LabelName is a name that carries labels where there is no meta, such as a volume's.
func LabelName(l run.Labels, purpose string) string {
	return strings.Join([]string{"seatrial", l.Instance, string(l.Run), strconv.Itoa(l.Attempt), strconv.FormatInt(l.Expires.Unix(), 10), purpose}, ".")
}

var labelName = lazyregexp.New(`^seatrial\.([A-Za-z0-9_-]+)\.([0-9a-z]{26})\.([0-9]+)\.(-?[0-9]+)\.([A-Za-z0-9_-]+)$`)

// ParseLabelName reads them.
func ParseLabelName(name string) (l run.Labels, purpose string, ok bool) {
	m := labelName.FindStringSubmatch(name)
	if m == nil {
		return run.Labels{}, "", false
	}
	id, err := run.ParseID(m[2])
	attempt, err2 := strconv.Atoi(m[3])
	expires, err3 := strconv.ParseInt(m[4], 10, 64)
	if err != nil || err2 != nil || err3 != nil {
		return run.Labels{}, "", false
	}
	l = run.Labels{Instance: m[1], Run: id, Attempt: attempt, Expires: time.Unix(expires, 0).UTC()}
	// One spelling only: who looks for labels by name would not find another.
	return l, m[5], LabelName(l, m[5]) == name
}
