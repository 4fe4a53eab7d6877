package canary

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"seatrial/harness/app"
)

const (
	// plainName is a mark's name that no glob of a shell's passes over.
	plainName = "seatrial-canary.txt"
	// markedFolders is into how many folders of a volume marks are put: each is a program
	// that is started.
	markedFolders = 16
	// namedFiles is how many files of a volume are named, of one kind.
	namedFiles = 10
)

// volume is what is remembered of one.
type volume struct {
	name  string
	plain bool            // there is a mark with an ordinary name at its root
	dirs  map[string]bool // further folders in which there are marks
	files map[string]app.File
	cut   bool // there were more
	held  int  // how many files of whatever kind it held
}

// plant puts marks into a volume and records its files. databases are the app's.
func (p Seeder) plant(ctx context.Context, name, token string, databases []app.Database) (volume, error) {
	v := volume{name: name, dirs: map[string]bool{}}
	list, err := p.App.Files(ctx, name)
	if err != nil {
		return v, fmt.Errorf("cannot list the files of the volume %s: %w", name, err)
	}
	v.files, v.cut, v.held = own(name, list, databases), list.Cut, len(list.All)
	content := []byte(token + "\n")
	if err := p.App.Put(ctx, name, FileName, content); err != nil {
		return v, fmt.Errorf("cannot plant a canary in the volume %s: %w", name, err)
	}
	if !p.Alone {
		return v, nil
	}
	// A mark that cannot be put where the app itself may not write tells nothing.
	v.plain = p.App.Put(ctx, name, plainName, content) == nil
	for _, dir := range populated(list) {
		if p.App.Put(ctx, name, path.Join(dir, FileName), content) == nil && p.App.Put(ctx, name, path.Join(dir, plainName), content) == nil {
			v.dirs[dir] = true
		}
	}
	return v, ctx.Err()
}

// own are the app's plain files: without marks of ours, without databases, whose rows are
// recorded, and without what a server keeps, which is its own business.
func own(volume string, list app.Files, databases []app.Database) map[string]app.File {
	files := map[string]app.File{}
	for _, db := range databases {
		if db.Service != "" && db.Volume == volume {
			return files
		}
	}
	for _, f := range list.All {
		isDatabase := slices.ContainsFunc(databases, func(db app.Database) bool {
			rest, ok := strings.CutPrefix(volume+"/"+f.Path, db.Name)
			return ok && slices.Contains([]string{"", "-wal", "-shm", "-journal"}, rest)
		})
		if !isDatabase && !isMark(f.Path) {
			files[f.Path] = f
		}
	}
	return files
}

func isMark(name string) bool {
	base := path.Base(name)
	return base == FileName || base == plainName
}

// lookInVolume says what of a volume is no longer there. kept says that a database in it
// is, with its rows.
func (s *Set) lookInVolume(ctx context.Context, f *finding, v volume, covered func(Place) bool, all map[string]app.Files, sums map[string]bool, kept bool) error {
	now, there := all[v.name]
	if !there {
		return s.lookForVolume(ctx, f, v, all)
	}
	content, err := s.app.Get(ctx, v.name, FileName)
	switch {
	case !covered(Place{Volume: v.name, Path: FileName}):
		f.uncovered = append(f.uncovered, v.name+"/"+FileName)
	case errors.Is(err, fs.ErrNotExist):
		f.lose("", "the volume %s no longer holds the file that was put into it", v.name)
	case err != nil:
		return fmt.Errorf("cannot look for the canary in the volume %s: %w", v.name, err)
	case strings.TrimSpace(string(content)) != s.token:
		f.lose("", "the volume %s holds an older or changed copy of the file that was put into it", v.name)
	}
	if now.Cut || v.cut {
		f.note("the volume %s holds more files than are watched one by one", v.name)
		return nil
	}
	here := map[string]app.File{}
	for _, file := range now.All {
		here[file.Path] = file
	}
	s.lookForFiles(f, v, covered, here, sums)
	if v.plain {
		s.lookForMark(f, v, "", covered, here, kept)
	}
	for _, dir := range slices.Sorted(maps.Keys(v.dirs)) {
		s.lookForMark(f, v, dir, covered, here, false)
	}
	return nil
}

