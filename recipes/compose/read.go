package compose

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/docker/cli/cli/compose/loader"
	"github.com/docker/cli/cli/compose/types"

	"seatrial/recipes"
)

// The names that compose files have where nobody names them.
var usualFiles = []string{"compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml"}

// reader is a recipe while it is read.
type reader struct {
	options  Options
	root     *os.Root
	texts    map[string]string // of the files that were read
	env      map[string]setting
	lengths  map[string]int   // of secrets, by the variable of their version
	computed map[string]Place // variables that a command of abra.sh would compute
	problems Problems
	recipe   *Recipe
}

// Read reads the recipe in a folder. What is wrong with the recipe is a Problems; any
// other error is the machine's.
func Read(ctx context.Context, dir string, o Options) (*Recipe, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recipe: %w", err)
	}
	defer root.Close()
	r := &reader{
		options: o, root: root, texts: map[string]string{}, env: map[string]setting{}, lengths: map[string]int{}, computed: map[string]Place{},
		recipe: &Recipe{Dir: dir, Stack: o.Stack, places: map[string]Place{}},
	}
	for name, value := range o.Env {
		r.env[name] = setting{value: value}
	}
	r.env["STACK_NAME"], r.env["DOMAIN"] = setting{value: o.Stack}, setting{value: o.Domain}
	r.readEnv()
	r.readAbra()
	steps := []func(){r.chooseFiles, r.load, r.fill, r.names}
	for _, step := range steps {
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cannot read the recipe: %w", ctx.Err())
		}
		if step(); len(r.problems) > 0 {
			return nil, sorted(r.problems)
		}
	}
	return r.recipe, nil
}

func missing(err error) bool { return errors.Is(err, fs.ErrNotExist) }

func sorted(p Problems) Problems {
	slices.SortStableFunc(p, func(a, b recipes.Problem) int {
		if c := strings.Compare(a.File, b.File); c != 0 {
			return c
		}
		return a.Line - b.Line
	})
	return p
}

// chooseFiles finds out which compose files there are, and in which order.
func (r *reader) chooseFiles() {
	listed, set := r.env["COMPOSE_FILE"]
	if !set || listed.value == "" {
		for _, name := range usualFiles {
			if _, err := r.root.Lstat(name); err == nil {
				r.recipe.Files = []string{name}
				return
			}
		}
		r.problem(Place{File: usualFiles[0]}, "there is no compose file: a Co-op Cloud recipe has a %s", usualFiles[0])
		return
	}
	at := listed.at
	if at.File == "" {
		at = Place{File: envSample} // the operator set it, by the enrolment
	}
	for name := range strings.SplitSeq(listed.value, ":") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		name = here(name)
		if _, err := r.read(name); err != nil {
			r.problem(r.lineNaming(at, name), "COMPOSE_FILE: %s", because(name, err))
			continue
		}
		if !slices.Contains(r.recipe.Files, name) {
			r.recipe.Files = append(r.recipe.Files, name)
		}
	}
	if len(r.recipe.Files) > maxFiles {
		r.problem(at, "COMPOSE_FILE names more than %d files", maxFiles)
	}
	if len(r.recipe.Files) == 0 && len(r.problems) == 0 {
		r.problem(at, "COMPOSE_FILE names no file")
	}
}

// lineNaming is the line of .env.sample that brings a file in: the variable is added to
// over several.
func (r *reader) lineNaming(at Place, name string) Place {
	for i, line := range strings.Split(r.texts[envSample], "\n") {
		if at.File == envSample && !strings.HasPrefix(strings.TrimSpace(line), "#") && strings.Contains(line, "COMPOSE_FILE") && strings.Contains(line, name) {
			return Place{envSample, i + 1}
		}
	}
	return at
}

