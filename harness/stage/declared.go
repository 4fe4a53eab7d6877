package stage

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"seatrial/harness/app"
	"seatrial/harness/run"
)

// declaration is what the recipe itself says about its backup, and what it is about.
type declaration struct {
	services []app.BackupService
	servers  []app.Database    // served by a service; a file among the volumes is none
	mounts   map[string]string // by volume: where the app sees it
}

// scope is what of a volume is copied: nothing, all of it, or what lies at its paths.
type scope struct {
	whole bool
	paths []declaredPath
}

// declaredPath is a path within a volume, and who declares it.
type declaredPath struct{ service, label, path string }

func (s scope) none() bool { return !s.whole && len(s.paths) == 0 }

// only are the paths; none where the volume is copied whole.
func (s scope) only() []string {
	if s.whole {
		return nil
	}
	var paths []string
	for _, p := range s.paths {
		paths = append(paths, p.path)
	}
	return paths
}

// scope is what all services together want of a volume. Without a declaration, that
// is all of it.
func (d *declaration) scope(volume string) scope {
	if d == nil {
		return scope{whole: true}
	}
	var s scope
	for _, service := range d.services {
		for _, v := range service.Volumes {
			if v.Volume != volume {
				continue
			}
			if len(v.Paths) == 0 {
				s.whole = true
			}
			for _, name := range v.Paths {
				name = inside(name)
				s.whole = s.whole || name == ""
				s.paths = append(s.paths, declaredPath{service.Service, v.Label, name})
			}
		}
	}
	return s
}

// under says whether a path is one of those, or lies in one.
func under(paths []string, name string) bool {
	return slices.ContainsFunc(paths, func(p string) bool { return name == p || strings.HasPrefix(name, p+"/") })
}

// folder is where a server's data lies within its volume.
func (d *declaration) folder(db app.Database) string {
	rest, ok := strings.CutPrefix(path.Clean(db.Path), path.Clean(d.mounts[db.Volume]))
	if !ok {
		return ""
	}
	return inside(rest)
}

// service is what a service declares.
func (d *declaration) service(name string) (app.BackupService, bool) {
	i := slices.IndexFunc(d.services, func(s app.BackupService) bool { return s.Service == name })
	if i < 0 {
		return app.BackupService{}, false
	}
	return d.services[i], true
}

// dumps says whether a database's service writes a dump that is copied: it does
// something before the copy, and then something of it is copied.
func (d *declaration) dumps(db app.Database) bool {
	s, ok := d.service(db.Service)
	return ok && s.PreHook != "" && len(s.Volumes) > 0
}

// reloads says whether something is done before the copy and something after it is back.
func (d *declaration) reloads() bool {
	return d != nil && slices.ContainsFunc(d.services, func(s app.BackupService) bool {
		return s.PreHook != "" && (s.RestorePre != "" || s.RestorePost != "")
	})
}

// declare reads the declaration, where the recipe is one that declares its backup.
func (x *exam) declare(ctx context.Context) (d *declaration, err error) {
	declarer, ok := x.App.(app.Declarer)
	if !ok {
		return nil, nil
	}
	x.say("reading what the recipe declares about its backup")
	err = within(ctx, askLimit, "reading what the recipe declares about its backup", func(ctx context.Context) error {
		declared, err := declarer.Declared(ctx)
		if err != nil {
			return err
		}
		volumes, err := x.App.Volumes(ctx)
		if err != nil {
			return fmt.Errorf("cannot list the volumes: %w", err)
		}
		databases, err := x.App.Databases(ctx)
		if err != nil {
			return fmt.Errorf("cannot list the databases: %w", err)
		}
		d = &declaration{services: declared.Services, mounts: map[string]string{}}
		for _, db := range databases {
			if db.Service != "" {
				d.servers = append(d.servers, db)
			}
		}
		for _, v := range volumes {
			d.mounts[v.Name] = v.Path
		}
		return d.sound(volumes)
	})
	return d, err
}

// sound finds declarations of nothing, and of what is not there.
func (d *declaration) sound(volumes []app.Volume) error {
	var names, missing []string
	nothing := true
	for _, v := range volumes {
		names = append(names, v.Name)
		nothing = nothing && d.scope(v.Name).none()
	}
	for _, s := range d.services {
		for _, v := range s.Volumes {
			if _, ok := d.mounts[v.Volume]; !ok {
				missing = append(missing, declarer(s.Service, v.Label)+": there is no volume "+v.Volume)
			}
		}
	}
	switch {
	case len(missing) > 0:
		return &run.Fault{Summary: "declared but not in the backup: " + missing[0], Evidence: missing}
	case nothing && len(volumes) > 0 && len(d.services) == 0:
		return &run.Fault{
			Summary:  "nothing is backed up: the recipe declares no backup",
			Evidence: []string{"volumes of the app: " + strings.Join(names, ", ")},
			Hint:     "declare a backup in the recipe, or say with expect_na in the enrolment why there is none",
		}
	case nothing && len(volumes) > 0:
		return &run.Fault{
			Summary:  "nothing is backed up: the recipe declares a backup without any volume",
			Evidence: []string{"volumes of the app: " + strings.Join(names, ", ")},
		}
	}
	return nil
}

// declarer names who declares something, for people.
func declarer(service, label string) string {
	switch {
	case label != "" && service != "":
		return label + " of " + service
	case label != "":
		return label
	case service != "":
		return "the service " + service
	}
	return "the recipe"
}

// around does a copy between the declared hooks, each in its running service. What a
// hook did before is undone also where the copy, or the next hook, failed.
func (x *exam) around(ctx context.Context, d *declaration, deed func() error) error {
	if d == nil {
		return deed()
	}
	var done error
	var begun []app.BackupService
	for _, s := range d.services {
		begun = append(begun, s)
		if done = x.serviceHook(ctx, "backup pre-hook", s.Service, s.PreHook); done != nil {
			break
		}
	}
	if done == nil {
		done = deed()
	}
	for _, s := range begun {
		done = both(done, x.serviceHook(ctx, "backup post-hook", s.Service, s.PostHook))
	}
	return done
}

// restoreHooks runs one of the declared hooks of each service, and says whether there
// were any.
func (x *exam) restoreHooks(ctx context.Context, what string, line func(app.BackupService) string) (ran bool, err error) {
	if x.backup.declared == nil {
		return false, nil
	}
	for _, s := range x.backup.declared.services {
		if line(s) == "" {
			continue
		}
		ran = true
		if err := x.serviceHook(ctx, what, s.Service, line(s)); err != nil {
			return ran, err
		}
	}
	return ran, nil
}

func (x *exam) serviceHook(ctx context.Context, what, service, line string) error {
	if line == "" {
		return nil
	}
	name := "the " + what
	if service != "" {
		name += " of " + service
	}
	return x.command(ctx, name, line, app.Command{Service: service, Shell: line})
}
