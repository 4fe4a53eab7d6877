package loaded

import (
	"context"
	"fmt"
	"path"

	"golang.org/x/sys/unix"

	"seatrial/harness/app/inside"
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
func (j *Judge) Process(ctx context.Context, p procs.Proc) ([]Finding, error) {
	var found []Finding
	for _, one := range parts(p) {
		f, err := j.part(ctx, one)
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

func (j *Judge) part(ctx context.Context, one part) (*Finding, error) {
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
		return j.folder(ctx, v, place)
	}
	return j.file(ctx, v, place, one)
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
func (j *Judge) file(ctx context.Context, v *Volume, place string, one part) (*Finding, error) {
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
			if f, err := j.copied(ctx, v, top); f != nil || err != nil {
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
