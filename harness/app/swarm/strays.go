package swarm

import (
	"archive/tar"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"
	"golang.org/x/sys/unix"

	"seatrial/harness/app"
	"seatrial/harness/app/inside"
	"seatrial/harness/tree"
	"seatrial/recipes/compose"
)

// maxStrays bounds how many files are looked at: each is a question to the engine.
const maxStrays = 200

// temporaryFolders are folders that are not an app's to keep anything in.
var temporaryFolders = []string{"/tmp", "/run", "/var/run", "/var/tmp", "/var/cache", "/var/log", "/var/lock", "/dev", "/proc", "/sys", "/root/.cache"}

// engineFiles are written by the engine itself into every container.
var engineFiles = []string{"/etc/hosts", "/etc/hostname", "/etc/resolv.conf", "/etc/mtab", "/.dockerenv"}

// Strays implements app.Strays, while the app runs: what its containers wrote into
// themselves, and volumes without a name that an image asks for. Both are gone with the
// container. So is the data of a database server that lies in none of the stack's volumes.
func (a *App) Strays(ctx context.Context) ([]app.Stray, error) {
	d, stopped := a.state()
	if d == nil {
		return nil, errors.New("cannot look for stray files: nothing is deployed")
	}
	if stopped {
		return nil, nil
	}
	list, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	found := map[string]app.Stray{}
	for _, c := range list {
		inspected, err := a.inspect(ctx, c.id)
		if notFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot look for stray files: %w", err)
		}
		if err := a.changed(ctx, inspected, a.laid(c.service), found); err != nil {
			return nil, fmt.Errorf("cannot look for stray files: %w", err)
		}
		if err := a.nameless(ctx, d, inspected, found); err != nil {
			return nil, fmt.Errorf("cannot look for stray files: %w", err)
		}
	}
	served, err := a.servers(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range served {
		if s.Volume == "" {
			found[s.Data] = app.Stray{Path: strings.TrimSuffix(s.Data, "/") + "/", Database: true}
		}
	}
	return slices.SortedFunc(maps.Values(found), func(x, y app.Stray) int { return strings.Compare(x.Path, y.Path) }), nil
}

// laid are where the swarm lays configs and secrets into a service's containers. One that
// the newest release does not know, or has given another place, may be an older one's still.
func (a *App) laid(name string) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	var all []string
	for _, d := range a.history {
		s, _ := service(d.recipe, name)
		for _, c := range s.Configs {
			all = append(all, path.Join("/", cmp.Or(c.Target, c.Source)))
		}
		for _, c := range s.Secrets {
			if path.IsAbs(c.Target) {
				all = append(all, path.Clean(c.Target))
			}
		}
	}
	return all
}

// changed adds the files that a container wrote into itself.
func (a *App) changed(ctx context.Context, c container.InspectResponse, laid []string, found map[string]app.Stray) error {
	answer, err := a.cfg.Engine.ContainerDiff(ctx, c.ID, client.ContainerDiffOptions{})
	if notFound(err) {
		return nil
	}
	if err != nil {
		return err
	}
	n := 0
	for _, change := range answer.Changes {
		if change.Kind == container.ChangeDelete || passing(c, change.Path) || slices.Contains(laid, path.Clean(change.Path)) {
			continue
		}
		stat, err := a.cfg.Engine.ContainerStatPath(ctx, c.ID, client.ContainerStatPathOptions{Path: change.Path})
		if err != nil || !stat.Stat.Mode.IsRegular() {
			continue // it was there for a moment only, or is a folder on the way
		}
		if n++; n > maxStrays {
			break
		}
		found[change.Path] = app.Stray{Path: change.Path, Size: stat.Stat.Size, Database: a.isSQLite(ctx, c.ID, change.Path)}
	}
	return nil
}

// passing says whether a path is none of the app's, or not to last.
func passing(c container.InspectResponse, name string) bool {
	below := func(dir string) bool { return name == dir || strings.HasPrefix(name, strings.TrimSuffix(dir, "/")+"/") }
	if slices.Contains(engineFiles, name) || slices.ContainsFunc(temporaryFolders, below) {
		return true
	}
	if slices.ContainsFunc(c.Mounts, func(m container.MountPoint) bool { return below(m.Destination) }) {
		return true
	}
	switch path.Ext(name) {
	case ".pid", ".lock", ".sock":
		return true
	}
	// A shell's history is a person's.
	return strings.HasSuffix(path.Base(name), "_history")
}

// isSQLite reads how a file of a container begins.
func (a *App) isSQLite(ctx context.Context, id, name string) bool {
	answer, err := a.cfg.Engine.CopyFromContainer(ctx, id, client.CopyFromContainerOptions{SourcePath: name})
	if err != nil {
		return false
	}
	defer answer.Content.Close()
	files := tar.NewReader(answer.Content)
	if _, err := files.Next(); err != nil {
		return false
	}
	head := make([]byte, len(inside.SQLiteMagic))
	_, err = io.ReadFull(files, head)
	return err == nil && string(head) == inside.SQLiteMagic
}

// nameless adds volumes that have no name in the recipe: an image asks for one, and the
// recipe gives none, so it is a new and empty one after every upgrade.
func (a *App) nameless(ctx context.Context, d *deployed, c container.InspectResponse, found map[string]app.Stray) error {
	for _, m := range c.Mounts {
		if m.Type != "volume" || slices.ContainsFunc(d.recipe.Volumes, func(v compose.Volume) bool { return v.Full == m.Name }) {
			continue
		}
		dir, err := a.cfg.Engine.openVolume(ctx, m.Name)
		if err != nil {
			continue // it went with its container
		}
		size, database := weigh(dir)
		if size > 0 {
			// With a slash: it is a folder, and no database that could be asked.
			found[m.Destination] = app.Stray{Path: strings.TrimSuffix(m.Destination, "/") + "/", Size: size, Database: database}
		}
		dir.Close()
	}
	return nil
}

// weigh is what lies in a volume, and whether a database does.
func weigh(dir *os.File) (size int64, database bool) {
	_ = tree.Walk(dir, func(e tree.Entry, err error) error {
		if err == nil && e.Kind() == unix.S_IFREG {
			size += e.Stat.Size
			// What the servers' own data folders are told by.
			database = database || path.Base(e.Path) == "PG_VERSION" || path.Base(e.Path) == "ibdata1" || inside.IsSQLite(e)
		}
		return nil
	})
	return size, database
}
