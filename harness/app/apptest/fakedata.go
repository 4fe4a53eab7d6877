package apptest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

func (f *Fake) Volumes(context.Context) ([]app.Volume, error) {
	var volumes []app.Volume
	for _, name := range f.names {
		volumes = append(volumes, app.Volume{Name: name, Path: f.VolumeDir(name)})
	}
	return volumes, nil
}

// volume checks that a volume may be used and returns its folder.
func (f *Fake) volume(ctx context.Context, method, name string) (string, error) {
	if err := f.begin(ctx, method, name); err != nil {
		return "", err
	}
	if !slices.Contains(f.names, name) {
		return "", f.scold("%s: there is no volume %q", method, name)
	}
	if release, _ := f.state(); release == nil {
		return "", f.scold("%s: %v", method, errNothing)
	}
	return f.VolumeDir(name), nil
}

func (f *Fake) Export(ctx context.Context, volume string, w io.Writer) ([]string, error) {
	dir, err := f.volume(ctx, "Export", volume)
	if err != nil {
		return nil, err
	}
	return inside.Export(dir, w)
}

func (f *Fake) Import(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	dir, err := f.volume(ctx, "Import", volume)
	if err != nil {
		return nil, err
	}
	return inside.Import(dir, false, r)
}

func (f *Fake) Merge(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	dir, err := f.volume(ctx, "Merge", volume)
	if err != nil {
		return nil, err
	}
	return inside.Merge(dir, false, r)
}

func (f *Fake) Files(ctx context.Context, volume string) (app.Files, error) {
	dir, err := f.volume(ctx, "Files", volume)
	if err != nil {
		return app.Files{}, err
	}
	return inside.Files(dir)
}

func (f *Fake) Put(ctx context.Context, volume, path string, content []byte) error {
	dir, err := f.volume(ctx, "Put", volume)
	if err != nil {
		return err
	}
	return inside.Put(dir, path, bytes.NewReader(content))
}

func (f *Fake) Get(ctx context.Context, volume, path string) ([]byte, error) {
	dir, err := f.volume(ctx, "Get", volume)
	if err != nil {
		return nil, err
	}
	var content bytes.Buffer
	err = inside.Get(dir, path, &content)
	return content.Bytes(), err
}

// Exec implements app.Execer: with the shell of this machine, in the release's
// folder, with DATA_DIR set.
func (f *Fake) Exec(ctx context.Context, c app.Command) (app.Result, error) {
	if err := f.beginDeployed(ctx, "Exec", c.Shell+fmt.Sprint(c.Args)); err != nil {
		return app.Result{}, err
	}
	if f.OnExec != nil {
		return f.OnExec(ctx, c)
	}
	args := c.Args
	if c.Shell != "" {
		args = []string{"/bin/sh", "-c", c.Shell}
	}
	if len(args) == 0 {
		return app.Result{}, f.scold("Exec: the command is empty")
	}
	path := f.ReleaseDir() + ":" + os.Getenv("PATH")
	// env finds the program in the PATH that it is given.
	cmd := exec.CommandContext(ctx, "/usr/bin/env", append([]string{"-i", "PATH=" + path, "DATA_DIR=" + f.VolumeDir(f.names[0])}, args...)...)
	cmd.Dir, cmd.Stdin = f.ReleaseDir(), c.Stdin
	output, err := cmd.CombinedOutput()
	if _, ok := errors.AsType[*exec.ExitError](err); err != nil && !ok {
		return app.Result{}, err
	}
	if ctx.Err() != nil {
		return app.Result{}, ctx.Err()
	}
	const most = 64 << 10
	return app.Result{ExitCode: cmd.ProcessState.ExitCode(), Output: string(output[max(0, len(output)-most):])}, nil
}

func (f *Fake) Databases(ctx context.Context) ([]app.Database, error) {
	if err := f.beginDeployed(ctx, "Databases", ""); err != nil {
		return nil, err
	}
	var list []app.Database
	for _, name := range f.names {
		files, err := inside.Databases(f.VolumeDir(name))
		if err != nil {
			return nil, err
		}
		for _, file := range files {
			list = append(list, app.Database{Engine: "sqlite", Name: name + "/" + file, Volume: name, Path: filepath.Join(f.VolumeDir(name), file)})
		}
	}
	files, err := inside.Databases(f.ReleaseDir())
	if err != nil {
		return nil, err
	}
	for _, file := range files {
		path := filepath.Join(f.ReleaseDir(), file)
		list = append(list, app.Database{Engine: "sqlite", Name: path, Path: path})
	}
	return list, nil
}

func (f *Fake) SQL(ctx context.Context, db app.Database, statements ...string) ([]app.Rows, error) {
	if err := f.begin(ctx, "SQL", db.Name); err != nil {
		return nil, err
	}
	answers, err := inside.SQL(ctx, db.Path, statements)
	if err != nil {
		return nil, err
	}
	rows := make([]app.Rows, len(answers))
	for i, answer := range answers {
		rows[i] = answer
	}
	return rows, nil
}

// Freeze implements app.Freezer: a frozen app does not answer.
func (f *Fake) Freeze(ctx context.Context) (func() error, error) {
	if err := f.begin(ctx, "Freeze", ""); err != nil {
		return nil, err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.frozen {
		return nil, f.scold("the app is frozen already")
	}
	if !f.running {
		return func() error { return nil }, nil
	}
	thawed := make(chan struct{})
	f.frozen, f.thawed = true, thawed
	return func() error {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.frozen && f.thawed == thawed {
			f.frozen = false
			close(thawed)
		}
		return nil
	}, nil
}

func readManifest(dir string) (map[string]time.Time, error) {
	manifest := map[string]time.Time{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		manifest[path] = info.ModTime()
		return nil
	})
	return manifest, err
}

func (f *Fake) Strays(ctx context.Context) ([]app.Stray, error) {
	if err := f.beginDeployed(ctx, "Strays", ""); err != nil {
		return nil, err
	}
	now, err := readManifest(f.ReleaseDir())
	if err != nil {
		return nil, err
	}
	databases, err := inside.Databases(f.ReleaseDir())
	if err != nil {
		return nil, err
	}
	var strays []app.Stray
	for path, at := range now {
		before, known := f.manifest[path]
		if known && before.Equal(at) {
			continue
		}
		info, err := os.Lstat(path)
		if err != nil {
			return nil, err
		}
		name, err := filepath.Rel(f.ReleaseDir(), path)
		if err != nil {
			return nil, err
		}
		strays = append(strays, app.Stray{Path: path, Size: info.Size(), Database: slices.Contains(databases, name)})
	}
	slices.SortFunc(strays, func(a, b app.Stray) int { return bytes.Compare([]byte(a.Path), []byte(b.Path)) })
	return strays, nil
}
