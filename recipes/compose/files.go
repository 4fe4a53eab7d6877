package compose

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/docker/cli/cli/compose/schema"
)

// mostFiles is how many compose files one deployment may have.
const mostFiles = 32

// defaults are the names of the compose file where COMPOSE_FILE names none.
var defaults = []string{"compose.yml", "compose.yaml", "docker-compose.yml", "docker-compose.yaml"}

// composeFiles are the files that COMPOSE_FILE names, each once, in its order.
func (r *reader) composeFiles() []string {
	said := r.env[composeFile]
	if strings.TrimSpace(said) == "" {
		for _, name := range defaults {
			if _, err := r.root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
				return []string{name}
			}
		}
		return defaults[:1]
	}
	var names []string
	for _, name := range strings.Split(said, ":") {
		if name = strings.TrimSpace(name); outside(name) == "" {
			name = path.Clean(name)
		}
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// asks is the line that names a compose file.
func (r *reader) asks(name string) Place {
	for _, o := range r.overlay {
		if slices.ContainsFunc(o.files, func(f string) bool { return f == name || path.Clean(f) == name }) {
			return o.place
		}
	}
	return Place{}
}

// readFiles parses every compose file.
func (r *reader) readFiles() error {
	names := r.composeFiles()
	if len(names) > mostFiles {
		r.refuse(envSample, r.asks(names[0]), "COMPOSE_FILE names %d files: at most %d", len(names), mostFiles)
		return nil
	}
	for _, name := range names {
		asked := r.asks(name)
		what := "the compose file"
		if asked.File == "" && r.env[composeFile] != "" {
			what = "the enrolment's COMPOSE_FILE asks for a file, and"
		}
		text, ok, err := r.text(name, asked, what)
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		if f := r.parse(name, text); f != nil {
			r.files = append(r.files, f)
		}
	}
	r.work = path.Dir(names[0])
	if len(r.files) > 0 {
		r.versions()
	}
	return nil
}

// versions refuses files that the docker program would not load together.
func (r *reader) versions() {
	first := schema.Version(r.files[0].dict)
	for _, f := range r.files[1:] {
		if v := schema.Version(f.dict); v != first {
			line := 1
			for i := 0; i < len(f.root.Content); i += 2 {
				if f.root.Content[i].Value == "version" {
					line = f.root.Content[i].Line
				}
			}
			r.say(f.name, line, 1, "this file has version %s of the format, and %s has %s: the docker program loads only one together (none means the newest)", v, r.files[0].name, first)
		}
	}
}
