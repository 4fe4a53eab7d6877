package examples

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/txtar"
)

// History is a repository's commits, each on top of the one before.
type History []Commit

// Commit is what one commit changes.
type Commit struct {
	Branch  string // it is this branch's newest, until another is
	Tag     string // empty for none
	Message string
	Files   []File   // added or replaced
	Delete  []string // taken away

	like string // the archive whose files it has, too
}

// File is one file of a commit.
type File struct {
	Path       string
	Text       string
	Executable bool
}

// parse reads a commit from an archive: lines of "key: value" with the keys branch,
// tag, like, executable and delete, an empty line, the message, and the files.
func parse(text []byte) (Commit, error) {
	a := txtar.Parse(text)
	var c Commit
	head, message, ok := strings.Cut(string(a.Comment), "\n\n")
	if !ok {
		return c, errors.New("there is no message after an empty line")
	}
	var executable []string
	for line := range strings.Lines(head) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), ": ")
		switch key {
		case "branch":
			c.Branch = value
		case "tag":
			c.Tag = value
		case "like":
			c.like = value
		case "executable":
			executable = append(executable, value)
		case "delete":
			c.Delete = append(c.Delete, value)
		default:
			return c, fmt.Errorf("unknown line %q", line)
		}
	}
	c.Message = strings.TrimSpace(message) + "\n"
	if c.Branch == "" || c.Message == "\n" {
		return c, errors.New("a commit has a branch and a message")
	}
	for _, f := range a.Files {
		c.Files = append(c.Files, File{Path: f.Name, Text: string(f.Data), Executable: slices.Contains(executable, f.Name)})
	}
	return c, nil
}

// Replace changes a file's text from the commit with that tag, or on that branch, on.
// It must hold the old text, so that a change of the example cannot hollow it out;
// an empty old text replaces or adds the whole file.
func (h History) Replace(at, file, old, text string) (History, error) {
	changed := slices.Clone(h)
	from := slices.IndexFunc(changed, func(c Commit) bool { return c.Tag == at || c.Tag == "" && c.Branch == at })
	if from < 0 {
		return nil, fmt.Errorf("there is no commit %q", at)
	}
	// The commit shows the file only if it changes it: take it from further back.
	c := &changed[from]
	c.Files = slices.Clone(c.Files)
	i := slices.IndexFunc(c.Files, func(f File) bool { return f.Path == file })
	if i < 0 {
		c.Files = append(c.Files, h.before(from, file))
		i = len(c.Files) - 1
	}
	switch {
	case old == "":
		c.Files[i].Text = text
	case !strings.Contains(c.Files[i].Text, old):
		return nil, fmt.Errorf("%s at %s does not hold %q", file, at, old)
	default:
		c.Files[i].Text = strings.ReplaceAll(c.Files[i].Text, old, text)
	}
	return changed, nil
}

// before is the file as the commits before this one left it.
func (h History) before(commit int, file string) File {
	for _, c := range slices.Backward(h[:commit]) {
		for _, f := range c.Files {
			if f.Path == file {
				return f
			}
		}
	}
	return File{Path: file}
}

// firstCommit is when the first commit was made; each later one is a day younger.
const (
	firstCommit = 1_767_225_600 // 2026-01-01
	day         = 24 * 60 * 60
)

// stream is the history as git's fast-import reads it.
func (h History) stream() string {
	var b strings.Builder
	data := func(text string) { fmt.Fprintf(&b, "data %d\n%s\n", len(text), text) }
	for i, c := range h {
		who := fmt.Sprintf("Anna Harbour <anna@example.com> %d +0000", firstCommit+i*day)
		fmt.Fprintf(&b, "commit refs/heads/%s\nmark :%d\nauthor %s\ncommitter %s\n", c.Branch, i+1, who, who)
		data(c.Message)
		if i > 0 {
			fmt.Fprintf(&b, "from :%d\n", i)
		}
		for _, path := range c.Delete {
			fmt.Fprintf(&b, "D %s\n", path)
		}
		for _, f := range c.Files {
			mode := "100644"
			if f.Executable {
				mode = "100755"
			}
			fmt.Fprintf(&b, "M %s inline %s\n", mode, f.Path)
			data(f.Text)
		}
		b.WriteString("\n")
		if c.Tag != "" {
			fmt.Fprintf(&b, "tag %s\nfrom :%d\ntagger %s\n", c.Tag, i+1, who)
			data("Release " + c.Tag + "\n")
		}
	}
	b.WriteString("done\n")
	return b.String()
}
