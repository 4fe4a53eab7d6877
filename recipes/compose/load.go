package compose

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/docker/cli/cli/compose/loader"
	"github.com/docker/cli/cli/compose/schema"
	"github.com/docker/cli/cli/compose/types"
	"github.com/sirupsen/logrus"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

// The loader and its helpers write warnings to standard error, which is not theirs. Nothing
// else in this program speaks through logrus.
func init() { logrus.SetOutput(io.Discard) }

// load gives the files to the docker program's loader: each alone, so that what is
// wrong is said of its file, and then all of them.
func (r *reader) load() error {
	r.names()
	r.forbidden()
	r.ports()
	if err := r.envFiles(); err != nil || len(r.problems) > 0 {
		return err
	}
	var all []types.ConfigFile
	for _, f := range r.files {
		part := types.ConfigFile{Filename: f.name, Config: f.dict}
		if _, err := r.ask(part); err != nil {
			r.explain(f, err)
		}
		all = append(all, part)
	}
	if len(r.problems) > 0 {
		return nil
	}
	config, err := r.ask(all...)
	if err != nil {
		r.explain(r.files[len(r.files)-1], err)
		return nil
	}
	r.config = config
	return r.check()
}

// ask calls the loader, which trusts that what the schema allows does not surprise it.
func (r *reader) ask(files ...types.ConfigFile) (config *types.Config, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the docker program's loader cannot read this: %v", p)
		}
	}()
	return loader.Load(types.ConfigDetails{
		Version:     schema.Version(files[0].Config),
		WorkingDir:  filepath.Join(r.dir, filepath.FromSlash(r.work)),
		ConfigFiles: files,
		Environment: r.env,
	})
}

var (
	additional = lazyregexp.New(`^(\S+) Additional property (.+) is not allowed$`)
	leading    = lazyregexp.New(`^(\(root\)|(?:services|networks|volumes|configs|secrets|version)\S*) (.+)$`)
	within     = lazyregexp.New(`(?:interpolating|format for) ((?:services|networks|volumes|configs|secrets)\.\S+): (.+)$`)
	object     = lazyregexp.New(`\b(secret|config|network|volume|service) ("?)([a-zA-Z0-9._-]+)("?)\b`)
)

// explain finds the place that a word of the loader is about.
func (r *reader) explain(f *file, err error) {
	message := err.Error()
	switch {
	case additional.MatchString(message):
		m := additional.FindStringSubmatch(message)
		at := r.dotted(f, m[1])
		s := f.key(append(at, m[2]))
		p := recipes.ProblemAt(f.name, r.texts[f.name], s.Line, s.column, plain("unknown key "+recipes.Quote(m[2])))
		p.Nearest = recipes.Nearest(m[2], keysAt(at))
		r.note(p)
	case leading.MatchString(message), within.MatchString(message):
		m := leading.FindStringSubmatch(message)
		if m == nil {
			m = within.FindStringSubmatch(message)
		}
		at := r.dotted(f, m[1])
		s := f.key(at)
		if len(at) == 0 {
			r.say(f.name, s.Line, s.column, "%s", m[2])
			return
		}
		r.say(f.name, s.Line, s.column, "%s: %s", strings.Join(at, "."), m[2])
	case object.MatchString(message):
		m := object.FindStringSubmatch(message)
		s := f.key([]string{m[1] + "s", m[3]})
		r.say(f.name, s.Line, s.column, "%s", message)
	default:
		line, column := r.guess(f, message)
		r.say(f.name, line, column, "%s", message)
	}
}

var quotedWord = lazyregexp.New(`["']([^"']{2,})["']`)

// guess finds the line that has what a message quotes.
func (r *reader) guess(f *file, message string) (line, column int) {
	for _, m := range quotedWord.FindAllStringSubmatch(message, -1) {
		n := 0
		for l := range strings.Lines(r.texts[f.name]) {
			n++
			if i := strings.Index(l, m[1]); i >= 0 {
				return n, 1 + len([]rune(l[:i]))
			}
		}
	}
	return 1, 1
}

// dotted reads a path like services.app.environment, in which names may have dots.
func (r *reader) dotted(f *file, path string) []string {
	if path == "(root)" {
		return nil
	}
	var at []string
	var here any = f.dict
	for rest := path; rest != ""; {
		m, _ := here.(map[string]any)
		best := ""
		for key := range m {
			if len(key) > len(best) && (rest == key || strings.HasPrefix(rest, key+".")) {
				best = key
			}
		}
		if best == "" {
			break
		}
		at = append(at, best)
		here = m[best]
		rest = strings.TrimPrefix(strings.TrimPrefix(rest, best), ".")
	}
	return at
}

