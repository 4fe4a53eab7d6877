package process

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"seatrial/harness/app"
	"seatrial/harness/app/loaded"
)

func (d *deployed) takeManifest(dir string) error {
	m, err := loaded.ReadManifest(dir)
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
	now, err := loaded.ReadManifest(a.path(d.dir))
	if err != nil {
		return nil, fmt.Errorf("cannot look for stray files: %w", err)
	}
	var strays []app.Stray
	for name, mark := range now {
		if d.manifest[name] != mark {
			strays = append(strays, app.Stray{Path: filepath.Join(a.see(d.dir), name), Size: mark.Size})
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
