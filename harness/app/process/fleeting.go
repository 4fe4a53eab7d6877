package process

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/tree"
)

// fleetingFolders are the app's own folders that are emptied whenever it starts.
var fleetingFolders = []string{"home", "tmp"}

// maxFleeting bounds what an app that writes without end can make us look at.
const maxFleeting = 20_000

// fleeting lists the databases that lie where nothing outlives a stop.
func (a *App) fleeting() (list []app.Database, err error) {
	for _, folder := range fleetingFolders {
		top, err := os.Open(a.path(folder))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		seen := 0
		err = tree.Walk(top, func(e tree.Entry, err error) error {
			if seen++; seen > maxFleeting {
				return fs.SkipAll
			}
			if err == nil && e.Kind() == unix.S_IFREG && e.Stat.Size > 0 && inside.IsSQLite(e) {
				path := filepath.Join(a.see(folder), e.Path)
				list = append(list, app.Database{Engine: "sqlite", Name: path, Path: path, Fleeting: true})
			}
			return nil
		})
		top.Close()
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}

// askFleeting runs SQL in such a database of a sandbox. The toolbox's does not show the
// folders: they are other ones after each start.
func (a *App) askFleeting(ctx context.Context, db app.Database, statements []string) ([]app.Rows, error) {
	for _, folder := range fleetingFolders {
		file, ok := strings.CutPrefix(db.Path, a.see(folder)+"/")
		if !ok || !filepath.IsLocal(file) {
			continue
		}
		dir, err := os.Open(a.path(folder))
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		return inside.Ask(ctx, dir, file, statements)
	}
	return nil, errors.New("it does not lie in the app's own folders")
}
