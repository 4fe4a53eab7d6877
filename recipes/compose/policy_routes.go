package compose

import (
	"maps"
	"slices"
	"strings"

	"seatrial/internal/lazyregexp"
)

var routerLabel = lazyregexp.New(`(?i)^traefik\.(http|tcp|udp)\.routers\.([^.]+)\.(rule|service|entrypoints)$`)

// routes refuses what would take requests that are not for this app. Traefik reads the
// labels below deploy; those beside it are for Traefik without swarm.
func (p *policy) routes(s Service) {
	for _, from := range []struct {
		labels map[string]string
		at     []string
	}{
		{s.Labels, []string{"services", s.Name, "deploy", "labels"}},
		{s.ContainerLabels, []string{"services", s.Name, "labels"}},
	} {
		for _, key := range slices.Sorted(maps.Keys(from.labels)) {
			m := routerLabel.FindStringSubmatch(key)
			if m == nil {
				continue
			}
			value, at := from.labels[key], p.At(append(from.at, key)...)
			switch protocol, what := strings.ToLower(m[1]), strings.ToLower(m[3]); {
			case protocol == "udp":
				p.deny("foreign-route", "udp "+m[2], at, "%s takes all that comes to an entry point of Traefik", s.Name)
			case what == "rule" && !p.confined(value):
				p.deny("foreign-route", value, at, "the route of %s is for more than %s: %s", s.Name, p.Env["DOMAIN"], value)
			case what == "service" && strings.Contains(value, "@"):
				p.deny("foreign-route", value, at, "%s routes to a service that is not its own: %s", s.Name, value)
			}
		}
	}
}

// confined says whether a rule matches nothing but the app's own host names.
func (p *policy) confined(rule string) bool {
	e := expression{rest: rule, domain: strings.ToLower(p.Env["DOMAIN"])}
	ok := e.either(0)
	return ok && !e.bad && strings.TrimSpace(e.rest) == ""
}

// expression reads a rule of Traefik's: functions with arguments in back-ticks or double quotes,
// joined by && and ||, with ! and parentheses.
type expression struct {
	rest   string
	domain string
	bad    bool
}

// deepestRule bounds the parentheses that are read.
const deepestRule = 32

func (e *expression) take(token string) bool {
	e.rest = strings.TrimLeft(e.rest, " \t\r\n")
	rest, ok := strings.CutPrefix(e.rest, token)
	if ok {
		e.rest = rest
	}
	return ok
}

// either is confined where each alternative is.
func (e *expression) either(depth int) bool {
	ok := e.both(depth)
	for !e.bad && e.take("||") {
		ok = e.both(depth) && ok
	}
	return ok
}

// both is confined where one of its parts is.
func (e *expression) both(depth int) bool {
	ok := e.one(depth)
	for !e.bad && e.take("&&") {
		ok = e.one(depth) || ok
	}
	return ok
}

var routeFunction = lazyregexp.New("^([A-Za-z]+)\\(((?:\\s*(?:`[^`]*`|\"[^\"\\\\]*\")\\s*,?)*)\\s*\\)")
var routeArgument = lazyregexp.New("`[^`]*`|\"[^\"]*\"")

func (e *expression) one(depth int) bool {
	if depth > deepestRule {
		e.bad = true
		return false
	}
	if e.take("!") {
		e.one(depth + 1)
		return false
	}
	if e.take("(") {
		ok := e.either(depth + 1)
		e.bad = e.bad || !e.take(")")
		return ok
	}
	e.take("")
	m := routeFunction.FindStringSubmatch(e.rest)
	if m == nil {
		e.bad = true
		return false
	}
	e.rest = e.rest[len(m[0]):]
	switch strings.ToLower(m[1]) {
	case "host", "hostheader", "hostsni":
	default:
		return false
	}
	names := routeArgument.FindAllString(m[2], -1)
	return len(names) > 0 && !slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(strings.Trim(name, "`\""))
		return name != e.domain && !strings.HasSuffix(name, "."+e.domain) || e.domain == ""
	})
}
