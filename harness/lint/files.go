package lint

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"path"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// maxFileSize is what a program in a repository may weigh before it is mentioned.
const maxFileSize = 10 << 20

var (
	readme  = lazyregexp.New(`(?i)^readme(?:\..+)?$`)
	licence = lazyregexp.New(`(?i)^(?:licen[cs]e|copying|unlicense)(?:[.-].+)?$`)
)

// fileRules are about what lies in the repository.
func fileRules() []rule {
	return []rule{
		{"link-leaves-repository", run.SeverityWarning, linkLeavesRepository},
		{"broken-link", run.SeverityWarning, brokenLink},
		{"committed-binary", run.SeverityWarning, committedBinary},
		{"no-readme", run.SeverityWarning, noReadme},
		{"no-licence", run.SeverityNote, noLicence},
	}
}

func linkLeavesRepository(r *recipe, say say) {
	for _, e := range r.entries {
		if leaves(e) {
			say(e.path, 0, "this link leads out of the repository, to %s, which is not there where the app runs", visible(e.target))
		}
	}
}

func brokenLink(r *recipe, say say) {
	for _, e := range r.entries {
		if e.mode.Type() != fs.ModeSymlink || leaves(e) || r.made() {
			continue
		}
		if _, err := fs.Stat(r.FS, e.path); errors.Is(err, fs.ErrNotExist) {
			say(e.path, 0, "this link leads to %s, which is not in the repository: commit it or remove the link", visible(e.target))
		}
	}
}

func committedBinary(r *recipe, say say) {
	for _, e := range r.entries {
		if e.mode.IsRegular() && e.size > maxFileSize && r.binary(e.path) {
			say(e.path, 0, "a binary file of %d MiB: every run copies it, and nobody can review it. Build it, or fetch it by its checksum", e.size>>20)
		}
	}
}

func noReadme(r *recipe, say say) {
	if _, ok := r.inRoot(readme); !ok {
		say("", 0, "there is no README: say in one what the app is and what it must be told")
	}
}

func noLicence(r *recipe, say say) {
	if _, ok := r.inRoot(licence); !ok && !r.below("LICENSES") {
		say("", 0, "there is no licence: without one nobody may use the recipe. Add a file named LICENSE")
	}
}

// leaves says whether a link, read as text, leads out of the repository.
func leaves(e entry) bool {
	if e.mode.Type() != fs.ModeSymlink {
		return false
	}
	to := path.Join(path.Dir(e.path), e.target)
	return path.IsAbs(e.target) || to == ".." || strings.HasPrefix(to, "../")
}

// binary says what git would: a zero byte near the beginning.
func (r *recipe) binary(name string) bool {
	const near = 8000
	f, err := r.FS.Open(name)
	if err != nil {
		return false
	}
	defer f.Close()
	head, _ := io.ReadAll(io.LimitReader(f, near))
	return bytes.IndexByte(head, 0) >= 0
}