// lookForVolume is for one that the app no longer has. Its content may lie in another.
func (s *Set) lookForVolume(ctx context.Context, f *finding, v volume, all map[string]app.Files) error {
	for name := range all {
		content, err := s.app.Get(ctx, name, FileName)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot look for the canary in the volume %s: %w", name, err)
		}
		if err == nil && strings.TrimSpace(string(content)) == s.token {
			f.note("what was in the volume %s is in %s now", v.name, name)
			return nil
		}
	}
	if v.held == 0 {
		f.note("the volume %s, which was empty, is no longer the app's", v.name)
		return nil
	}
	f.lose(asGlob(v.name)+"/**", "the volume %s is no longer the app's, and %s in it are not in another one", v.name, count(v.held, "file"))
	return nil
}

// lookForFiles compares the app's own files with what was recorded. One that was moved is
// not gone, and one that holds other bytes is the app's business.
func (s *Set) lookForFiles(f *finding, v volume, covered func(Place) bool, here map[string]app.File, sums map[string]bool) {
	var left, gone, empty, changed []string
	rotates := rotating(v.files, here)
	for _, name := range slices.Sorted(maps.Keys(v.files)) {
		was, full := v.files[name], v.name+"/"+name
		is, there := here[name]
		switch {
		case ignored(s.ignore, full):
		case !covered(Place{Volume: v.name, Path: name}):
			left = append(left, full)
		case there && (is.Size > 0 || was.Size == 0):
			if is.Size != was.Size || is.Sum != was.Sum {
				changed = append(changed, full)
			}
		case was.Size == 0 || was.Sum != "" && sums[was.Sum]: // nothing is lost
		case passing(name), rotates(name):
			changed = append(changed, full)
		case there:
			empty = append(empty, name)
		default:
			gone = append(gone, name)
		}
	}
	if len(left) > 0 {
		f.note("Not backed up: %s", some(left))
	}
	if len(changed) > 0 {
		f.note("Files that the app itself changed or removed: %s", some(changed))
	}
	for _, kind := range []struct {
		names     []string
		one, more string
	}{
		{gone, "the file %s is gone (%d bytes)", "%d more files of the volume %s are gone"},
		{empty, "the file %s is empty, and held %d bytes", "%d more files of the volume %s are empty"},
	} {
		for i, name := range kind.names {
			if i == namedFiles {
				f.lose(asGlob(v.name)+"/**", kind.more, len(kind.names)-i, v.name)
				break
			}
			full := v.name + "/" + name
			f.lose(asGlob(full), kind.one, full, v.files[name].Size)
		}
	}
}

// lookForMark looks for the marks in a folder. An app that tidies away what it does not
// know leaves what is its own as it was.
func (s *Set) lookForMark(f *finding, v volume, dir string, covered func(Place) bool, here map[string]app.File, kept bool) {
	name := path.Join(dir, plainName)
	where := path.Join(v.name, dir)
	_, there := here[name]
	_, hidden := here[path.Join(dir, FileName)]
	if !covered(Place{Volume: v.name, Path: name}) || ignored(s.ignore, v.name+"/"+name) || there && hidden {
		return
	}
	beside := 0
	for other, was := range v.files {
		if dir != "" && !strings.HasPrefix(other, dir+"/") {
			continue
		}
		is, still := here[other]
		if beside++; !still || is.Sum != was.Sum || !is.Modified.Equal(was.Modified) {
			beside, kept = 0, false
			break
		}
	}
	if beside > 0 || kept {
		f.note("the app removed files that it does not know from %s", where)
		return
	}
	if dir == "" {
		f.lose(asGlob(where)+"/"+plainName, "the volume %s no longer holds the file with an ordinary name that was put into it", v.name)
		return
	}
	f.lose(asGlob(where)+"/**", "the folder %s no longer holds the files that were put into it", where)
}

// some names a few of many.
func some(names []string) string {
	if len(names) <= namedFiles {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:namedFiles], ", "), len(names)-namedFiles)
}
