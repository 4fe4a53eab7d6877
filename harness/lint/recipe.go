package lint

import (
	"errors"
	"io"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
)

const (
	procfileName = "Procfile"
	// maxText bounds what is read of one file of a recipe.
	maxText = 64 << 10
	// maxFiles bounds how many files are looked at.
	maxFiles = 100_000
)

// recipe is what the rules look at.
type recipe struct {
	Input
	entries   []entry // every file and link, sorted by path
	procfile  []procLine
	noProc    string // why there is no Procfile that could be read
	enrolment string // the name of its file, for findings
	leaves    []leaf // of the compose files; nil: not read yet
}

// entry is a file or a link.
type entry struct {
	path   string
	size   int64
	mode   fs.FileMode
	target string // of a link
}

// procLine is a line of the Procfile that is neither empty nor a comment.
type procLine struct {
	number        int
	name, command string // empty: the line is none of a Procfile
}

var (
	procForm     = lazyregexp.New(`^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*)$`)
	errIrregular = errors.New("it is not a regular file")
	errTooLarge  = errors.New("it is larger than 64 KiB")
)

func open(in Input) *recipe {
	r := &recipe{Input: in, enrolment: "recipe.yaml"}
	if in.Enrolment.File != "" {
		r.enrolment = filepath.Base(in.Enrolment.File)
	}
	r.walk()
	if r.swarm() {
		return r // and a Procfile, if it has one, is none of ours
	}
	text, err := r.read(procfileName)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		r.noProc = "there is none in the repository"
	case err != nil && r.linkTo(procfileName) != "":
		r.noProc = "it is a link to " + r.linkTo(procfileName) + ", which is not in the repository"
	case err != nil:
		r.noProc = err.Error()
	default:
		r.procfile = procLines(text)
	}
	return r
}

// swarm says whether the recipe is one of Co-op Cloud, for Docker Swarm.
func (r *recipe) swarm() bool { return r.Enrolment.Target == targetSwarm }

// linkTo is where a link leads; empty for what is none.
func (r *recipe) linkTo(name string) string {
	for _, e := range r.entries {
		if e.path == name && e.mode&fs.ModeSymlink != 0 {
			return e.target
		}
	}
	return ""
}

// walk lists the files. What cannot be listed is left out: lint is shy.
func (r *recipe) walk() {
	_ = fs.WalkDir(r.FS, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return nil // a folder that cannot be read is passed over
		case len(r.entries) == maxFiles:
			return fs.SkipAll
		case d.Name() == ".git":
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		case d.IsDir():
			return nil
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		e := entry{path: name, size: info.Size(), mode: info.Mode()}
		if e.mode.Type() == fs.ModeSymlink {
			if e.target, err = fs.ReadLink(r.FS, name); err != nil {
				return nil
			}
		}
		r.entries = append(r.entries, e)
		return nil
	})
}

// read reads a small regular file; a pipe is never opened. Of a larger one the
// beginning comes with errTooLarge.
func (r *recipe) read(name string) (string, error) {
	info, err := fs.Stat(r.FS, name)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", errIrregular
	}
	f, err := r.FS.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxText+1))
	if err == nil && len(text) > maxText {
		err = errTooLarge
	}
	return strings.TrimPrefix(string(text), "\ufeff"), err
}

// inRoot finds the first file of the top folder that the form matches.
func (r *recipe) inRoot(form *lazyregexp.Regexp) (entry, bool) {
	i := slices.IndexFunc(r.entries, func(e entry) bool {
		return !strings.Contains(e.path, "/") && form.MatchString(e.path)
	})
	if i < 0 {
		return entry{}, false
	}
	return r.entries[i], true
}

// below says whether the folder holds a file.
func (r *recipe) below(dir string) bool {
	return slices.ContainsFunc(r.entries, func(e entry) bool { return path.Dir(e.path) == dir })
}

// made says whether something that is not in the repository may be there when the
// app starts.
func (r *recipe) made() bool {
	return !r.Enrolment.Build.Command.IsZero() || r.hasService("release")
}

func (r *recipe) hasService(name string) bool {
	return slices.ContainsFunc(r.procfile, func(l procLine) bool { return l.name == name })
}

// volumeVariables are the names through which an app finds its volumes.
func (r *recipe) volumeVariables() []string {
	names := []string{"DATA_DIR"}
	for _, v := range r.Enrolment.Volumes {
		names = append(names, recipes.VolumeVariable(v))
	}
	return names
}

func procLines(text string) []procLine {
	var lines []procLine
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		l := procLine{number: number}
		if m := procForm.FindStringSubmatch(line); m != nil && m[2] != "" && !strings.ContainsRune(line, 0) {
			l.name, l.command = m[1], m[2]
		}
		lines = append(lines, l)
	}
	return lines
}
