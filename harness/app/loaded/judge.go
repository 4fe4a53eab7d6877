package loaded

import (
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"seatrial/harness/app/inside"
	"seatrial/harness/tree"
	"seatrial/internal/procs"
)

// Volume is a folder that outlives an upgrade, or another place that is no release's own.
type Volume struct {
	Name   string   // "the volume data"
	Seen   string   // where the app sees it
	Dir    string   // where it lies on this machine
	Before Manifest // what was in it before the newest release was brought up
}

// Release is one that was deployed, with the files that are known of it.
type Release struct {
	Name  string
	Files inside.Contents
}

// Judge knows what there was, and says what speaks against the newest release.
type Judge struct {
	Head    Release
	Older   []Release // the newest first
	Volumes []Volume
	// Others says that what lies at a path is not the app's, or is known otherwise.
	Others func(path string) bool
	// Watch saw which code of the volumes was opened; nil where nobody did.
	Watch *Watch
}

// Finding is what speaks against the newest release.
type Finding struct {
	File     string // as the app sees it
	Volume   string // in which it lies; may be empty
	Release  string // whose it is; empty where that cannot be told: then nothing is proven
	Original string // its path in that release
}

// Old says that an older release's code is proven to run.
func (f Finding) Old() bool { return f.Release != "" }

// Unproven says what is not proven, for people.
func (f Finding) Unproven(service string) string {
	return fmt.Sprintf("%s takes code from %s, which lay in %s before the upgrade: a volume outlives an upgrade, so what is there is no proof of the new release. "+
		"Let each release bring its code, and run it from there", service, f.File, f.Volume)
}

// Process says what of a process speaks against the newest release; nothing for nothing.
func (j *Judge) Process(p procs.Proc) ([]Finding, error) {
	var found []Finding
	for _, one := range parts(p) {
		f, err := j.part(one)
		one.file.Close()
		if err != nil {
			return nil, err
		}
		if f != nil {
			found = append(found, *f)
		}
	}
	return found, nil
}

func (j *Judge) part(one part) (*Finding, error) {
	info, err := one.file.Stat()
	if err != nil {
		return nil, err
	}
	v, place := j.volumeAt(one.path)
	switch {
	case v == nil && (info.IsDir() || j.Others(one.path)):
		return nil, nil
	case v == nil:
		sum, size, err := inside.HashFile(one.file)
		if err != nil {
			return nil, err
		}
		return j.older(one.path, sum, size), nil
	case info.IsDir():
		return j.folder(v, place)
	}
	return j.file(v, place, one)
}

// older says that a content is an older release's and not the newest one's.
func (j *Judge) older(seen string, sum inside.Digest, size int64) *Finding {
	if _, ok := j.Head.Files.Find(sum, size); ok {
		return nil
	}
	for _, r := range j.Older {
		if original, ok := r.Files.Find(sum, size); ok {
			return &Finding{File: seen, Release: r.Name, Original: original}
		}
	}
	return nil
}

// file judges what is executed out of a volume.
func (j *Judge) file(v *Volume, place string, one part) (*Finding, error) {
	if !one.sure && !isCode(place, one.file) {
		return nil, nil // a setting, or data
	}
	sum, size, err := inside.HashFile(one.file)
	if err != nil {
		return nil, err
	}
	if f := j.older(one.path, sum, size); f != nil {
		return f, nil
	}
	if original, ok := j.Head.Files.Find(sum, size); ok {
		// It may be a copy of more than itself.
		if top, ok := above(place, original); ok {
			if f, err := j.copied(v, top); f != nil || err != nil {
				return f, err
			}
		}
	}
	var stat unix.Stat_t
	if err := unix.Fstat(int(one.file.Fd()), &stat); err != nil {
		return nil, err
	}
	if v.untouched(place, markOf(stat)) {
		return &Finding{File: one.path, Volume: v.Name}, nil
	}
	return nil, nil
}

// above is the folder that holds a copy of a release, told by one file of it.
func above(place, original string) (string, bool) {
	for original != "." {
		if path.Base(place) != path.Base(original) {
			return "", false
		}
		place, original = path.Dir(place), path.Dir(original)
	}
	return place, true
}

// untouched says that a file was there before and was not written to since.
func (v *Volume) untouched(place string, now Mark) bool {
	then, ok := v.Before[place]
	return ok && then.sameContent(now)
}

func (j *Judge) volumeAt(file string) (*Volume, string) {
	for i := range j.Volumes {
		if place, ok := below(j.Volumes[i].Seen, file); ok {
			return &j.Volumes[i], place
		}
	}
	return nil, ""
}

