package compose

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"
	"unicode/utf8"

	"github.com/docker/cli/cli/compose/types"
)

// Bounds of what is read: a recipe is written by hand.
const (
	largestFile = 1 << 20
	largestAll  = 8 << 20
	longestPath = 1024
)

// reader reads one recipe.
type reader struct {
	ctx      context.Context
	root     *os.Root
	dir      string
	options  Options
	texts    map[string]string // file → what was read
	read     int               // bytes, of all files
	problems Problems

	env     map[string]string
	lines   map[string]declared // variable → the line of .env.sample or abra.sh that sets it
	offered map[string]declared // variable → a line of .env.sample that is switched off
	unknown map[string]unknown  // variable → why abra.sh does not tell its value
	envSize int
	overlay []overlay // in the order of the lines that name them

	work     string // the folder of the first compose file: paths are relative to it
	files    []*file
	places   map[string]spot
	config   *types.Config
	expanded int // bytes that variables became
	dollars  int
}

// text reads a text file of the recipe, whole. Where that is the recipe's fault, the
// problem is noted at the place that asks for the file, and ok is false.
func (r *reader) text(name string, asked Place, what string) (text string, ok bool, err error) {
	if text, done := r.texts[name]; done {
		return text, true, nil
	}
	content, ok, err := r.content(name, asked, what)
	if !ok {
		return "", false, err
	}
	text = strings.TrimPrefix(content, "\ufeff")
	r.texts[name] = text
	if bad := badText(text); bad > 0 {
		r.say(name, bad, 1, "this line is not text in UTF-8")
		return "", false, nil
	}
	return text, true, nil
}

// content reads a file of any kind.
func (r *reader) content(name string, asked Place, what string) (content string, ok bool, err error) {
	if err := r.ctx.Err(); err != nil {
		return "", false, fmt.Errorf("cannot read the recipe: %w", err)
	}
	f, ok, err := r.open(name, asked, what)
	if !ok {
		return "", false, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, largestFile+1))
	if err != nil {
		return "", false, fmt.Errorf("cannot read %s of the recipe: %w", name, err)
	}
	if len(raw) > largestFile {
		r.refuse(name, asked, "%s %s is too large: at most %d KiB are read", what, name, largestFile>>10)
		return "", false, nil
	}
	if r.read += len(raw); r.read > largestAll {
		r.refuse(name, asked, "the recipe's files are too large together: at most %d MiB are read", largestAll>>20)
		return "", false, nil
	}
	return string(raw), true, nil
}

// open opens a regular file inside the folder. Nothing that could block is opened.
func (r *reader) open(name string, asked Place, what string) (f *os.File, ok bool, err error) {
	if why := outside(name); why != "" {
		r.refuse("", asked, "%s %s %s", what, plain(name), why)
		return nil, false, nil
	}
	info, err := r.root.Stat(filepath.FromSlash(name))
	if err == nil && !info.Mode().IsRegular() {
		r.refuse(name, asked, "%s %s is not a regular file", what, name)
		return nil, false, nil
	}
	if err == nil && info.Size() > largestFile {
		r.refuse(name, asked, "%s %s is too large: %d bytes, at most %d KiB are read", what, name, info.Size(), largestFile>>10)
		return nil, false, nil
	}
	if err == nil {
		f, err = r.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	}
	if err == nil {
		return f, true, nil
	}
	if why := r.blame(name, err); why != "" {
		r.refuse(name, asked, "%s %s %s", what, name, why)
		return nil, false, nil
	}
	return nil, false, fmt.Errorf("cannot open %s of the recipe: %w", name, err)
}

// refuse notes a problem at the place that asks for a file, or else with the file.
func (r *reader) refuse(name string, asked Place, format string, args ...any) {
	if asked.File == "" {
		asked = Place{File: name}
	}
	r.sayAt(asked, format, args...)
}

// outside says why a path cannot be one in the recipe's folder.
func outside(name string) string {
	switch {
	case name == "":
		return "names no file"
	case len(name) > longestPath || strings.ContainsFunc(name, func(c rune) bool { return !unicode.IsPrint(c) }):
		return "is not a path"
	case path.IsAbs(name):
		return "is an absolute path: only files in the recipe's folder are read"
	case !filepath.IsLocal(filepath.FromSlash(name)):
		return "lies outside the recipe's folder"
	}
	return ""
}

// blame says what is wrong with a path that could not be opened, where that is the
// recipe's doing. For trouble of this machine it says nothing.
func (r *reader) blame(name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return "is not there"
	case errors.Is(err, syscall.ELOOP):
		return "is a link that leads in a circle"
	case errors.Is(err, syscall.ENAMETOOLONG), errors.Is(err, syscall.EINVAL):
		return "is not a path"
	case errors.Is(err, syscall.ENXIO), errors.Is(err, syscall.EISDIR):
		return "is not a regular file"
	}
	if _, ok := errors.AsType[syscall.Errno](err); ok {
		return ""
	}
	// os.Root has no error of its own to compare with: what is not the system's word
	// is its refusal of a link that leaves the folder.
	if r.throughLink(name) {
		return "is a link that leads out of the recipe's folder"
	}
	return ""
}

// throughLink says whether any step of the path is a symbolic link.
func (r *reader) throughLink(name string) bool {
	steps := strings.Split(path.Clean(name), "/")
	for i := range steps {
		info, err := r.root.Lstat(filepath.Join(steps[:i+1]...))
		if err != nil {
			return i > 0
		}
		if info.Mode()&fs.ModeSymlink != 0 {
			return true
		}
	}
	return false
}

// badText is the first line that is not text, or 0.
func badText(text string) int {
	n := 0
	for line := range strings.Lines(text) {
		n++
		if !utf8.ValidString(line) || strings.ContainsRune(line, 0) {
			return n
		}
	}
	return 0
}
