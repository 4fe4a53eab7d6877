package compose

import (
	"maps"
	"slices"
	"strconv"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// What swarm and the engine take for names.
var (
	serviceName = lazyregexp.New(`^[a-zA-Z0-9](?:[-_]*[a-zA-Z0-9]+)*$`)
	objectName  = lazyregexp.New(`^[a-zA-Z0-9](?:[a-zA-Z0-9._-]*[a-zA-Z0-9])?$`)
	engineName  = lazyregexp.New(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
)

const (
	longestService = 63
	longestObject  = 64
	longestEngine  = 255
)

// kinds are the sections of a compose file that name things.
var kinds = []struct {
	section, one string
	form         *lazyregexp.Regexp
	wants        string
	longest      int
}{
	{"services", "service", serviceName, "letters, digits, - and _, and ends with a letter or digit", longestService},
	{"configs", "config", objectName, "letters, digits, -, _ and ., and ends with a letter or digit", longestObject},
	{"secrets", "secret", objectName, "letters, digits, -, _ and ., and ends with a letter or digit", longestObject},
	{"volumes", "volume", engineName, "letters, digits, -, _ and .", longestEngine},
	{"networks", "network", engineName, "letters, digits, -, _ and .", longestEngine},
}

// names refuses names that swarm would refuse, before anything else repeats them.
func (r *reader) names() {
	for _, f := range r.files {
		for _, k := range kinds {
			section, _ := f.dict[k.section].(map[string]any)
			for _, name := range slices.Sorted(maps.Keys(section)) {
				if !k.form.MatchString(name) || len(name) > k.longest {
					s := f.key([]string{k.section, name})
					r.say(f.name, s.Line, s.column, "%s is not a name for a %s: it has %s, and is at most %d characters long", shortened(name), k.one, k.wants, k.longest)
				}
			}
		}
	}
}

// fullName refuses names in the engine that are too long or of a wrong form.
func (r *reader) fullName(section, name, full string) {
	for _, k := range kinds {
		if k.section != section {
			continue
		}
		at := []string{section, name, "name"}
		switch {
		case len(full) > k.longest:
			r.sayOf(at, "the %s's full name %s has %d characters, and at most %d are taken: shorten it", k.one, shortened(full), len(full), k.longest)
		case !k.form.MatchString(full):
			r.sayOf(at, "%s is not a name for a %s: it has %s", shortened(full), k.one, k.wants)
		}
	}
}

func shortened(name string) string {
	const most = 80
	if runes := []rune(name); len(runes) > most {
		name = string(runes[:most]) + "…"
	}
	return recipes.Quote(name)
}

// mostPorts is how many ports a recipe may publish: the docker program compares each with
// each.
const mostPorts = 1000

var portRange = lazyregexp.New(`0*(\d{1,9})-0*(\d{1,9})`)

// ports refuses ranges that nobody means.
func (r *reader) ports() {
	total := 0
	for _, f := range r.files {
		services, _ := f.dict["services"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(services)) {
			service, _ := services[name].(map[string]any)
			said, _ := service["ports"].([]any)
			for _, port := range said {
				total++
				text, _ := port.(string)
				for _, m := range portRange.FindAllStringSubmatch(r.interpolated(text), -1) {
					first, _ := strconv.Atoi(m[1])
					last, _ := strconv.Atoi(m[2])
					total += max(0, last-first)
				}
			}
			if total > mostPorts {
				s := f.key([]string{"services", name, "ports"})
				r.say(f.name, s.Line, s.column, "these are too many ports: at most %d in a recipe", mostPorts)
				return
			}
		}
	}
}

// forbidden refuses the keys of a service with which the docker program loads nothing.
func (r *reader) forbidden() {
	for _, f := range r.files {
		services, _ := f.dict["services"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(services)) {
			service, _ := services[name].(map[string]any)
			for _, key := range slices.Sorted(maps.Keys(service)) {
				if why, ok := types.ForbiddenProperties[key]; ok {
					s := f.key([]string{"services", name, key})
					r.say(f.name, s.Line, s.column, "swarm refuses %s: %s", key, why)
				}
			}
		}
	}
}
