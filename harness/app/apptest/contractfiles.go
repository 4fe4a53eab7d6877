package apptest

import (
	"archive/tar"
	"bytes"
	"cmp"
	"errors"
	"io"
	"path"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/sparse"
)

// files are what comes back of a volume as it was. Each sentence has a folder of its own
// in one volume, which is imported, exported, and imported and exported again.
var files = []clause{
	{"What an app sees of its files comes back", eachWay(func(t *testing.T, f Fixture) {
		f.comesBack(t, func(r io.Reader) ([]string, error) { return f.App.Import(t.Context(), f.Volume, r) })
	})},
	{"What an app sees of its files comes back from a merge", merging(func(t *testing.T, f Fixture, _ func(io.Reader) error) {
		f.imports(t, archive(t, sample...))
		f.comesBack(t, func(r io.Reader) ([]string, error) { return f.App.(app.Merger).Merge(t.Context(), f.Volume, r) })
	})},
}

var (
	before1970 = time.Date(1955, 11, 5, 6, 15, 0, 123456789, time.UTC)
	beyond2038 = time.Date(2040, 1, 1, 0, 0, 0, 1, time.UTC)
	long       = strings.Repeat("n", 200)
	deep       = strings.Repeat(strings.Repeat("d", 198)+"/", 20) // of 3980 characters
)

const (
	hole     = 1 << 30
	userType = "SCHILY.xattr.user.type"
	// An access control list in the kernel's words: version 2; the owner, another user, the
	// group, the mask, all others.
	list = "\x02\x00\x00\x00" + "\x01\x00\x06\x00\xff\xff\xff\xff" + "\x02\x00\x04\x00\x01\x10\x00\x00" +
		"\x04\x00\x04\x00\xff\xff\xff\xff" + "\x10\x00\x06\x00\xff\xff\xff\xff" + "\x20\x00\x00\x00\xff\xff\xff\xff"
	accessList  = "SCHILY.xattr.system.posix_acl_access"
	defaultList = "SCHILY.xattr.system.posix_acl_default"
)

// kept is a sentence about files, with what it is about. Whatever of it is not kept is
// named with this word.
type kept struct {
	sentence string
	entries  []tar.Header
	named    string
}

func folder(mode int64) tar.Header { return tar.Header{Typeflag: tar.TypeDir, Mode: mode} }

func named(name string, h tar.Header) tar.Header {
	h.Name = name
	return h
}

var kinds = []kept{
	{sentence: "The sticky bit, and the setgid bit of folders", entries: []tar.Header{
		named("sticky/", folder(0o1777)), named("shared/", folder(0o2770)), named("locked/", folder(0o555)),
	}},
	{sentence: "Setuid and setgid bits of files, or they are named", named: "setuid bits", entries: []tar.Header{
		{Name: "suid", Mode: 0o4755}, {Name: "sgid", Mode: 0o2755},
	}},
	{sentence: "Owners and groups, or they are named", named: "owners", entries: []tar.Header{
		{Name: "theirs", Mode: 0o640, Uid: 4242, Gid: 4343},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "theirs", Uid: 4242, Gid: 4343},
		{Name: "folder/", Typeflag: tar.TypeDir, Mode: 0o750, Uid: 4242, Gid: 4343},
	}},
	{sentence: "Times to the nanosecond, also before 1970, of folders and links too", entries: []tar.Header{
		{Name: "file", Mode: 0o600, ModTime: before1970},
		{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "file", ModTime: beyond2038},
		{Name: "folder/", Typeflag: tar.TypeDir, Mode: 0o700, ModTime: before1970},
		{Name: "folder/file", Mode: 0o600, ModTime: beyond2038},
	}},
	{sentence: "Pipes", entries: []tar.Header{{Name: "pipe", Typeflag: tar.TypeFifo, Mode: 0o620, ModTime: before1970}}},
	{sentence: "Overlay whiteouts, or they are named", named: "device nodes", entries: []tar.Header{{Name: "gone", Typeflag: tar.TypeChar, Mode: 0o600}}},
	{sentence: "Attributes of the app's own", entries: []tar.Header{
		{Name: "file", Mode: 0o400, PAXRecords: map[string]string{userType: "image/png\x00\xff", "SCHILY.xattr.user.empty": ""}},
		{Name: "folder/", Typeflag: tar.TypeDir, Mode: 0o500, PAXRecords: map[string]string{userType: "album"}},
	}},
	{sentence: "Access control lists", entries: []tar.Header{
		{Name: "file", Mode: 0o660, PAXRecords: map[string]string{accessList: list}},
		{Name: "folder/", Typeflag: tar.TypeDir, Mode: 0o750, PAXRecords: map[string]string{defaultList: list}},
		{Name: "folder/file", Mode: 0o600},
	}},
	{sentence: "Names that are not UTF-8", entries: []tar.Header{
		named("caf\xe9/", folder(0o700)), {Name: "caf\xe9/\xff\n", Mode: 0o600}, {Name: "link", Typeflag: tar.TypeSymlink, Linkname: "caf\xe9"},
	}},
	{sentence: "Names of 200 characters, and paths of 4,000", entries: []tar.Header{
		{Name: long, Mode: 0o600}, {Name: deep + "file", Mode: 0o600}, {Name: deep + "link", Typeflag: tar.TypeSymlink, Linkname: long},
	}},
}

