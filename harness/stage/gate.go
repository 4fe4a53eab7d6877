package stage

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"seatrial/harness/canary"
	"seatrial/harness/run"
	"seatrial/harness/sparse"
)

// Bounds of what the gate reads: a recipe decides how large its files are.
const (
	largestDatabase = 2 << 30
	largestUnzipped = 8 << 30
	largestWindow   = 128 << 20
)

// gate finds backups that are surely none. It looks at what the vault gives back,
// not at what was put in.
func (x *exam) gate(ctx context.Context, b *backup) error {
	return both(both(both(x.gateEmpty(b), x.gateDeclared(b)), x.gateVerify(b)), x.gateContent(ctx, b))
}

// gateEmpty refuses a backup of nothing, and dumps and databases without a byte, where a
// hook wrote them: files of people may have any name.
func (x *exam) gateEmpty(b *backup) error {
	var empty []string
	kept, all := 0, 0
	for _, s := range b.volumes {
		kept, all = kept+len(s.manifest.files), all+s.manifest.all
		if len(s.manifest.files) == 0 && s.manifest.all > 0 && s.scope.whole {
			if b.exclude.whole(s.volume) {
				x.warn("Not backed up: the volume " + s.volume)
			} else {
				empty = append(empty, fmt.Sprintf("%s: none of its %d files", s.volume, s.manifest.all))
			}
		}
		for _, f := range s.manifest.files {
			if f.hooked && f.size == 0 && holdsData(f.path) {
				empty = append(empty, path.Join(s.volume, f.path)+": 0 bytes")
			}
		}
	}
	switch {
	case kept == 0 && all > 0 && b.declared == nil:
		return &run.Fault{
			Summary:  fmt.Sprintf("the backup is empty: it holds none of the app's %d files", all),
			Evidence: empty, Hint: "backup.exclude in the enrolment leaves everything out",
		}
	case len(empty) > 0:
		return &run.Fault{Summary: "the backup is empty where there should be data: " + empty[0], Evidence: empty}
	}
	return nil
}

// holdsData says whether a file of this name is of no use without a byte in it.
func holdsData(name string) bool {
	name = strings.ToLower(name)
	for _, compressed := range []string{".gz", ".zst", ".xz", ".bz2"} {
		if rest, ok := strings.CutSuffix(name, compressed); ok {
			if path.Ext(rest) == "" || holdsData(rest) {
				return true
			}
		}
	}
	switch path.Ext(name) {
	case ".db", ".sqlite", ".sqlite3", ".bak", ".tar", ".tgz":
		return true
	}
	return isDump(name)
}

// isDump says whether a file of this name is what a program wrote of a database.
func isDump(name string) bool {
	switch path.Ext(strings.ToLower(name)) {
	case ".sql", ".dump", ".pgdump":
		return true
	}
	return false
}

