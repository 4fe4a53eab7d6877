package compose

import (
	"cmp"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/docker/cli/cli/compose/types"
)

// fill makes of the loader's model what is asked of a recipe.
func (r *reader) fill() {
	c := r.recipe.Config
	for _, name := range slices.Sorted(maps.Keys(c.Volumes)) {
		v := c.Volumes[name]
		r.recipe.Volumes = append(r.recipe.Volumes, Volume{name, r.full(name, v.Name, v.External), v.External.External})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Networks)) {
		n := c.Networks[name]
		r.recipe.Networks = append(r.recipe.Networks, Network{name, r.full(name, n.Name, n.External), n.External.External})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Configs)) {
		o := types.FileObjectConfig(c.Configs[name])
		r.recipe.Configs = append(r.recipe.Configs, Config{
			Name: name, Full: r.full(name, o.Name, o.External), File: r.file("configs", name, o), External: o.External.External, Template: o.TemplateDriver != "",
		})
	}
	for _, name := range slices.Sorted(maps.Keys(c.Secrets)) {
		o := types.FileObjectConfig(c.Secrets[name])
		variable := "SECRET_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_")) + "_VERSION"
		r.recipe.Secrets = append(r.recipe.Secrets, Secret{
			Name: name, Full: r.full(name, o.Name, o.External), External: o.External.External, File: r.file("secrets", name, o),
			Length: r.lengths[variable], Variable: variable,
		})
	}
	for _, s := range c.Services {
		r.recipe.Services = append(r.recipe.Services, r.service(s))
	}
	slices.SortFunc(r.recipe.Services, func(a, b Service) int { return cmp.Compare(a.Name, b.Name) })
	r.chooseMain()
	r.deployment()
}

// full is an object's name in the engine.
func (r *reader) full(name, named string, external types.External) string {
	switch {
	case named != "":
		return named
	case external.External:
		return name
	default:
		return r.options.Stack + "_" + name
	}
}

// file is the file of a config or secret, relative to the recipe, which must hold it.
func (r *reader) file(section, name string, o types.FileObjectConfig) string {
	if o.External.External || o.File == "" {
		return ""
	}
	at := r.recipe.At(section, name, "file")
	rel, err := filepath.Rel(r.recipe.Dir, o.File)
	if err != nil || !filepath.IsLocal(rel) {
		r.problem(at, "the file of %s, %s, lies outside of the recipe: name a file of it", name, o.File)
		return ""
	}
	f, err := r.open(filepath.ToSlash(rel))
	if err != nil {
		r.problem(at, "the file of %s: %s", name, because(filepath.ToSlash(rel), err))
		return ""
	}
	f.Close()
	return filepath.ToSlash(rel)
}

func (r *reader) service(s types.ServiceConfig) Service {
	one := Service{Name: s.Name, Full: r.options.Stack + "_" + s.Name, Image: s.Image, Labels: s.Deploy.Labels, ContainerLabels: s.Labels}
	if s.Image == "" {
		r.problem(r.recipe.At("services", s.Name), "the service %s has no image, and nothing is built on a swarm", s.Name)
	}
	for _, v := range s.Volumes {
		if v.Type == "volume" && v.Source != "" {
			one.Mounts = append(one.Mounts, Mount{v.Source, v.Target})
		}
	}
	one.Route = r.route(s)
	one.Backup = r.backup(one)
	return one
}

var portLabel = regexp.MustCompile(`^traefik\.http\.services\.[^.]+\.loadbalancer\.server\.port$`)

// route is what Traefik is told. https://doc.traefik.io/traefik/routing/providers/swarm/
func (r *reader) route(s types.ServiceConfig) *Route {
	if !strings.EqualFold(s.Deploy.Labels["traefik.enable"], "true") {
		return nil
	}
	route := &Route{Network: cmp.Or(s.Deploy.Labels["traefik.docker.network"], s.Deploy.Labels["traefik.swarm.network"])}
	for _, key := range slices.Sorted(maps.Keys(s.Deploy.Labels)) {
		value := s.Deploy.Labels[key]
		switch {
		case portLabel.MatchString(key):
			port, err := strconv.Atoi(value)
			if err != nil || port < 1 || port > 65535 {
				r.problem(r.recipe.At("services", s.Name, "deploy", "labels", key), "%q is no port", value)
			}
			route.Port = port
		case strings.HasPrefix(key, "traefik.http.routers.") && strings.HasSuffix(key, ".rule") && route.Rule == "":
			route.Rule = value
		}
	}
	if route.Network == "" {
		for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
			if r.recipe.Config.Networks[name].External.External {
				route.Network = name
			}
		}
	}
	return route
}

// chooseMain finds the service that answers the world.
func (r *reader) chooseMain() {
	routed := ""
	for _, s := range r.recipe.Services {
		if s.Name == "app" {
			r.recipe.Main = s.Name
			return
		}
		if s.Route != nil && routed == "" {
			routed = s.Name
		}
	}
	if r.recipe.Main = routed; routed == "" && len(r.recipe.Services) == 1 {
		r.recipe.Main = r.recipe.Services[0].Name
	}
	if r.recipe.Main == "" {
		r.problem(Place{File: r.recipe.Files[0]}, "there is no service app, and Traefik is told of none: call the service app that people reach")
	}
}

// deployment reads the labels that abra reads.
func (r *reader) deployment() {
	for _, s := range r.recipe.Services {
		version, timeout := "coop-cloud."+r.options.Stack+".version", "coop-cloud."+r.options.Stack+".timeout"
		if v := s.Labels[version]; v != "" && (r.recipe.Version == "" || s.Name == r.recipe.Main) {
			r.recipe.Version = v
		}
		if v := s.Labels[timeout]; v != "" {
			seconds, err := strconv.Atoi(v)
			const most = 24 * 60 * 60
			if err != nil || seconds < 1 || seconds > most {
				r.problem(r.recipe.At("services", s.Name, "deploy", "labels", timeout), "the timeout %q is no number of seconds", v)
				continue
			}
			r.recipe.Timeout = time.Duration(seconds) * time.Second
		}
	}
}

// What a swarm accepts as names. https://github.com/moby/swarmkit, manager/controlapi
var (
	serviceName = regexp.MustCompile(`^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$`)
	configName  = regexp.MustCompile(`^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$`)
	plainName   = regexp.MustCompile(`^[a-zA-Z0-9][a-zA-Z0-9_.-]*$`)
)

// The lengths that a swarm accepts.
const (
	MaxServiceName = 63
	MaxConfigName  = 64
	maxPlainName   = 255
)

// names refuses names that a swarm would refuse.
func (r *reader) names() {
	check := func(section, name, full string, form *regexp.Regexp, longest int) {
		at := r.recipe.At(section, name)
		switch {
		case !form.MatchString(full):
			r.problem(at, "%q is no name for one of the %s: letters, digits, - and _", full, section)
		case len(full) > longest:
			r.problem(at, "the name %s has %d characters, and a swarm accepts %d", full, len(full), longest)
		}
	}
	for _, s := range r.recipe.Services {
		check("services", s.Name, s.Full, serviceName, MaxServiceName)
	}
	for _, c := range r.recipe.Configs {
		check("configs", c.Name, c.Full, configName, MaxConfigName)
	}
	for _, s := range r.recipe.Secrets {
		check("secrets", s.Name, s.Full, configName, MaxConfigName)
	}
	for _, v := range r.recipe.Volumes {
		check("volumes", v.Name, v.Full, plainName, maxPlainName)
	}
	for _, n := range r.recipe.Networks {
		check("networks", n.Name, n.Full, plainName, maxPlainName)
	}
}
