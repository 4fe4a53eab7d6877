package nomad

import (
	"context"
	"errors"
	"fmt"
	"os"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

// Databases implements app.Databases. Outside of the volumes, they are found while the
// app runs; see Strays.
func (a *App) Databases(ctx context.Context) ([]app.Database, error) {
	d, _ := a.state()
	if d == nil {
		return nil, errors.New("cannot look for databases: nothing is deployed")
	}
	volumes, err := a.Volumes(ctx)
	if err != nil {
		return nil, err
	}
	found, err := a.DatabaseFiles(ctx, volumes)
	if err != nil {
		return nil, err
	}
	strays, err := a.Strays(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range strays {
		if s.Database {
			found = append(found, app.Database{Engine: "sqlite", Name: s.Path, Path: s.Path, Fleeting: s.Fleeting})
		}
	}
	return found, nil
}

// SQL implements app.Databases. It runs as the owner of the database's file, who sees
// nothing but the volume, or the task's own files, from there.
func (a *App) SQL(ctx context.Context, db app.Database, statements ...string) ([]app.Rows, error) {
	fail := func(err error) ([]app.Rows, error) { return nil, fmt.Errorf("cannot ask %s: %w", db.Name, err) }
	if db.Engine != "sqlite" {
		return fail(fmt.Errorf("databases of the kind %q are not known here", db.Engine))
	}
	dir, file, err := a.locate(ctx, db)
	if err != nil {
		return fail(err)
	}
	defer dir.Close()
	rows, err := inside.Ask(ctx, dir, file, statements)
	if err != nil {
		return fail(err)
	}
	return rows, nil
}

// locate opens the folder that a database lies in, and says where in it.
func (a *App) locate(ctx context.Context, db app.Database) (dir *os.File, file string, err error) {
	d, up := a.state()
	if d == nil {
		return nil, "", errors.New("nothing is deployed")
	}
	if db.Volume != "" {
		file, ok := below(d.mounts[db.Volume], db.Path)
		if !ok {
			return nil, "", errors.New("it does not lie in its volume")
		}
		dir, err = a.openVolume(ctx, db.Volume)
		return dir, file, err
	}
	if up == nil {
		return nil, "", app.ErrNotRunning
	}
	views, err := a.views(ctx, up)
	if err != nil {
		return nil, "", err
	}
	for _, v := range views {
		file, ok := below(v.seen, db.Path)
		if !ok {
			continue
		}
		dir, err := v.open()
		if err != nil {
			continue
		}
		if _, _, err := inside.OwnerIn(dir, file); err == nil {
			return dir, file, nil
		}
		dir.Close()
	}
	return nil, "", errors.New("it is not there any more")
}