// comesBack imports all kinds of files and wants them, or word of them, back.
func (f Fixture) comesBack(t *testing.T, put func(io.Reader) ([]string, error)) {
	stream := &bytes.Buffer{}
	w := tar.NewWriter(stream)
	own := tar.Header{Name: "./", Typeflag: tar.TypeDir, Mode: 0o1751, ModTime: before1970, PAXRecords: map[string]string{userType: "volume"}}
	was, err := tar.NewReader(f.exported(t)).Next()
	noError(t, err)
	own.Uid, own.Gid = was.Uid, was.Gid // the app has to go on
	write := func(h tar.Header, content string) {
		h.Size, h.Format = int64(len(content)), tar.FormatPAX
		noError(t, w.WriteHeader(&h))
		_, err := io.WriteString(w, content)
		noError(t, err)
	}
	write(own, "")
	for _, k := range kinds {
		for _, h := range k.entries {
			write(k.placed(h), "")
		}
	}
	write(tar.Header{Name: "linked/first", Mode: 0o600}, "content")
	write(tar.Header{Name: "linked/second", Typeflag: tar.TypeLink, Linkname: "linked/first"}, "")
	holes := tar.Header{Name: "holes", Mode: 0o600}
	sparse.Describe(&holes, 2*hole, []sparse.Data{{Offset: hole, Length: 4096}})
	write(holes, strings.Repeat("x", 4096))
	write(tar.Header{Name: "device", Typeflag: tar.TypeChar, Devmajor: 1, Devminor: 3, Mode: 0o666}, "")
	noError(t, w.Close())

	notKept, err := put(bytes.NewReader(stream.Bytes()))
	noError(t, err)
	first := f.exported(t)
	t.Run("Device nodes are named", func(t *testing.T) { names(t, notKept, "device nodes", `"device"`) })
	f.hold(t, bytes.NewReader(first.Bytes()), own, notKept)
	// What was written out comes back too, not only what we put together.
	again, err := put(bytes.NewReader(first.Bytes()))
	noError(t, err)
	f.hold(t, f.exported(t), own, append(notKept, again...))
}

// hold wants a stream to hold all kinds of files.
func (f Fixture) hold(t *testing.T, stream io.Reader, own tar.Header, notKept []string) {
	size := 0
	got := map[string]*tar.Header{}
	content := map[string]string{}
	for in := tar.NewReader(stream); ; {
		h, err := in.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		noError(t, err)
		body, err := io.ReadAll(in)
		noError(t, err)
		got[h.Name], content[h.Name], size = h, string(body), size+len(body)
	}
	for _, k := range append(kinds, kept{sentence: "What the volume's own folder is like", entries: []tar.Header{own}}) {
		t.Run(k.sentence, func(t *testing.T) {
			for _, want := range k.entries {
				want = k.placed(want)
				if problem := differs(got[want.Name], want); problem != "" {
					if k.named == "" {
						t.Errorf("%.40q: %s; not kept: %q", want.Name, problem, notKept)
						continue
					}
					names(t, notKept, k.named, "")
				}
			}
		})
	}
	t.Run("Hard links as one file", func(t *testing.T) {
		if h := got["linked/second"]; content["linked/first"] != "content" || h == nil || h.Typeflag != tar.TypeLink || h.Linkname != "linked/first" {
			t.Errorf("%q, %+v", content["linked/first"], h)
		}
	})
	t.Run("Holes as holes", func(t *testing.T) {
		h := got["holes"]
		if h == nil || size > 1<<20 {
			t.Fatalf("%+v in a stream of %d bytes", h, size)
		}
		r, err := sparse.Reader(h, strings.NewReader(content["holes"]))
		noError(t, err)
		_, err = io.CopyN(io.Discard, r, hole)
		noError(t, err)
		data := make([]byte, 4097)
		_, err = io.ReadFull(r, data)
		noError(t, err)
		if string(data) != strings.Repeat("x", 4096)+"\x00" || sparse.Size(h) != 2*hole {
			t.Errorf("%d bytes, of which %.10q...", sparse.Size(h), data)
		}
	})
}

// placed puts an entry into the folder of its sentence.
func (k kept) placed(h tar.Header) tar.Header {
	if h.Name == "./" {
		return h
	}
	folder := strings.ReplaceAll(strings.ToLower(strings.Map(func(r rune) rune {
		if r == ',' {
			return -1
		}
		return r
	}, k.sentence)), " ", "-")
	slash := ""
	if strings.HasSuffix(h.Name, "/") {
		slash = "/"
	}
	h.Name = path.Join(folder, h.Name) + slash
	h.Typeflag = cmp.Or(h.Typeflag, tar.TypeReg)
	return h
}

// differs says what is wrong with what came back, or nothing.
func differs(got *tar.Header, want tar.Header) string {
	switch {
	case got == nil:
		return "it is gone"
	case got.Typeflag != want.Typeflag || got.Linkname != want.Linkname:
		return "it is of the kind " + string(got.Typeflag) + " and leads to " + got.Linkname
	case want.Typeflag != tar.TypeSymlink && got.Mode != want.Mode:
		return "its mode is " + got.FileInfo().Mode().String() + ", not " + want.FileInfo().Mode().String()
	case want.Uid > 0 && (got.Uid != want.Uid || got.Gid != want.Gid):
		return "it belongs to somebody else"
	case !want.ModTime.IsZero() && !got.ModTime.Equal(want.ModTime):
		return "its time is " + got.ModTime.String()
	}
	for key, value := range want.PAXRecords {
		if there, ok := got.PAXRecords[key]; !ok || there != value {
			return "its " + key + " is " + there
		}
	}
	for key := range got.PAXRecords {
		if _, ok := want.PAXRecords[key]; !ok && strings.HasPrefix(key, "SCHILY.xattr.") {
			return "it has got " + key
		}
	}
	return ""
}

// names wants a line about what is not kept.
func names(t *testing.T, notKept []string, what, which string) {
	t.Helper()
	for _, line := range notKept {
		if strings.HasPrefix(line, what) && strings.Contains(line, which) {
			return
		}
	}
	t.Errorf("no word of %s %s: %q", what, which, notKept)
}