// load lets the docker program's own loader read the files.
func (r *reader) load() {
	details := types.ConfigDetails{WorkingDir: r.recipe.Dir, Environment: map[string]string{}}
	for name, s := range r.env {
		details.Environment[name] = s.value
	}
	r.recipe.Env = details.Environment
	for _, name := range r.recipe.Files {
		text, err := r.read(name)
		if err != nil {
			r.problem(Place{File: name}, "%s", because(name, err))
			continue
		}
		if !r.index(name, text) {
			continue
		}
		parsed, err := loader.ParseYAML([]byte(text))
		if err != nil {
			r.problem(Place{File: name}, "this is no compose file: %v", err)
			continue
		}
		r.noteIgnored(parsed)
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: name, Config: parsed})
	}
	if r.envFiles(details); len(r.problems) > 0 {
		return
	}
	config, err := safely(func() (*types.Config, error) { return loader.Load(details) })
	if err != nil {
		r.loaderProblem(err)
		return
	}
	r.recipe.Config = config
}

// safely keeps a mistake of the loader's from being ours.
func safely(load func() (*types.Config, error)) (c *types.Config, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the docker program's loader gives up on this: %v", p)
		}
	}()
	return load()
}

// envFiles reads the files that services take variables from, before the loader does,
// which would follow any link.
func (r *reader) envFiles(details types.ConfigDetails) {
	for _, file := range details.ConfigFiles {
		services, _ := file.Config["services"].(map[string]any)
		for name, service := range services {
			fields, _ := service.(map[string]any)
			var listed []string
			switch v := fields["env_file"].(type) {
			case string:
				listed = []string{v}
			case []any:
				for _, one := range v {
					listed = append(listed, fmt.Sprint(one))
				}
			}
			for _, one := range listed {
				one = r.interpolated(one)
				if _, err := r.read(here(one)); err != nil {
					r.problem(r.recipe.At("services", name, "env_file"), "env_file of %s: %s", name, because(one, err))
				}
			}
		}
	}
}

var (
	loaderPath = regexp.MustCompile(`\b(services|volumes|networks|configs|secrets)((?:\.[A-Za-z0-9_\-\[\]/]+)*)`)
	unknownKey = regexp.MustCompile(`Additional property (\S+) is not allowed`)
)

// loaderProblem finds the place that the loader complains about.
func (r *reader) loaderProblem(err error) {
	text := strings.TrimSpace(err.Error())
	if f, ok := errors.AsType[*loader.ForbiddenPropertiesError](err); ok {
		for _, key := range slices.Sorted(maps.Keys(f.Properties)) {
			r.problem(r.placeOfKey(key), "%s is not allowed: %s", key, f.Properties[key])
		}
		return
	}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		var path []string
		if m := loaderPath.FindStringSubmatch(line); m != nil {
			path = append([]string{m[1]}, strings.FieldsFunc(m[2], func(c rune) bool { return c == '.' || c == '[' || c == ']' })...)
		}
		if m := unknownKey.FindStringSubmatch(line); m != nil {
			path = append(path, m[1])
			line = fmt.Sprintf("nothing is known about a key %s here (%s)", m[1], line)
		}
		at := Place{File: r.recipe.Files[0]}
		if len(path) > 0 {
			at = r.recipe.At(path...)
		}
		r.problem(at, "%s", strings.ReplaceAll(line, r.recipe.Dir+string(filepath.Separator), ""))
	}
}

// placeOfKey is where a service's field of this name is.
func (r *reader) placeOfKey(key string) Place {
	for path, at := range r.recipe.places {
		if parts := strings.Split(path, sep); len(parts) == 3 && parts[0] == "services" && parts[2] == key {
			return at
		}
	}
	return Place{File: r.recipe.Files[0]}
}

// noteIgnored notes what the docker program takes no notice of.
func (r *reader) noteIgnored(config map[string]any) {
	services, _ := config["services"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(services)) {
		fields, _ := services[name].(map[string]any)
		for _, field := range slices.Sorted(maps.Keys(fields)) {
			_, deprecated := types.DeprecatedProperties[field]
			if deprecated || field == "depends_on" || slices.Contains(types.UnsupportedProperties, field) {
				r.recipe.Ignored = append(r.recipe.Ignored, Ignored{name, field, r.recipe.At("services", name, field)})
			}
		}
	}
}