// gateVerify wants a file that is not empty for each glob of the enrolment.
func (x *exam) gateVerify(b *backup) error {
	var missing []string
	for _, glob := range x.Enrolment.Backup.Verify {
		matched, filled := 0, false
		for _, s := range b.volumes {
			for _, f := range s.manifest.files {
				if ok, _ := doublestar.Match(glob, path.Join(s.volume, f.path)); ok {
					matched++
					filled = filled || f.size > 0
				}
			}
		}
		switch {
		case matched == 0:
			missing = append(missing, fmt.Sprintf("%s: no such file in the backup", glob))
		case !filled:
			missing = append(missing, fmt.Sprintf("%s: 0 bytes", glob))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &run.Fault{Summary: "the backup lacks what backup.verify names: " + missing[0], Evidence: missing}
}

// gateContent reads every snapshot to its end, unpacks what is compressed and asks
// every database in it for its integrity.
func (x *exam) gateContent(ctx context.Context, b *backup) error {
	var all error
	for _, s := range b.volumes {
		err := within(ctx, copyLimit, "examining the backup of "+s.volume, func(ctx context.Context) error {
			return x.examine(ctx, s)
		})
		all = both(all, err)
	}
	return all
}

func (x *exam) examine(ctx context.Context, s saved) (err error) {
	scratch, err := os.MkdirTemp(x.Scratch, "backup-")
	if err != nil {
		return fmt.Errorf("cannot examine the backup: %w", err)
	}
	defer func() {
		if gone := os.RemoveAll(scratch); gone != nil {
			err = both(err, fmt.Errorf("cannot clean up: %w", gone))
		}
	}()
	stream, err := x.Vault.Open(ctx, s.snapshot)
	if err != nil {
		return fmt.Errorf("cannot open the snapshot of %s: %w", s.volume, err)
	}
	defer stream.Close()
	found, err := x.unpack(s, tar.NewReader(stream), scratch)
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, stream); err != nil {
		return fmt.Errorf("cannot read the snapshot of %s: %w", s.volume, err)
	}
	for i, d := range s.manifest.databases() {
		found = both(found, x.integrity(ctx, path.Join(s.volume, d.path), filepath.Join(scratch, fmt.Sprint(i))))
	}
	return found
}

// unpack tests compressed files and writes databases, each with its journals, into
// scratch folders of their own. The names in the archive name no file of ours.
func (x *exam) unpack(s saved, in *tar.Reader, scratch string) (found, err error) {
	databases := s.manifest.databases()
	for {
		header, err := in.Next()
		if err == io.EOF {
			return found, nil
		}
		if err != nil {
			return found, fmt.Errorf("cannot read the snapshot of %s: %w", s.volume, err)
		}
		if header.Typeflag != tar.TypeReg {
			continue
		}
		name := inside(header.Name)
		body, err := sparse.Reader(header, in)
		if err != nil {
			return found, fmt.Errorf("cannot read %s in the snapshot of %s: %w", name, s.volume, err)
		}
		switch size := sparse.Size(header); {
		case path.Base(name) == canary.FileName, isDatabase(databases, name), isJournal(databases, name):
		case size != header.Size && size > largestUnzipped:
			x.warn(fmt.Sprintf("%s is larger than %d GiB with its holes and was not read", path.Join(s.volume, name), largestUnzipped>>30))
		default:
			if !s.manifest.wrote(name) {
				break // as it was in the volume, so whole
			}
			err := x.content(path.Join(s.volume, name), name, body, 0)
			if err != nil && faultIn(err) == nil {
				return found, err
			}
			found = both(found, err)
		}
		for i, d := range databases {
			suffix, ok := strings.CutPrefix(name, d.path)
			if !ok || !slices.Contains([]string{"", "-wal", "-journal"}, suffix) {
				continue
			}
			if err := keep(body, filepath.Join(scratch, fmt.Sprint(i)), "db"+suffix); err != nil {
				return found, fmt.Errorf("cannot examine the backup: %w", err)
			}
		}
	}
}

func isDatabase(all []entry, name string) bool {
	return slices.ContainsFunc(all, func(e entry) bool { return e.path == name })
}

// isJournal says whether SQLite itself keeps the file beside a database.
func isJournal(all []entry, name string) bool {
	return slices.ContainsFunc(all, func(e entry) bool { return name == e.path+"-wal" || name == e.path+"-journal" })
}

// databases are those that can be asked; a larger one is told by integrity.
func (m manifest) databases() []entry {
	return slices.DeleteFunc(slices.Clone(m.files), func(e entry) bool { return e.kind != database })
}

func keep(r io.Reader, folder, name string) error {
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	file, err := os.OpenFile(filepath.Join(folder, name), os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, io.LimitReader(r, largestDatabase+1))
	return errors.Join(err, file.Close())
}

// gateDeclared wants every declared path, and for every dump something that loads it.
func (x *exam) gateDeclared(b *backup) error {
	var missing []string
	for _, s := range b.volumes {
		for _, lost := range s.manifest.lost {
			x.warn("Not backed up: " + lost)
		}
		for _, p := range s.scope.paths {
			if p.path == "" || b.exclude.match(s.volume, p.path) {
				continue
			}
			if why := s.manifest.lacks(p.path); why != "" {
				missing = append(missing, fmt.Sprintf("%s: %s: %s", declarer(p.service, p.label), path.Join(s.volume, p.path), why))
			}
		}
	}
	var found error
	if len(missing) > 0 {
		found = &run.Fault{Summary: "declared but not in the backup: " + missing[0], Evidence: missing}
	}
	return both(found, b.gateReload())
}

// lacks says what is wrong with a path, or nothing.
func (m manifest) lacks(name string) string {
	there := func(other string) bool { return under([]string{name}, other) }
	bytes := int64(0)
	files := 0
	for _, f := range m.files {
		if there(f.path) {
			files, bytes = files+1, bytes+f.size
		}
	}
	switch {
	case bytes > 0 || slices.ContainsFunc(m.linked, there):
		return ""
	case files > 0:
		return "0 bytes"
	case slices.ContainsFunc(m.others, there):
		return "no file"
	}
	return "it is not in the volume"
}

// gateReload finds dumps that nothing would load.
func (b *backup) gateReload() error {
	if b.declared == nil {
		return nil
	}
	var missing []string
	for _, db := range b.declared.servers {
		s, _ := b.declared.service(db.Service)
		if b.declared.dumps(db) && !b.holds(db.Volume, b.declared.folder(db)) && s.RestorePre == "" && s.RestorePost == "" {
			missing = append(missing, fmt.Sprintf("%s: %s is dumped before a backup, and nothing loads the dump", db.Service, db.Name))
		}
	}
	if len(missing) == 0 {
		return nil
	}
	return &run.Fault{
		Summary: "restore hook missing: " + missing[0], Evidence: missing,
		Hint: "declare a hook that loads the dump after a restore",
	}
}