// key is where a path's last key is written in this file, or the nearest around it.
func (f *file) key(at []string) spot {
	s := spot{Place: Place{f.name, f.root.Line}, column: f.root.Column}
	n := f.root
	for _, step := range at {
		found := false
		for n != nil && n.Alias != nil {
			n = n.Alias
		}
		if n == nil {
			break
		}
		for i := 0; i+1 < len(n.Content) && !found; i += 2 {
			if n.Content[i].Value == step {
				s.Line, s.column = n.Content[i].Line, n.Content[i].Column
				n, found = n.Content[i+1], true
			}
		}
		if !found {
			break
		}
	}
	return s
}

// keysAt are the keys that the format knows at a path.
func keysAt(at []string) []string {
	t := reflect.TypeFor[types.Config]()
	for _, step := range at {
		switch t = bare(t); {
		case t == reflect.TypeFor[types.Services]():
			t = reflect.TypeFor[types.ServiceConfig]()
		case t.Kind() == reflect.Map:
			t = t.Elem()
		case t.Kind() == reflect.Struct:
			t = fieldsOf(t)[step]
		default:
			return nil
		}
		if t == nil {
			return nil
		}
	}
	if t = bare(t); t.Kind() != reflect.Struct {
		return nil
	}
	return slices.Sorted(maps.Keys(fieldsOf(t)))
}

func bare(t reflect.Type) reflect.Type {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t
}

func fieldsOf(t reflect.Type) map[string]reflect.Type {
	known := map[string]reflect.Type{}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("mapstructure"), ",")
		yamlTag := t.Field(i).Tag.Get("yaml")
		if name == "" && (strings.HasPrefix(yamlTag, "-") || strings.Contains(yamlTag, "inline")) {
			continue
		}
		name = cmp.Or(name, strings.ToLower(t.Field(i).Name))
		known[name] = t.Field(i).Type
	}
	return known
}

// envFiles reads what services take from files, as the docker program would, and puts
// it where they say it themselves: the loader would look into our own environment for
// names without a value.
func (r *reader) envFiles() error {
	for _, f := range r.files {
		services, _ := f.dict["services"].(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(services)) {
			service, _ := services[name].(map[string]any)
			said, ok := service["env_file"]
			if !ok {
				continue
			}
			files, ok := stringList(said)
			environment, fits := environmentOf(service["environment"])
			if !ok || !fits {
				continue // the schema's word
			}
			s := f.key([]string{"services", name, "env_file"})
			merged := map[string]any{}
			for _, file := range files {
				file = r.interpolated(file)
				if outside(file) == "" {
					file = path.Join(r.work, file)
				}
				text, ok, err := r.text(file, s.Place, "the env_file")
				if err != nil {
					return err
				}
				if ok {
					r.envFile(file, text, merged)
				}
			}
			maps.Copy(merged, environment)
			delete(service, "env_file")
			service["environment"] = merged
		}
	}
	return nil
}

// envFile reads NAME=value lines, in which nothing is expanded.
func (r *reader) envFile(name, text string, into map[string]any) {
	n := 0
	for line := range strings.Lines(text) {
		n++
		line = strings.TrimLeft(strings.TrimRight(line, "\r\n"), " \t")
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, ok := strings.Cut(line, "=")
		if key == "" || strings.ContainsAny(key, " \t") {
			r.say(name, n, 1, "this line is not NAME=value")
			return
		}
		if !ok {
			if value, ok = r.env[key]; !ok {
				continue
			}
		}
		// The loader puts variables into all that it reads; here they are plain text.
		into[key] = strings.ReplaceAll(value, "$", "$$")
	}
}

func stringList(v any) ([]string, bool) {
	switch v := v.(type) {
	case string:
		return []string{v}, true
	case []any:
		var list []string
		for _, item := range v {
			s, ok := item.(string)
			if !ok {
				return nil, false
			}
			list = append(list, s)
		}
		return list, true
	}
	return nil, false
}

// environmentOf is an environment of either form as keys and values.
func environmentOf(v any) (map[string]any, bool) {
	switch v := v.(type) {
	case nil:
		return nil, true
	case map[string]any:
		return v, true
	case []any:
		list, ok := stringList(v)
		m := make(map[string]any, len(list))
		for _, item := range list {
			if key, value, ok := strings.Cut(item, "="); ok {
				m[key] = value
			} else {
				m[key] = nil
			}
		}
		return m, ok
	}
	return nil, false
}
