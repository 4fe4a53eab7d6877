package process

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/tree"
)

// mark is what shows that a file was written to.
type mark struct {
	size         int64
	mtime, ctime unix.Timespec
	inode        uint64
}

// manifest is every file of a folder with its mark, by path.
type manifest map[string]mark

// maxManifest bounds what an app that writes without end can make us remember.
const maxManifest = 500_000

// readManifest looks at every file below dir and follows nothing.
func readManifest(dir string) (manifest, error) {
	top, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	defer top.Close()
	m := manifest{}
	err = tree.Walk(top, func(e tree.Entry, err error) error {
		if err != nil || e.Kind() == unix.S_IFDIR {
			return nil // what cannot be read cannot be told; the app may also have removed it
		}
		if len(m) == maxManifest {
			return fs.SkipAll
		}
		m[e.Path] = mark{size: e.Stat.Size, mtime: e.Stat.Mtim, ctime: e.Stat.Ctim, inode: e.Stat.Ino}
		return nil
	})
	return m, err
}

func (d *deployed) takeManifest(dir string) error {
	m, err := readManifest(dir)
	if err != nil {
		return fmt.Errorf("cannot list the release's files: %w", err)
	}
	d.manifest = m
	return nil
}

// Strays implements app.Strays. What the build and the release command wrote
// belongs to the release; what was written since does not.
func (a *App) Strays(ctx context.Context) ([]app.Stray, error) {
	d := a.deployed()
	if d == nil {
		return nil, errors.New("cannot look for stray files: nothing is deployed")
	}
	now, err := readManifest(a.path(d.dir))
	if err != nil {
		return nil, fmt.Errorf("cannot look for stray files: %w", err)
	}
	var strays []app.Stray
	for name, mark := range now {
		if d.manifest[name] != mark {
			strays = append(strays, app.Stray{Path: filepath.Join(a.see(d.dir), name), Size: mark.size})
		}
	}
	if len(strays) == 0 {
		return nil, nil
	}
	return a.markDatabases(ctx, strays)
}

func (a *App) markDatabases(ctx context.Context, strays []app.Stray) ([]app.Stray, error) {
	found, err := a.Databases(ctx)
	if err != nil {
		return nil, err
	}
	databases := map[string]bool{}
	for _, db := range found {
		if db.Volume == "" {
			databases[db.Path] = true
		}
	}
	for i := range strays {
		strays[i].Database = databases[strays[i].Path]
	}
	sortStrays(strays)
	return strays, nil
}
