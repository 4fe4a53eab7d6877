// Package examples holds example recipes as text, and writes them out as git
// repositories: the same bytes every time, so commits have the same hashes
// everywhere. They are kept in archives so that they stay out of this module.
//
// guestbook is a small web app with two releases and a pull request's branch.
// guestbook-nomad is the same app as a Nomad job file.
// pocketbase builds a program that nobody here wrote, from its Go module.
// guestbook-swarm and pocketbase-swarm are the same apps as Co-op Cloud recipes, and
// ledger is one with a database beside it. dev/docker/build makes their images.
package examples

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes/examples/internal/guestbook"
	"seatrial/recipes/git"
)

//go:embed guestbook guestbook-nomad guestbook-swarm ledger pocketbase pocketbase-swarm
var archives embed.FS

// PullBranch is the branch on which each example's open pull request lies.
const PullBranch = "feature"

// Names lists the examples.
func Names() []string {
	entries, err := archives.ReadDir(".")
	if err != nil {
		panic(err) // it is part of this program
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

// Load reads an example's history.
func Load(name string) (History, error) {
	files, err := fs.Glob(archives, path.Join(name, "*.txtar"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("there is no example %q; there are %s", name, strings.Join(Names(), ", "))
	}
	var h History
	for _, file := range files { // sorted: their names begin with a number
		text, err := archives.ReadFile(file)
		if err != nil {
			return nil, err
		}
		c, err := parse(text)
		if err == nil && c.like != "" {
			err = c.takeOver(c.like)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		h = append(h, c)
	}
	return h, nil
}

// takeOver puts another archive's files under the commit's own.
func (c *Commit) takeOver(file string) error {
	text, err := archives.ReadFile(file)
	if err != nil {
		return err
	}
	other, err := parse(text)
	c.Files = append(other.Files, c.Files...)
	return err
}

// Write makes the example's repository in a folder that must be empty or not there:
// published versions as tags, the branch main checked out, and PullBranch.
func Write(ctx context.Context, name, dir string) error {
	h, err := Load(name)
	if err != nil {
		return err
	}
	return h.Write(ctx, dir)
}

// Write makes a repository of a history.
func (h History) Write(ctx context.Context, dir string) error {
	g := &git.Git{}
	return g.Import(ctx, dir, strings.NewReader(h.stream()))
}

// Enrolment is the text of the example's enrolment.
func Enrolment(name string) ([]byte, error) {
	text, err := archives.ReadFile(path.Join(name, "recipe.yaml"))
	if err != nil {
		return nil, fmt.Errorf("there is no example %q; there are %s", name, strings.Join(Names(), ", "))
	}
	return text, nil
}

var repoLine = lazyregexp.New(`(?m)^repo: .*$`)

// WriteEnrolment enrols the example, under its own name and with the repository
// owner/name, in a folder of enrolments.
func WriteEnrolment(name, repo, tests string) error {
	text, err := Enrolment(name)
	if err != nil {
		return err
	}
	return WriteEnrolmentText(name, repo, tests, text)
}

// WriteEnrolmentText enrols a recipe with a text that is an example's, or changed.
func WriteEnrolmentText(name, repo, tests string, text []byte) error {
	text = repoLine.ReplaceAllLiteral(text, fmt.Appendf(nil, "repo: %s", repo))
	folder := filepath.Join(tests, name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("cannot enrol %s: %w", name, err)
	}
	if err := os.WriteFile(filepath.Join(folder, "recipe.yaml"), text, 0o644); err != nil {
		return fmt.Errorf("cannot enrol %s: %w", name, err)
	}
	return nil
}

// Main runs the guestbook and ends the process, if the process was started under
// that name; else it returns at once. A program that offers Toolchain calls it
// before anything else.
func Main() { guestbook.Main() }

// Toolchain puts this program into a folder of its own below dir, under the name by
// which it builds guestbooks. Builds need the variable in their environment, and
// isolated ones must be able to read the folder.
func Toolchain(dir string) (variable, folder string, err error) {
	fail := func(err error) (string, string, error) {
		return "", "", fmt.Errorf("cannot offer the guestbook's toolchain: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return fail(err)
	}
	if folder, err = filepath.Abs(filepath.Join(dir, "toolchain")); err != nil {
		return fail(err)
	}
	file := filepath.Join(folder, guestbook.Name)
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fail(err)
	}
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fail(err)
	}
	if err := os.Link(self, file); err != nil {
		if err := copyFile(self, file); err != nil {
			return fail(err)
		}
	}
	return "GUESTBOOK_ENGINE=" + file, folder, nil
}

func copyFile(from, to string) error {
	text, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, text, 0o755)
}
