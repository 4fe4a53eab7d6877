package lint

import (
	"strconv"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

const traefikEnable = "traefik.enable"

var (
	traefikPort = lazyregexp.New(`(?i)^traefik\.(?:http|tcp|udp)\.services\.[^.]+\.loadbalancer\.server\.port$`)
	// traefikOwn is a router that leads to Traefik itself or to somebody else's service.
	traefikOwn = lazyregexp.New(`(?i)^traefik\.(?:http|tcp|udp)\.routers\.[^.]+\.service$`)
)

// routed says whether labels ask Traefik to look at them.
func routed(labels map[string]string) bool {
	on, err := strconv.ParseBool(labels[traefikEnable])
	return err == nil && on
}

// composeRouteRules are about what Traefik is told.
func composeRouteRules() []rule {
	return []rule{
		{"traefik-not-enabled", run.SeverityWarning, traefikNotEnabled},
		{"traefik-port-missing", run.SeverityWarning, traefikPortMissing},
	}
}

func traefikNotEnabled(r *recipe, say say) {
	all := r.services()
	for _, s := range all {
		if s.Route != nil {
			return
		}
	}
	for _, s := range all {
		switch {
		case routed(s.ContainerLabels):
			r.at(say, s.path("labels", traefikEnable), "%s of %s stands under labels, where Traefik does not look on a swarm: move it and the others under deploy.labels", traefikEnable, s.shown())
		case s.Service.Name == r.Recipe.Main:
			r.at(say, s.label(traefikEnable), "Traefik is told of no service, so nobody reaches %s: set traefik.enable=true under its deploy.labels", s.shown())
		}
	}
}

func traefikPortMissing(r *recipe, say say) {
	for _, s := range r.services() {
		if s.Route != nil && !portTold(s.Service.Labels) {
			r.at(say, s.label(traefikEnable), "Traefik is not told which port of %s to ask, and on a swarm it does not guess: set traefik.http.services.${STACK_NAME}.loadbalancer.server.port", s.shown())
		}
	}
}

func portTold(labels map[string]string) bool {
	for name, value := range labels {
		if traefikPort.MatchString(name) || traefikOwn.MatchString(name) && strings.Contains(value, "@") {
			return true
		}
	}
	return false
}
