package compose

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/internal/lazyregexp"
)

func (r *reader) service(m *Recipe, s types.ServiceConfig) Service {
	service := Service{
		Name: s.Name, Full: r.scoped(s.Name), Image: s.Image,
		Labels: s.Deploy.Labels, ContainerLabels: s.Labels,
	}
	for _, v := range s.Volumes {
		if v.Type == "volume" && v.Source != "" {
			service.Mounts = append(service.Mounts, Mount{Volume: v.Source, Target: v.Target})
		}
	}
	slices.SortFunc(service.Mounts, func(a, b Mount) int { return strings.Compare(a.Target, b.Target) })
	service.Route = r.route(m, s)
	return service
}

// mainService is the one that answers the world.
func mainService(services []Service) string {
	var routed []string
	for _, s := range services {
		if s.Name == "app" {
			return s.Name
		}
		if s.Route != nil {
			routed = append(routed, s.Name)
		}
	}
	switch {
	case len(routed) == 1:
		return routed[0]
	case len(routed) == 0 && len(services) == 1:
		return services[0].Name
	}
	return ""
}

var (
	routerRule    = lazyregexp.New(`^traefik\.http\.routers\.([^.]+)\.rule$`)
	routerService = lazyregexp.New(`^traefik\.http\.routers\.([^.]+)\.service$`)
	servicePort   = lazyregexp.New(`^traefik\.http\.services\.([^.]+)\.loadbalancer\.server\.port$`)
)

// route is what the labels tell Traefik, to which the case of a key means nothing.
func (r *reader) route(m *Recipe, s types.ServiceConfig) *Route {
	labels := make(map[string]string, len(s.Deploy.Labels))
	for key, value := range s.Deploy.Labels {
		labels[strings.ToLower(key)] = value
	}
	if on, err := strconv.ParseBool(labels["traefik.enable"]); err != nil || !on {
		return nil
	}
	rules, ports, services := map[string]string{}, map[string]int{}, map[string]string{}
	for key, value := range labels {
		if n := routerRule.FindStringSubmatch(key); n != nil {
			rules[n[1]] = value
		}
		if n := routerService.FindStringSubmatch(key); n != nil {
			services[n[1]] = strings.ToLower(value)
		}
		if n := servicePort.FindStringSubmatch(key); n != nil {
			if port, err := strconv.Atoi(value); err == nil && port > 0 && port < 1<<16 {
				ports[n[1]] = port
			}
		}
	}
	router := pick(rules, strings.ToLower(r.options.Stack))
	to := cmp.Or(services[router], router)
	return &Route{Rule: rules[router], Port: ports[pick(ports, to)], Network: network(m, s, labels)}
}

// pick is the wanted name, or else the first there is.
func pick[V any](m map[string]V, wanted string) string {
	if _, ok := m[wanted]; ok || len(m) == 0 {
		return wanted
	}
	return slices.Sorted(maps.Keys(m))[0]
}

func network(m *Recipe, s types.ServiceConfig, labels map[string]string) string {
	said := cmp.Or(labels["traefik.docker.network"], labels["traefik.swarm.network"])
	for _, n := range m.Networks {
		if said != "" && n.Full == said {
			return n.Name
		}
	}
	if said != "" {
		return said
	}
	for _, n := range m.Networks {
		if _, on := s.Networks[n.Name]; on && n.External {
			return n.Name
		}
	}
	return ""
}

// longestTimeout is how long a recipe may ask to be waited for.
const longestTimeout = 24 * time.Hour

// about reads the labels that tell of the recipe itself, from the main service first.
func (r *reader) about(m *Recipe) (version string, timeout time.Duration) {
	services := slices.Clone(m.Services)
	slices.SortStableFunc(services, func(a, b Service) int {
		switch m.Main {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	for _, s := range slices.Backward(services) {
		if v := s.Labels["coop-cloud."+m.Stack+".version"]; v != "" {
			version = v
		}
		key := "coop-cloud." + m.Stack + ".timeout"
		said := strings.TrimSpace(s.Labels[key])
		if said == "" {
			continue
		}
		d, err := time.ParseDuration(said)
		if n, nerr := strconv.Atoi(said); nerr == nil {
			d, err = time.Duration(min(n, 1<<30))*time.Second, nil
		}
		if err != nil || d <= 0 || d > longestTimeout {
			r.sayOf([]string{"services", s.Name, "deploy", "labels", key}, "%s is not a time to wait: write seconds, like 300, at most a day", shortened(said))
			continue
		}
		timeout = d
	}
	return version, timeout
}
