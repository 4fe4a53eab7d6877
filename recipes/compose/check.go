package compose

import (
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/distribution/reference"
	"github.com/docker/cli/cli/compose/types"

	"seatrial/recipes"
)

// check finds what the docker program would refuse when it makes services of what it
// has loaded, and files that are not in the recipe.
func (r *reader) check() error {
	slices.SortFunc(r.config.Services, func(a, b types.ServiceConfig) int { return strings.Compare(a.Name, b.Name) })
	if len(r.config.Services) == 0 {
		r.sayAt(Place{r.files[0].name, 1}, "there is no service in the recipe")
	}
	for _, s := range r.config.Services {
		r.fullName("services", s.Name, r.scoped(s.Name))
		r.image(s)
		r.mentions(s)
	}
	for _, name := range slices.Sorted(maps.Keys(r.config.Volumes)) {
		r.fullName("volumes", name, r.named(name, r.config.Volumes[name].Name))
	}
	for _, name := range slices.Sorted(maps.Keys(r.config.Networks)) {
		r.fullName("networks", name, r.named(name, r.config.Networks[name].Name))
	}
	if err := r.contents("configs", configsOf(r.config.Configs)); err != nil {
		return err
	}
	return r.contents("secrets", secretsOf(r.config.Secrets))
}

func (r *reader) scoped(name string) string { return r.options.Stack + "_" + name }

func (r *reader) named(name, given string) string {
	if given != "" {
		return given
	}
	return r.scoped(name)
}

func (r *reader) image(s types.ServiceConfig) {
	if s.Image == "" {
		r.sayOf([]string{"services", s.Name}, "the service %s has no image", s.Name)
		return
	}
	if _, err := reference.ParseAnyReference(s.Image); err != nil {
		r.sayOf([]string{"services", s.Name, "image"}, "%s is not an image: %v", shortened(s.Image), err)
	}
}

// mentions refuses what a service mentions and no file declares.
func (r *reader) mentions(s types.ServiceConfig) {
	missing := func(section, one, key, name string, known []string) {
		at := []string{"services", s.Name, key, name}
		place := r.at(at...)
		slices.Sort(known)
		p := recipes.ProblemAt(place.File, r.texts[place.File], place.Line, max(place.column, 1),
			plain("there is no "+one+" "+shortened(name)+" under "+section+" at the top of the files"))
		p.Nearest = recipes.Nearest(name, known)
		r.note(p)
	}
	for _, name := range slices.Sorted(maps.Keys(s.Networks)) {
		if _, ok := r.config.Networks[name]; !ok && name != "default" {
			missing("networks", "network", "networks", name, slices.Collect(maps.Keys(r.config.Networks)))
		}
	}
	for _, m := range s.Volumes {
		if _, ok := r.config.Volumes[m.Source]; !ok && m.Type == "volume" && m.Source != "" {
			missing("volumes", "volume", "volumes", m.Source, slices.Collect(maps.Keys(r.config.Volumes)))
		}
		if m.Type == "bind" && r.homely(s.Name, m) {
			r.sayOf([]string{"services", s.Name, "volumes", m.Target}, "~ means the home of whoever deploys, and there is none here")
		}
	}
	for _, c := range s.Configs {
		if _, ok := r.config.Configs[c.Source]; !ok {
			missing("configs", "config", "configs", c.Source, slices.Collect(maps.Keys(r.config.Configs)))
		}
	}
	for _, c := range s.Secrets {
		if _, ok := r.config.Secrets[c.Source]; !ok {
			missing("secrets", "secret", "secrets", c.Source, slices.Collect(maps.Keys(r.config.Secrets)))
		}
	}
}

// homely tells a bind mount of ~, which the loader expands or takes for a relative path.
func (r *reader) homely(service string, m types.ServiceVolumeConfig) bool {
	raw := r.at("services", service, "volumes", m.Target).raw
	return strings.HasPrefix(raw, "~") || strings.HasPrefix(m.Source, "~") || strings.Contains(m.Source, "/~")
}

func configsOf(m map[string]types.ConfigObjConfig) map[string]types.FileObjectConfig {
	all := make(map[string]types.FileObjectConfig, len(m))
	for name, c := range m {
		all[name] = types.FileObjectConfig(c)
	}
	return all
}

func secretsOf(m map[string]types.SecretConfig) map[string]types.FileObjectConfig {
	all := make(map[string]types.FileObjectConfig, len(m))
	for name, s := range m {
		all[name] = types.FileObjectConfig(s)
	}
	return all
}

// contents holds the files of configs or secrets against the folder.
func (r *reader) contents(section string, all map[string]types.FileObjectConfig) error {
	one := strings.TrimSuffix(section, "s")
	for _, name := range slices.Sorted(maps.Keys(all)) {
		c := all[name]
		r.fullName(section, name, r.named(name, c.Name))
		if c.External.External || c.Driver != "" {
			continue
		}
		s := r.at(section, name, "file")
		file := r.relative(c.File)
		if file == "." || !r.known([]string{section, name, "file"}) {
			s = r.at(section, name)
			r.say(s.File, s.Line, s.column, "the %s %s has no file, and is not external", one, name)
			continue
		}
		if filepath.IsAbs(r.interpolated(s.raw)) {
			file = r.interpolated(s.raw)
		}
		if _, _, err := r.content(file, s.Place, "the "+one+"'s file"); err != nil {
			return err
		}
	}
	return nil
}

// relative is a path that the loader made absolute, relative to the recipe's folder.
func (r *reader) relative(file string) string {
	rel, err := filepath.Rel(r.dir, file)
	if err != nil {
		return file
	}
	return path.Clean(filepath.ToSlash(rel))
}
