package stage

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"seatrial/harness/canary"
)

func archive(t *testing.T, headers ...tar.Header) *bytes.Buffer {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, h := range headers {
		content := strings.Repeat("x", int(h.Size))
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return &b
}

func names(t *testing.T, r io.Reader) string {
	t.Helper()
	var all []string
	in := tar.NewReader(r)
	for {
		h, err := in.Next()
		if err == io.EOF {
			return strings.Join(all, " ")
		}
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, h.Name)
	}
}

func TestFilterLeavesOutWhatIsExcluded(t *testing.T) {
	in := archive(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./app.db", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "./app.db-wal", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "./thumbs/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "./thumbs/a/b.png", Typeflag: tar.TypeReg, Size: 1, Mode: 0o600},
		tar.Header{Name: "./link", Typeflag: tar.TypeSymlink, Linkname: "../../etc/passwd"},
		tar.Header{Name: "./hard", Typeflag: tar.TypeLink, Linkname: "./thumbs/a/b.png"},
		tar.Header{Name: "./" + canary.FileName, Typeflag: tar.TypeReg, Size: 3, Mode: 0o600},
	)
	var out bytes.Buffer
	m, err := filter(in, &out, "data", choice{exclude: exclusion{"data/app.db*", "data/thumbs"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := names(t, &out); got != "./ ./link ./"+canary.FileName {
		t.Errorf("kept: %s", got)
	}
	if m.all != 3 || len(m.files) != 0 {
		t.Errorf("the manifest counts %d of %d files", len(m.files), m.all)
	}
}

func TestFilterTakesDeclaredPathsOnly(t *testing.T) {
	in := archive(t,
		tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "a/", Typeflag: tar.TypeDir, Mode: 0o700},
		tar.Header{Name: "a/b/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: 7},
		tar.Header{Name: "a/b/1", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "a/b/same", Typeflag: tar.TypeLink, Linkname: "a/b/1"},
		tar.Header{Name: "a/b/lost", Typeflag: tar.TypeLink, Linkname: "a/other"},
		tar.Header{Name: "a/bc", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "a/other", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "c/2", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "d", Typeflag: tar.TypeReg, Size: 5, Mode: 0o600},
		tar.Header{Name: "e/", Typeflag: tar.TypeDir, Mode: 0o755},
	)
	var out bytes.Buffer
	m, err := filter(in, &out, "data", choice{paths: []string{"a/b", "c", "d", "e/none"}, mark: "mark"})
	if err != nil {
		t.Fatal(err)
	}
	mark := canary.FileName
	if got := names(t, bytes.NewReader(out.Bytes())); got != "a/ a/b/ a/b/"+mark+" a/b/1 a/b/same c/2 c/"+mark+" d e/" {
		t.Errorf("kept: %s", got)
	}
	if got := strings.Join(m.marked, " "); got != "a/b c" {
		t.Errorf("marked: %s", got)
	}
	if len(m.files) != 3 || m.all != 5 || strings.Join(m.linked, " ") != "a/b/same" || strings.Join(m.lost, ";") != "data/a/b/lost, which is a hard link to a/other" {
		t.Errorf("manifest: %+v", m)
	}
	for name, want := range map[string]string{"a/b": "", "c": "", "d": "", "e/none": "it is not in the volume", "a": ""} {
		if got := m.lacks(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

func TestFilterPassesOnWhatGoesWrong(t *testing.T) {
	whole := archive(t, tar.Header{Name: "a", Typeflag: tar.TypeReg, Size: 5000, Mode: 0o600}).Bytes()
	for _, cut := range []int{100, 600, 3000} {
		if _, err := filter(bytes.NewReader(whole[:cut]), io.Discard, "data", choice{}); err == nil {
			t.Errorf("a stream cut after %d bytes was taken for whole", cut)
		}
	}
	failing := io.MultiReader(bytes.NewReader(whole), iotestError{errors.New("the disk went away")})
	if _, err := filter(failing, io.Discard, "data", choice{}); err == nil || !strings.Contains(err.Error(), "went away") {
		t.Errorf("an error at the stream's end was dropped: %v", err)
	}
}

type iotestError struct{ err error }

func (e iotestError) Read([]byte) (int, error) { return 0, e.err }

func TestExclusion(t *testing.T) {
	for _, c := range []struct {
		glob, volume, path string
		want               bool
	}{
		{"data/cache", "data", "cache/x/y", true},
		{"data/cache/**", "data", "cache/x/y", true},
		{"data/*.db", "data", "app.db", true},
		{"data/*.db", "data", "sub/app.db", false},
		{"**/*.db", "data", "sub/app.db", true},
		{"cache", "cache", "x", true},
		{"cache/**", "cachedata", "x", false},
		{"data/cache", "data", "cachedata", false},
	} {
		if got := (exclusion{c.glob}).match(c.volume, c.path); got != c.want {
			t.Errorf("%s over %s/%s: %v", c.glob, c.volume, c.path, got)
		}
	}
	if (exclusion{"data/*.db"}).whole("data") || !(exclusion{"cache/**"}).whole("cache") || !(exclusion{"cache"}).whole("cache") {
		t.Error("a volume that is left out on purpose is not told from one that happens to be empty")
	}
}

// Whatever a tar entry is called, its path stays within the volume.
func TestInsideStaysInside(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`(\.{0,2}/?[a-z]{0,3}/?){0,6}`).Draw(t, "name")
		got := inside(name)
		if strings.HasPrefix(got, "/") || got == ".." || strings.HasPrefix(got, "../") {
			t.Fatalf("%q became %q", name, got)
		}
	})
}

func TestWhatHoldsData(t *testing.T) {
	for name, want := range map[string]bool{
		"app.db": true, "APP.SQLITE3": true, "dump.sql": true, "dump.sql.gz": true, "dump.gz": true, "x.tar.zst": true,
		"app.db-wal": false, ".keep": false, "lock": false, "page.html": false, "page.html.gz": false, "logs/app.log": false,
	} {
		if holdsData(name) != want {
			t.Errorf("%s: %v", name, !want)
		}
	}
}
