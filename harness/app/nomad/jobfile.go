package nomad

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"slices"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/internal/lazyregexp"
)

const jobSuffix = ".nomad.hcl"

// maxJobFile bounds what is sent to the server for parsing.
const maxJobFile = 1 << 20

// findJobFile reads the one job file in a release's root.
func findJobFile(dir string) (name, text string, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", "", fmt.Errorf("cannot read the release: %w", err)
	}
	var found []string
	for _, e := range entries {
		if e.Type().IsRegular() && strings.HasSuffix(e.Name(), jobSuffix) {
			found = append(found, e.Name())
		}
	}
	switch len(found) {
	case 1:
	case 0:
		return "", "", &app.Fault{
			Summary: "there is no job file: no *" + jobSuffix + " lies in the repository's root",
			Hint:    "add one, such as app" + jobSuffix,
		}
	default:
		return "", "", &app.Fault{
			Summary: "there is more than one job file: " + strings.Join(found, ", "),
			Hint:    "keep one *" + jobSuffix + " in the repository's root, and the others in a folder",
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return "", "", fmt.Errorf("cannot read the release: %w", err)
	}
	defer root.Close()
	content, err := root.ReadFile(found[0])
	if err != nil {
		return "", "", fmt.Errorf("cannot read %s: %w", found[0], err)
	}
	if len(content) > maxJobFile {
		return "", "", &app.Fault{Summary: fmt.Sprintf("%s is larger than %d KiB", found[0], maxJobFile>>10)}
	}
	return found[0], string(content), nil
}

// values are what a job file may ask for.
func (a *App) values(r app.Release, node string) map[string]string {
	values := map[string]string{
		"version": r.Name, "commit": r.Commit, "name": a.cfg.Label, "base_url": a.cfg.BaseURL, "domain": "", "node": node,
	}
	if at, err := url.Parse(a.cfg.BaseURL); err == nil {
		values["domain"] = at.Hostname()
	}
	env := maps.Clone(a.cfg.Enrolment.Env)
	if env == nil {
		env = map[string]string{}
	}
	if !r.Published {
		maps.Copy(env, a.cfg.Enrolment.UpgradeEnv)
	}
	for key, value := range env {
		values[strings.ToLower(key)] = value
	}
	return values
}

// fromForge is what a release's name or commit may look like. Nomad interpolates some
// strings once more when it places a task, and renders templates, so that quoting alone
// would not keep a name from becoming code.
var fromForge = lazyregexp.New(`^[A-Za-z0-9._+~/-]*$`)

// assign gives the declared variables their values, as the text of a variables file.
func assign(file, text string, values map[string]string, r app.Release) (string, error) {
	for _, name := range []string{r.Name, r.Commit} {
		if !fromForge.MatchString(name) {
			return "", &app.Fault{
				Summary: fmt.Sprintf("the release's name %q cannot be given to a job file", name),
				Hint:    "name versions with letters, digits and . _ + ~ / - only",
			}
		}
	}
	var lines []string
	for _, v := range declared(text) {
		value, ok := values[v.name]
		switch {
		case ok:
			lines = append(lines, v.name+" = "+cluster.Quote(value)+"\n")
		case !v.hasDefault:
			return "", &app.Fault{
				Summary: fmt.Sprintf("%s:%d: the variable %q has no default, and nothing here has a value for it", file, v.line, v.name),
				Hint:    "give it a default, or ask the operator to set it in the enrolment's env; known are " + strings.Join(slices.Sorted(maps.Keys(values)), ", "),
			}
		}
	}
	return strings.Join(lines, ""), nil
}
