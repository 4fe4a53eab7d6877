package loaded

import (
	"bytes"
	"io"
	"path"
	"strings"

	"seatrial/internal/lazyregexp"
)

// codeNames are names of files that interpreters and linkers load.
var codeNames = lazyregexp.New(`\.(py|pyc|pyz|js|mjs|cjs|ts|mts|cts|node|rb|php|phar|pl|pm|lua|luac|tcl|sh|jar|war|class|wasm|beam|dll|exe|so(\.[0-9]+)*)$`)

// settings are what people write for a program, in its own language: they stay over an
// upgrade, and are meant to.
var settings = lazyregexp.New(`(?i)(config|settings|local|env)[^/]*\.(py|js|mjs|cjs|ts|rb|php|pl|lua|sh)$`)

// declared are TypeScript's declarations, which nothing executes.
var declared = lazyregexp.New(`\.d\.[cm]?ts$`)

// cached is Python's translation of a source, which it reads instead while the source is as
// it was.
var cached = lazyregexp.New(`^(.*/)?__pycache__/([^/]+)\.[a-z]+-[0-9]+(\.opt-[0-9])?\.pyc$`)

// source is what is executed when a file is read.
func source(place string) string { return cached.ReplaceAllString(place, "$1$2.py") }

// mayBeCode says so by what can be seen without reading.
func mayBeCode(name string, m Mark) bool {
	if m.Size == 0 || settings.MatchString(path.Base(name)) || declared.MatchString(name) {
		return false
	}
	return codeNames.MatchString(name) || m.Mode&0o111 != 0
}

// isCode also reads how the file begins, where its name does not tell.
func isCode(name string, f io.ReaderAt) bool {
	if codeNames.MatchString(name) {
		return true
	}
	head := make([]byte, 4)
	n, _ := f.ReadAt(head, 0)
	return bytes.HasPrefix(head[:n], []byte("#!")) || bytes.HasPrefix(head[:n], []byte("\x7fELF"))
}

// below is a path's place within a folder.
func below(dir, name string) (string, bool) {
	rest, ok := strings.CutPrefix(name, strings.TrimSuffix(dir, "/"))
	if !ok || rest != "" && rest[0] != '/' {
		return "", false
	}
	return strings.TrimPrefix(rest, "/"), true
}
