package apptest

import (
	"io"
	"strings"
	"testing"

	"seatrial/harness/app"
)

// merging runs a test where the app can put part of a volume back.
func merging(test func(t *testing.T, f Fixture, merge func(io.Reader) error)) func(t *testing.T, f Fixture) {
	return func(t *testing.T, f Fixture) {
		m, ok := f.App.(app.Merger)
		if !ok {
			t.Skip("this deployer puts back whole volumes only")
		}
		eachWay(func(t *testing.T, f Fixture) {
			test(t, f, func(r io.Reader) error { _, err := m.Merge(t.Context(), f.Volume, r); return err })
		})(t, f)
	}
}

var merges = []clause{
	{"Merge writes over what has their names and leaves alone whatever else is there", merging(func(t *testing.T, f Fixture, merge func(io.Reader) error) {
		f.imports(t, archive(t, sample...))
		noError(t, merge(archive(t,
			entry{name: "folder/", mode: 0o700},
			entry{name: "folder/file", content: "new", mode: 0o600},
			entry{name: "inward", content: "a file where a link was", mode: 0o644},
			entry{name: "locked/new", content: "x", mode: 0o644},
			entry{name: "deep/er/file", content: "x", mode: 0o644},
		)))
		want := []entry{
			{name: "folder/", mode: 0o700},
			{name: "folder/file", content: "new", mode: 0o600},
			{name: "inward", content: "a file where a link was", mode: 0o644},
			{name: "locked/new", content: "x", mode: 0o644},
			{name: "deep/", mode: 0o755}, {name: "deep/er/", mode: 0o755},
			{name: "deep/er/file", content: "x", mode: 0o644},
		}
		for _, e := range sample {
			if e.name != "folder/" && e.name != "folder/file" && e.name != "inward" {
				want = append(want, e)
			}
		}
		compare(t, f.exported(t), want)
	})},
	{"Merge replaces a folder by a file and a file by a folder", merging(func(t *testing.T, f Fixture, merge func(io.Reader) error) {
		f.imports(t, archive(t,
			entry{name: "one/", mode: 0o555}, entry{name: "one/file", content: "x", mode: 0o400}, entry{name: "two", content: "x", mode: 0o644}))
		want := []entry{{name: "one", content: "now a file", mode: 0o644}, {name: "two/", mode: 0o750}, {name: "two/file", content: "y", mode: 0o644}}
		noError(t, merge(archive(t, want...)))
		compare(t, f.exported(t), want)
	})},
	{"Merge follows no link out of the volume, and what it refuses changes nothing", merging(func(t *testing.T, f Fixture, merge func(io.Reader) error) {
		f.imports(t, archive(t, append(sample, entry{name: "away", link: "/tmp"})...))
		for _, bad := range [][]entry{
			{{name: "folder/file", content: "bad", mode: 0o644}, {name: "../out", content: "x", mode: 0o644}},
			{{name: "folder/file", content: "bad", mode: 0o644}, {name: "/../../etc/out", content: "x", mode: 0o644}},
			{{name: "way", link: "/tmp"}, {name: "way/out", content: "x", mode: 0o644}},
			{{name: "hard", link: "../../etc/passwd", hard: true}},
		} {
			ourError(t, merge(archive(t, bad...)))
			f.holds(t, "folder/file", "content")
			f.lacks(t, "hard")
		}
		cut := io.LimitReader(archive(t, entry{name: "folder/file", content: strings.Repeat("x", 5000), mode: 0o644}), 2000)
		ourError(t, merge(cut))
		f.holds(t, "folder/file", "content")
		// A link in the way is replaced, not followed.
		noError(t, merge(archive(t, entry{name: "away/", mode: 0o755}, entry{name: "away/file", content: "here", mode: 0o644})))
		f.holds(t, "away/file", "here")
	})},
}
