package process

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
)

// toolbox is a supervisor that runs nothing but our own tools. It shows them the
// app's files; the app's processes do not see them.
func (a *App) toolbox(ctx context.Context) (*supervisor, error) {
	a.mu.Lock()
	s, d := a.tools, a.current
	a.mu.Unlock()
	if d == nil {
		return nil, errors.New("nothing is deployed")
	}
	if s != nil {
		select {
		case <-s.lost:
		default:
			return s, nil
		}
	}
	g, err := a.group(groupBuild) // what the app uses up must not stop us
	if err != nil {
		return nil, err
	}
	if s, err = a.startSupervisor(ctx, view{release: "releases", volumes: true, home: "build-home"}, g); err != nil {
		return nil, err
	}
	a.mu.Lock()
	other := a.tools
	if other == nil || other == s {
		a.tools = s
		other = nil
	} else {
		select {
		case <-other.lost:
			a.tools, other = s, nil
		default:
		}
	}
	use := a.tools
	a.mu.Unlock()
	if other != nil {
		s.close() // somebody else was faster
	}
	return use, nil
}

func (a *App) closeTools() {
	a.mu.Lock()
	s, w := a.tools, a.idle
	a.tools, a.idle = nil, nil
	a.mu.Unlock()
	w.close()
	if s != nil {
		s.close()
	}
}

func (a *App) workerSpawn() spawn {
	program := "/proc/self/exe"
	dir := a.dir
	if a.cfg.Isolate {
		program, dir = insideBinary, "/"
	}
	env := append(a.markers("tool"), innerEnv+"="+innerWorker, collectSeldom, "TMPDIR="+insideTmp)
	return spawn{Args: []string{program}, Env: env, Dir: dir, UID: a.uid()}
}

func (a *App) Volumes(context.Context) ([]app.Volume, error) {
	var volumes []app.Volume
	for _, name := range a.cfg.Enrolment.Volumes {
		volumes = append(volumes, app.Volume{Name: name, Path: a.see("volumes/" + name)})
	}
	return volumes, nil
}

// inVolume runs a tool on one volume.
func (a *App) inVolume(ctx context.Context, what, volume string, in io.Reader, out io.Writer, verb string, args ...string) ([]string, error) {
	if !slices.Contains(a.cfg.Enrolment.Volumes, volume) {
		return nil, fmt.Errorf("cannot %s the volume %q: the app has none of this name", what, volume)
	}
	notKept, err := a.runTool(ctx, in, out, append([]string{verb, a.see("volumes/" + volume)}, args...)...)
	if err != nil {
		return nil, fmt.Errorf("cannot %s the volume %s: %w", what, volume, err)
	}
	return notKept, nil
}

func (a *App) Export(ctx context.Context, volume string, w io.Writer) ([]string, error) {
	return a.inVolume(ctx, "export", volume, nil, w, "tar-out")
}

// Import implements app.Storage. A stream that cannot be used to its end leaves the
// volume as it was. The run's folder, in which volumes lie, is closed to others.
func (a *App) Import(ctx context.Context, volume string, r io.Reader) ([]string, error) {
	return a.inVolume(ctx, "import", volume, r, io.Discard, "tar-in")
}

func (a *App) Files(ctx context.Context, volume string) (app.Files, error) {
	var answer bytes.Buffer
	if _, err := a.inVolume(ctx, "list the files of", volume, nil, &answer, "files"); err != nil {
		return app.Files{}, err
	}
	return inside.ReadFiles(answer.Bytes())
}

func (a *App) Put(ctx context.Context, volume, path string, content []byte) error {
	_, err := a.inVolume(ctx, "write to", volume, bytes.NewReader(content), io.Discard, "put", path)
	return err
}

func (a *App) Get(ctx context.Context, volume, path string) ([]byte, error) {
	var content bytes.Buffer
	_, err := a.inVolume(ctx, "read from", volume, nil, &content, "get", path)
	return content.Bytes(), err
}

// releaseDir is the folder of a release as the toolbox sees it: all of them lie
// side by side there.
func (a *App) releaseDir(d *deployed) string {
	if !a.cfg.Isolate {
		return a.path(d.dir)
	}
	return filepath.Join(insideApp, filepath.Base(d.dir))
}

func (a *App) Databases(ctx context.Context) ([]app.Database, error) {
	d := a.deployed()
	if d == nil {
		return nil, errors.New("cannot look for databases: nothing is deployed")
	}
	dirs := []string{a.releaseDir(d)}
	for _, name := range a.cfg.Enrolment.Volumes {
		dirs = append(dirs, a.see("volumes/"+name))
	}
	var answer bytes.Buffer
	if _, err := a.runTool(ctx, nil, &answer, append([]string{"databases"}, dirs...)...); err != nil {
		return nil, fmt.Errorf("cannot look for databases: %w", err)
	}
	var found map[string][]string
	if err := json.Unmarshal(answer.Bytes(), &found); err != nil {
		return nil, fmt.Errorf("cannot look for databases: %w", err)
	}
	var list []app.Database
	for i, name := range a.cfg.Enrolment.Volumes {
		for _, file := range found[dirs[i+1]] {
			list = append(list, app.Database{Engine: "sqlite", Name: name + "/" + file, Volume: name, Path: filepath.Join(dirs[i+1], file)})
		}
	}
	for _, file := range found[dirs[0]] {
		seen := filepath.Join(a.see(d.dir), file)
		list = append(list, app.Database{Engine: "sqlite", Name: seen, Path: seen})
	}
	fleeting, err := a.fleeting()
	if err != nil {
		return nil, fmt.Errorf("cannot look for databases: %w", err)
	}
	return append(list, fleeting...), nil
}

func (a *App) SQL(ctx context.Context, db app.Database, statements ...string) ([]app.Rows, error) {
	if db.Engine != "sqlite" {
		return nil, fmt.Errorf("cannot reach %s: databases of the kind %q are not known here", db.Name, db.Engine)
	}
	d := a.deployed()
	if d == nil {
		return nil, fmt.Errorf("cannot reach %s: nothing is deployed", db.Name)
	}
	if db.Fleeting && a.cfg.Isolate {
		rows, err := a.askFleeting(ctx, db, statements)
		if err != nil {
			return nil, fmt.Errorf("cannot ask %s: %w", db.Name, err)
		}
		return rows, nil
	}
	file := db.Path
	if db.Volume == "" && !db.Fleeting {
		rest, err := filepath.Rel(a.see(d.dir), file)
		if err != nil || !filepath.IsLocal(rest) {
			return nil, fmt.Errorf("cannot reach %s: it does not lie in the app", db.Name)
		}
		file = filepath.Join(a.releaseDir(d), rest)
	}
	question, err := json.Marshal(inside.Question{File: file, Statements: statements})
	if err != nil {
		return nil, err
	}
	var answer bytes.Buffer
	if _, err := a.runTool(ctx, bytes.NewReader(question), &answer, "sql"); err != nil {
		return nil, fmt.Errorf("cannot ask %s: %w", db.Name, err)
	}
	var rows []app.Rows
	if err := json.Unmarshal(answer.Bytes(), &rows); err != nil {
		return nil, fmt.Errorf("cannot read the answer of %s: %w", db.Name, err)
	}
	return rows, nil
}
