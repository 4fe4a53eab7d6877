package compose

import (
	"maps"
	"slices"

	"github.com/docker/cli/cli/compose/types"

	"seatrial/internal/lazyregexp"
)

// recipe makes a Recipe of what was read. It may still find problems, in labels.
func (r *reader) recipe() *Recipe {
	m := &Recipe{
		Dir: r.dir, Stack: r.options.Stack, Env: r.env, Config: r.config,
		spots: r.places, work: r.work,
	}
	for _, f := range r.files {
		m.Files = append(m.Files, f.name)
	}
	m.Volumes, m.Networks = r.volumes(), r.networks()
	m.Configs, m.Secrets = r.configs(), r.secrets()
	m.Ignored = r.ignored()
	for _, s := range r.config.Services {
		m.Services = append(m.Services, r.service(m, s))
	}
	m.Main = mainService(m.Services)
	r.backups(m)
	m.Version, m.Timeout = r.about(m)
	return m
}

func (r *reader) volumes() (all []Volume) {
	for _, name := range slices.Sorted(maps.Keys(r.config.Volumes)) {
		v := r.config.Volumes[name]
		all = append(all, Volume{Name: name, Full: r.named(name, v.Name), External: v.External.External})
	}
	return all
}

// networks are those that the files name, and the one that services without any get.
func (r *reader) networks() (all []Network) {
	for _, name := range slices.Sorted(maps.Keys(r.config.Networks)) {
		n := r.config.Networks[name]
		all = append(all, Network{Name: name, Full: r.named(name, n.Name), External: n.External.External})
	}
	const standard = "default"
	if _, named := r.config.Networks[standard]; named {
		return all
	}
	if slices.ContainsFunc(r.config.Services, func(s types.ServiceConfig) bool {
		_, asked := s.Networks[standard]
		return len(s.Networks) == 0 || asked
	}) {
		all = append(all, Network{Name: standard, Full: r.scoped(standard)})
	}
	return all
}

func (r *reader) configs() (all []Config) {
	for _, name := range slices.Sorted(maps.Keys(r.config.Configs)) {
		c := r.config.Configs[name]
		config := Config{Name: name, Full: r.named(name, c.Name), External: c.External.External, Template: c.TemplateDriver != ""}
		if !config.External && c.Driver == "" {
			config.File = r.relative(c.File)
		}
		all = append(all, config)
	}
	return all
}

func (r *reader) secrets() (all []Secret) {
	for _, name := range slices.Sorted(maps.Keys(r.config.Secrets)) {
		c := r.config.Secrets[name]
		s := Secret{Name: name, Full: r.named(name, c.Name), External: c.External.External}
		if !s.External && c.Driver == "" {
			s.File = r.relative(c.File)
		}
		if s.External {
			s.Variable = r.versionOf(name)
		}
		d, on := r.lines[s.Variable]
		if off, said := r.offered[s.Variable]; said && (!on || d.length == 0) {
			d = off
		}
		s.Length, s.Charset, s.Manual = d.length, d.charset, d.manual
		all = append(all, s)
	}
	return all
}

var secretVersion = lazyregexp.New(`\$\{?(SECRET_[A-Za-z0-9_]+_VERSION)\b`)

// versionOf is the variable in a secret's name.
func (r *reader) versionOf(name string) string {
	for _, at := range [][]string{{"secrets", name, "name"}, {"secrets", name, "external", "name"}} {
		if !r.known(at) {
			continue
		}
		if m := secretVersion.FindStringSubmatch(r.at(at...).raw); m != nil {
			return m[1]
		}
	}
	return ""
}

// ignored are the keys that the docker program warns of, and depends_on, of which it
// says nothing.
func (r *reader) ignored() (all []Ignored) {
	why := map[string]string{"depends_on": "swarm starts everything at once; a service must wait for what it needs itself"}
	for _, key := range types.UnsupportedProperties {
		why[key] = "swarm has no such thing"
	}
	maps.Copy(why, types.DeprecatedProperties)
	for _, s := range r.config.Services {
		for _, key := range slices.Sorted(maps.Keys(why)) {
			if at := []string{"services", s.Name, key}; r.known(at) {
				all = append(all, Ignored{Service: s.Name, Key: key, Why: why[key], Place: r.at(at...).Place})
			}
		}
	}
	return all
}
