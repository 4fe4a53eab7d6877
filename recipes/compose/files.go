package compose

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
)

// Bounds of what is read: a recipe is text that people wrote.
const (
	maxFile  = 1 << 20
	maxFiles = 64
)

var (
	errOutside = errors.New("it lies outside of the recipe")
	errLarge   = errors.New("it is larger than 1 MiB")
	errSpecial = errors.New("it is not a regular file")
)

// read reads a file of the recipe, which may be a link to another one of it. What keeps
// it from being read is the recipe's own doing, unless the machine fails.
func (r *reader) read(name string) (string, error) {
	if text, known := r.texts[name]; known {
		return text, nil
	}
	f, err := r.open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", fmt.Errorf("cannot read %s: %w", name, err)
	}
	if len(text) > maxFile {
		return "", errLarge
	}
	r.texts[name] = strings.TrimPrefix(string(text), "\ufeff")
	return r.texts[name], nil
}

// open opens a regular file below the recipe's folder.
func (r *reader) open(name string) (*os.File, error) {
	if !filepath.IsLocal(name) {
		return nil, errOutside
	}
	// A pipe must not make us wait for somebody to write.
	f, err := r.root.OpenFile(filepath.FromSlash(name), os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	switch {
	case err != nil:
	case !info.Mode().IsRegular():
		err = errSpecial
	case info.Size() > maxFile:
		err = errLarge
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

// because says why a file of the recipe cannot be had, for its packager.
func because(name string, err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Sprintf("there is no file %s in the recipe", name)
	case strings.Contains(err.Error(), "escapes from parent"):
		return fmt.Sprintf("%s leads out of the recipe", name)
	case errors.Is(err, errOutside):
		return fmt.Sprintf("%s lies outside of the recipe: name a file of it", name)
	default:
		return fmt.Sprintf("%s cannot be read: %v", name, err)
	}
}

// here is a path of a compose file as one below the recipe's folder.
func here(name string) string {
	if path.IsAbs(name) {
		return name // which is not local, and said so
	}
	return path.Clean(name)
}
