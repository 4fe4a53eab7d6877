package lint

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

const (
	// What swarm takes at most.
	longestService = 63
	longestObject  = 64
)

// commonNames are those that the services of nearly every stack have.
var commonNames = []string{"app", "web"}

// hostVariable is a variable whose value is a host, where the value alone is only a word.
var hostVariable = lazyregexp.New(`(?i)(?:^|_)(?:HOST|HOSTNAME|HOSTS|SERVER|SERVERS|ADDR|ADDRESS|UPSTREAM|BACKEND|ENDPOINT|URL|URI|DSN)(?:$|_)`)

// composeNameRules are about names.
func composeNameRules() []rule {
	return []rule{
		{"name-too-long", run.SeverityWarning, nameTooLong},
		{"generic-alias", run.SeverityWarning, genericAlias},
	}
}

func nameTooLong(r *recipe, say say) {
	for _, s := range r.Recipe.Services {
		r.tooLong(say, longestService, "service", s.Full, "services", s.Name)
	}
	for _, c := range r.Recipe.Configs {
		r.tooLong(say, longestObject, "config", c.Full, "configs", c.Name)
	}
	for _, s := range r.Recipe.Secrets {
		r.tooLong(say, longestObject, "secret", s.Full, "secrets", s.Name)
	}
}

func genericAlias(r *recipe, say say) {
	all := r.services()
	for _, s := range all {
		network, ok := r.external(s)
		if !ok {
			continue
		}
		for _, key := range slices.Sorted(maps.Keys(s.Environment)) {
			value := s.Environment[key]
			if value == nil {
				continue
			}
			for _, other := range all {
				name := other.Service.Name
				_, shared := r.external(other)
				if name != s.Service.Name && (shared || slices.Contains(commonNames, name)) && namesHost(key, *value, name) {
					r.at(say, s.path("environment", key), "%s of %s names the host %s, and in the shared network %s other stacks may have a service of that name: write ${STACK_NAME}_%s", visible(key), s.shown(), visible(name), visible(network), visible(name))
				}
			}
		}
	}
}

// tooLong says what a name is with a stack of a common length.
func (r *recipe) tooLong(say say, most int, what, full string, path ...string) {
	n := len(full) + strings.Count(full, r.Recipe.Stack)*(commonStack-len(r.Recipe.Stack))
	if n > most {
		r.at(say, path, "with a stack name of %d characters, as many have, the %s %s is %d long, and swarm takes %d: make its name shorter by %d", commonStack, what, r.unstacked(full), n, most, n-most)
	}
}

// namesHost says whether a variable's value names the host: alone, with a port, or in an
// address.
func namesHost(key, value, host string) bool {
	if !strings.Contains(value, host) {
		return false
	}
	h := regexp.QuoteMeta(host)
	if lazyregexp.New(`(?:://|@)` + h + `(?:[:/?]|$)|(?:^|[\s,;=])` + h + `:[0-9]+(?:$|[\s,;/])`).MatchString(value) {
		return true
	}
	return hostVariable.MatchString(key) && slices.Contains(strings.FieldsFunc(value, func(c rune) bool { return c == ',' || c == ' ' }), host)
}
