package swarm

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

const sqlite = "sqlite"

// Databases implements app.Databases: files of SQLite in the volumes, the databases of
// servers that run, and files outside of the volumes, which are found while the app runs.
func (a *App) Databases(ctx context.Context) ([]app.Database, error) {
	volumes, err := a.Volumes(ctx)
	if err != nil {
		return nil, errors.New("cannot look for databases: nothing is deployed")
	}
	found, err := a.DatabaseFiles(ctx, volumes)
	if err != nil {
		return nil, err
	}
	served, err := a.served(ctx)
	if err != nil {
		return nil, err
	}
	found = append(found, served...)
	strays, err := a.Strays(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range strays {
		if s.Database && !strings.HasSuffix(s.Path, "/") {
			found = append(found, app.Database{Engine: sqlite, Name: s.Path, Path: s.Path, Fleeting: s.Fleeting})
		}
	}
	return found, nil
}

// SQL implements app.Databases: in a server by its own client, in its own container; in
// a file as the owner of the file, who sees nothing but the volume.
func (a *App) SQL(ctx context.Context, db app.Database, statements ...string) ([]app.Rows, error) {
	fail := func(err error) ([]app.Rows, error) { return nil, fmt.Errorf("cannot ask %s: %w", db.Name, err) }
	if db.Service != "" {
		rows, err := a.ask(ctx, db, statements)
		if err != nil {
			return fail(err)
		}
		return rows, nil
	}
	if db.Engine != sqlite {
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

// locate opens the folder that a file lies in, and says where in it.
func (a *App) locate(ctx context.Context, db app.Database) (dir *os.File, file string, err error) {
	if db.Volume != "" {
		volumes, err := a.Volumes(ctx)
		if err != nil {
			return nil, "", err
		}
		for _, v := range volumes {
			file, ok := within(v.Path, db.Path)
			if v.Name != db.Volume || !ok {
				continue
			}
			dir, err := a.folderOf(ctx, v.Name)
			return dir, file, err
		}
		return nil, "", errors.New("it does not lie in its volume")
	}
	list, err := a.containers(ctx)
	if err != nil {
		return nil, "", err
	}
	for _, c := range list {
		inspected, err := a.inspect(ctx, c.id)
		if err != nil || inspected.State == nil || inspected.State.Pid == 0 {
			continue
		}
		dir, err := os.Open(fmt.Sprintf("/proc/%d/root", inspected.State.Pid))
		if err != nil {
			continue
		}
		// The process may have become another's while its folder was opened.
		again, err := a.inspect(ctx, c.id)
		file := strings.TrimPrefix(path.Clean(db.Path), "/")
		if err == nil && again.State != nil && again.State.Pid == inspected.State.Pid && again.State.Running {
			if _, _, err := inside.OwnerIn(dir, file); err == nil {
				return dir, file, nil
			}
		}
		dir.Close()
	}
	return nil, "", errors.New("it is not there any more")
}
