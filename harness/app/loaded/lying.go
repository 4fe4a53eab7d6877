package loaded

import (
	"context"
	"io/fs"
	"os"
	"path"
	"slices"

	"golang.org/x/sys/unix"

	"seatrial/harness/app/inside"
	"seatrial/harness/tree"
)

// maxLooked bounds how many files of a folder are looked at.
const maxLooked = 20_000

// codeIn visits what may be code in a folder of a volume.
func codeIn(ctx context.Context, v *Volume, folder string, visit func(place string, f *os.File) error) error {
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
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil || e.Kind() != unix.S_IFREG || source(e.Path) != e.Path || !mayBeCode(e.Path, markOf(e.Stat)) {
			return nil
		}
		f, err := e.Open()
		if err != nil {
			return nil // it went in the meantime
		}
		defer f.Close()
		return visit(path.Join(folder, e.Path), f)
	})
}

// copied looks through a copy of a release: what is of an older one, where the newest has
// something else, is old code behind a new or an unchanged beginning.
func (j *Judge) copied(ctx context.Context, v *Volume, top string) (found *Finding, err error) {
	err = j.mayBeLoaded(ctx, v, top, func(place string, f *os.File) error {
		name, _ := below(top, place)
		if top == "." {
			name = place
		}
		sum, size, ok := j.Head.Files.At(name)
		if !ok {
			return nil
		}
		own, ownSize, err := inside.HashFile(f)
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
func (j *Judge) folder(ctx context.Context, v *Volume, place string) (found *Finding, err error) {
	err = j.mayBeLoaded(ctx, v, place, func(file string, f *os.File) error {
		one := j.lying(v, file, f)
		if one == nil {
			return nil
		}
		one = j.weigh(one)
		if found == nil || one.Old() {
			found = one
		}
		if one.Old() {
			return fs.SkipAll
		}
		return nil
	})
	return found, err
}

// mayBeLoaded visits the code in a folder of a volume: what was opened, or, where nobody
// has seen that, all of it.
func (j *Judge) mayBeLoaded(ctx context.Context, v *Volume, folder string, visit func(place string, f *os.File) error) error {
	if j.Watch == nil || j.Watch.blind {
		return codeIn(ctx, v, folder, visit)
	}
	places := slices.DeleteFunc(j.Watch.of(v.Name), func(place string) bool {
		_, within := below(path.Clean(folder), place)
		return folder != "." && folder != "" && !within
	})
	return filesIn(ctx, v, places, visit)
}

// weigh takes what only lies where code is looked for as unproven, where nobody has seen
// that it was opened.
func (j *Judge) weigh(f *Finding) *Finding {
	if j.Watch == nil || j.Watch.blind {
		return &Finding{File: f.File, Volume: f.Volume}
	}
	return f
}

// largestCode is more than any code has that is not executed itself.
const largestCode = 256 << 20

// lying judges a file that lay in a volume; nil where it was written since, where its
// content is the newest release's, and where it is no code.
func (j *Judge) lying(v *Volume, place string, f *os.File) *Finding {
	var stat unix.Stat_t
	if unix.Fstat(int(f.Fd()), &stat) != nil || !v.untouched(place, markOf(stat)) || !isCode(place, f) {
		return nil
	}
	found := &Finding{File: path.Join(v.Seen, place), Volume: v.Name}
	if stat.Size > largestCode {
		return found
	}
	sum, size, err := inside.HashFile(f)
	if err != nil {
		return nil
	}
	if _, ok := j.Head.Files.Find(sum, size); ok {
		return nil
	}
	if old := j.older(found.File, sum, size); old != nil {
		if _, _, ok := j.Head.Files.At(old.Original); ok { // else nothing has taken its place
			old.Volume = v.Name
			return old
		}
	}
	return found
}

// Opened says what code that lay in the volumes was opened since the watch began, whoever
// did it. That proves nothing by itself: whoever copies reads, too.
func (j *Judge) Opened(ctx context.Context) (found *Finding, err error) {
	for i := range j.Volumes {
		v := &j.Volumes[i]
		visit := func(place string, f *os.File) error {
			if one := j.lying(v, place, f); one != nil {
				found = &Finding{File: one.File, Volume: v.Name}
				return fs.SkipAll
			}
			return nil
		}
		if j.Watch != nil && j.Watch.blind {
			err = codeIn(ctx, v, ".", visit)
		} else {
			err = filesIn(ctx, v, j.Watch.of(v.Name), visit)
		}
		if found != nil || err != nil {
			return found, err
		}
	}
	return nil, nil
}

// filesIn visits files of a volume that are still there.
func filesIn(ctx context.Context, v *Volume, places []string, visit func(place string, f *os.File) error) error {
	root, err := os.OpenRoot(v.Dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, place := range places {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		f, err := inside.OpenRegular(root, place)
		if err != nil {
			continue // it went in the meantime
		}
		err = visit(place, f)
		f.Close()
		if err != nil {
			return skipped(err)
		}
	}
	return nil
}

func skipped(err error) error {
	if err == fs.SkipAll {
		return nil
	}
	return err
}
