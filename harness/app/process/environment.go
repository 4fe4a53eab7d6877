package process

import (
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"seatrial/harness/run"
)

// The variables by which a process says whose it is.
const (
	runEnv      = "SEATRIAL_RUN"
	attemptEnv  = "SEATRIAL_ATTEMPT"
	instanceEnv = "SEATRIAL_INSTANCE"
	expiresEnv  = "SEATRIAL_EXPIRES"
	serviceEnv  = "SEATRIAL_SERVICE"
)

// markers label a process.
func (a *App) markers(service string) []string {
	l := a.cfg.Labels
	return []string{
		runEnv + "=" + string(l.Run),
		attemptEnv + "=" + strconv.Itoa(l.Attempt),
		instanceEnv + "=" + l.Instance,
		expiresEnv + "=" + l.Expires.UTC().Format(time.RFC3339),
		serviceEnv + "=" + service,
	}
}

// readMarkers is the inverse of markers. An environment without a run's ID, or
// with one that is none, is nobody's.
func readMarkers(environ []byte) (run.Labels, string, bool) {
	var l run.Labels
	var service string
	found := false
	for entry := range strings.SplitSeq(string(environ), "\x00") {
		key, value, _ := strings.Cut(entry, "=")
		switch key {
		case runEnv:
			if id, err := run.ParseID(value); err == nil {
				l.Run, found = id, true
			}
		case attemptEnv:
			l.Attempt, _ = strconv.Atoi(value)
		case instanceEnv:
			l.Instance = value
		case expiresEnv:
			l.Expires, _ = time.Parse(time.RFC3339, value)
		case serviceEnv:
			service = value
		}
	}
	return l, service, found
}

// environment is what a process of the app starts with: made from nothing, so that
// nothing of ours can be in it. Later entries win over earlier ones.
func (a *App) environment(service string, v view, port int, extra ...[]string) []string {
	env := map[string]string{
		"PATH":     a.searchPath(),
		"HOME":     a.see(v.home),
		"TMPDIR":   insideTmp,
		"LANG":     "C.UTF-8",
		"BASE_URL": a.cfg.BaseURL,
		"USER":     "app",
	}
	if v.tmp != "" {
		env["TMPDIR"] = a.see(v.tmp)
	}
	if port > 0 {
		env["PORT"] = strconv.Itoa(port)
	}
	if v.volumes {
		for i, name := range a.cfg.Enrolment.Volumes {
			dir := a.see("volumes/" + name)
			if i == 0 {
				env["DATA_DIR"] = dir
			}
			env[volumeVariable(name)] = dir
		}
	}
	maps.Copy(env, a.cfg.Enrolment.Env)
	if d := a.deployed(); d != nil && !d.release.Published {
		maps.Copy(env, a.cfg.Enrolment.UpgradeEnv)
	}
	for _, entries := range append(extra, a.markers(service)) {
		for _, entry := range entries {
			key, value, _ := strings.Cut(entry, "=")
			env[key] = value
		}
	}
	list := make([]string, 0, len(env))
	for _, key := range slices.Sorted(maps.Keys(env)) {
		list = append(list, key+"="+env[key])
	}
	return list
}

// searchPath is where the app's programs are looked for. Trusted code finds the same
// programs as whoever started us; in a sandbox only the system's are there.
func (a *App) searchPath() string {
	if own := os.Getenv("PATH"); own != "" && !a.cfg.Isolate {
		return own
	}
	return systemPath
}

// volumeVariable is the variable that holds a volume's folder: uploads → UPLOADS_DIR.
func volumeVariable(name string) string {
	return strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_DIR"
}