// maxLooked bounds how many files of a folder are looked at.
const maxLooked = 20_000

// codeIn visits the code in a folder of a volume.
func codeIn(v *Volume, folder string, visit func(place string, e tree.Entry) error) error {
	top, err := os.OpenRoot(v.Dir)
	if err != nil {
		return err
	}
	defer top.Close()
	dir, err := top.Open(path.Clean("./" + folder))
	if err != nil {
		return nil // it went in the meantime
	}
	defer dir.Close()
	looked := 0
	return tree.Walk(dir, func(e tree.Entry, err error) error {
		if looked++; looked > maxLooked {
			return fs.SkipAll
		}
		if err != nil || e.Kind() != unix.S_IFREG || !mayBeCode(e.Path, markOf(e.Stat)) {
			return nil
		}
		return visit(path.Join(folder, e.Path), e)
	})
}

// copied looks through a copy of a release: what is of an older one, where the newest has
// something else, is old code behind a new or an unchanged beginning.
func (j *Judge) copied(v *Volume, top string) (found *Finding, err error) {
	err = codeIn(v, top, func(place string, e tree.Entry) error {
		name, _ := below(top, place)
		if top == "." {
			name = place
		}
		if !j.mayBeOpened(v, place) {
			return nil
		}
		sum, size, ok := j.Head.Files.At(name)
		if !ok {
			return nil
		}
		own, ownSize, err := hash(e)
		if err != nil || own == sum && ownSize == size {
			return nil
		}
		for _, r := range j.Older {
			if sum, size, ok := r.Files.At(name); ok && sum == own && size == ownSize {
				found = j.weigh(&Finding{File: path.Join(v.Seen, place), Volume: v.Name, Release: r.Name, Original: name})
				return fs.SkipAll
			}
		}
		return nil
	})
	return found, err
}

// folder judges where code is looked for.
func (j *Judge) folder(v *Volume, place string) (found *Finding, err error) {
	err = codeIn(v, place, func(file string, e tree.Entry) error {
		if !j.mayBeOpened(v, file) {
			return nil
		}
		f := j.lying(v, file, e)
		if f == nil {
			return nil
		}
		f = j.weigh(f)
		if found == nil || f.Old() {
			found = f
		}
		if f.Old() {
			return fs.SkipAll
		}
		return nil
	})
	return found, err
}

func (j *Judge) mayBeOpened(v *Volume, place string) bool {
	return j.Watch == nil || j.Watch.opened(v.Name, place)
}

// weigh takes what only lies where code is looked for as unproven, where nobody has seen
// that it was opened.
func (j *Judge) weigh(f *Finding) *Finding {
	if j.Watch == nil || j.Watch.blind {
		return &Finding{File: f.File, Volume: f.Volume}
	}
	return f
}

// lying judges a file that lay in a volume; nil where it was written since, or where its
// content is the newest release's.
func (j *Judge) lying(v *Volume, file string, e tree.Entry) *Finding {
	if !v.untouched(file, markOf(e.Stat)) {
		return nil
	}
	f, err := e.Open()
	if err != nil {
		return nil
	}
	defer f.Close()
	if !isCode(file, f) {
		return nil
	}
	sum, size, err := inside.HashFile(f)
	if err != nil {
		return nil
	}
	if _, ok := j.Head.Files.Find(sum, size); ok {
		return nil
	}
	seen := path.Join(v.Seen, file)
	if old := j.older(seen, sum, size); old != nil {
		if _, _, ok := j.Head.Files.At(old.Original); ok { // else nothing has taken its place
			old.Volume = v.Name
			return old
		}
	}
	return &Finding{File: seen, Volume: v.Name}
}

func hash(e tree.Entry) (inside.Digest, int64, error) {
	f, err := e.Open()
	if err != nil {
		return inside.Digest{}, 0, err
	}
	defer f.Close()
	return inside.HashFile(f)
}

// Opened says what code that lay in the volumes was opened since the watch began, whoever
// did it. That proves nothing by itself: whoever copies reads, too.
func (j *Judge) Opened() (*Finding, error) {
	var found *Finding
	for i := range j.Volumes {
		v := &j.Volumes[i]
		if !j.Watch.any(v.Name) {
			continue
		}
		err := codeIn(v, ".", func(file string, e tree.Entry) error {
			if !j.Watch.opened(v.Name, file) {
				return nil
			}
			f := j.lying(v, file, e)
			if f == nil {
				return nil
			}
			found = &Finding{File: f.File, Volume: v.Name}
			return fs.SkipAll
		})
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}
