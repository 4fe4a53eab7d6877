package lint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/harness/run"
	"seatrial/recipes/compose"
)

// commonStack is how long a stack's name often is: that of a recipe, and a domain, as
// in knowledge-base_example_coop_eu.
const commonStack = 30

// Deployment is the deployment for which a recipe is read before it is given to Check.
// Its stack has a short name, so that a recipe can be read whose names get too long
// elsewhere.
func Deployment(env map[string]string) compose.Options {
	return compose.Options{Stack: "app_example_org", Domain: "app.example.org", Env: env}
}

// swarmRules are about Co-op Cloud recipes for Docker Swarm.
func swarmRules() []rule {
	read := slices.Concat(
		composeFormRules(), composeBackupRules(), composeHealthRules(), composeUpdateRules(),
		composeNameRules(), composeRouteRules(), composeVersionRules(),
	)
	for i, rule := range read {
		read[i].look = func(r *recipe, say say) {
			if r.Recipe != nil && r.Recipe.Config != nil {
				rule.look(r, say)
			}
		}
	}
	return slices.Concat(composeFileRules(), read)
}

// at adds a finding at the place of a value in the compose files.
func (r *recipe) at(say say, path []string, format string, args ...any) {
	place := r.Recipe.At(path...)
	say(place.File, place.Line, format, args...)
}

// service is a service as the reader describes it, with all that the files say.
type service struct {
	compose.Service
	types.ServiceConfig
}

// path is the path of something in the service.
func (s service) path(steps ...string) []string {
	return append([]string{"services", s.Service.Name}, steps...)
}

// label is the path of a label.
func (s service) label(name string) []string { return s.path("deploy", "labels", name) }

// shown is the service's name, for a finding.
func (s service) shown() string { return visible(s.Service.Name) }

// services are those of the deployment.
func (r *recipe) services() []service {
	var all []service
	for _, s := range r.Recipe.Services {
		i := slices.IndexFunc(r.Recipe.Config.Services, func(c types.ServiceConfig) bool { return c.Name == s.Name })
		if i >= 0 {
			all = append(all, service{s, r.Recipe.Config.Services[i]})
		}
	}
	return all
}

// external says whether the service is in a network that other stacks share.
func (r *recipe) external(s service) (network string, ok bool) {
	for _, n := range r.Recipe.Networks {
		if _, in := s.Networks[n.Name]; in && n.External {
			return n.Name, true
		}
	}
	return "", false
}

// unstacked is a name in the swarm as a recipe writes it.
func (r *recipe) unstacked(full string) string {
	return visible(strings.ReplaceAll(full, r.Recipe.Stack, "${STACK_NAME}"))
}

// composeFileRules are about the compose files as they are written.
func composeFileRules() []rule {
	return []rule{
		{"compose-invalid", run.SeverityError, composeInvalid},
		{"compose-versions-mixed", run.SeverityWarning, composeVersionsMixed},
		{"interpolated-duration", run.SeverityError, interpolatedDuration},
	}
}

func composeInvalid(r *recipe, say say) {
	for _, p := range r.Problems {
		text := p.Message
		if p.Nearest != "" {
			text += "; did you mean " + p.Nearest + "?"
		}
		say(p.File, p.Line, "%s", text)
	}
}

func composeVersionsMixed(r *recipe, say say) {
	said := map[string]leaf{}
	for _, l := range r.composeLeaves() {
		if l.is("version") {
			said[l.file] = l
		}
	}
	files := r.composeFiles()
	for _, name := range files {
		if first, l := said[files[0]], said[name]; l.text != first.text {
			say(name, l.line, "this file has %s, and %s has %s: the two do not load together. Write the same in every file", versionSaid(l.text), visible(files[0]), versionSaid(first.text))
		}
	}
}

func interpolatedDuration(r *recipe, say say) {
	for _, l := range r.composeLeaves() {
		if isDuration(l) && strings.Contains(strings.ReplaceAll(l.text, "$$", ""), "$") {
			say(l.file, l.line, "%s of %s is made of a variable, %s: abra refuses that, though docker takes it. Write the time itself", l.path[len(l.path)-1], visible(l.path[1]), visible(l.text))
		}
	}
}

func versionSaid(version string) string {
	if version == "" {
		return "no version"
	}
	return "version " + visible(version)
}

// durations are the keys of a service that hold a time.
var durations = [][]string{
	{"healthcheck", "interval"}, {"healthcheck", "timeout"}, {"healthcheck", "start_period"}, {"healthcheck", "start_interval"},
	{"deploy", "update_config", "delay"}, {"deploy", "update_config", "monitor"},
	{"deploy", "rollback_config", "delay"}, {"deploy", "rollback_config", "monitor"},
	{"deploy", "restart_policy", "delay"}, {"deploy", "restart_policy", "window"},
	{"stop_grace_period"},
}

func isDuration(l leaf) bool {
	return slices.ContainsFunc(durations, func(keys []string) bool {
		return l.is(append([]string{"services", "*"}, keys...)...)
	})
}

// replacementFor says what to write for a key that swarm ignores.
var replacementFor = map[string]string{
	"build":          "name a published image",
	"container_name": "other services find it by the service's name",
	"depends_on":     "let the service wait for what it needs, or fail and be started again",
	"domainname":     "use hostname",
	"expose":         "services of one network reach each other on every port",
	"external_links": "put both services into one network",
	"links":          "use the service's name as the host",
	"network_mode":   "use networks",
	"privileged":     "name the capabilities under cap_add",
	"restart":        "use deploy.restart_policy",
	"shm_size":       "mount a tmpfs at /dev/shm",
}

// composeFormRules are about keys and declarations that have no effect.
func composeFormRules() []rule {
	return []rule{
		{"ignored-field", run.SeverityNote, ignoredField},
		{"secret-unused", run.SeverityNote, secretUnused},
		{"config-unused", run.SeverityNote, configUnused},
	}
}

func ignoredField(r *recipe, say say) {
	for _, i := range r.Recipe.Ignored {
		say(i.Place.File, i.Place.Line, "%s of %s has no effect in a swarm: %s", visible(i.Key), visible(i.Service), cmp.Or(replacementFor[i.Key], "leave it out"))
	}
}

func secretUnused(r *recipe, say say) {
	used := map[string]bool{}
	for _, s := range r.services() {
		for _, ref := range s.Secrets {
			used[ref.Source] = true
		}
	}
	for _, secret := range r.Recipe.Secrets {
		if !used[secret.Name] {
			r.at(say, []string{"secrets", secret.Name}, "no service uses the secret %s, and abra makes it all the same: remove it, or give it to a service", visible(secret.Name))
		}
	}
}

func configUnused(r *recipe, say say) {
	used := map[string]bool{}
	for _, s := range r.services() {
		for _, ref := range s.Configs {
			used[ref.Source] = true
		}
	}
	for _, config := range r.Recipe.Configs {
		if !used[config.Name] {
			r.at(say, []string{"configs", config.Name}, "no service uses the config %s: remove it, or give it to a service", visible(config.Name))
		}
	}
}
