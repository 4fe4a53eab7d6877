package stage

import (
	"context"
	"fmt"
	"time"

	"seatrial/harness/app"
)

// clockTick is how far a file's time may lag behind the clock.
const clockTick = 20 * time.Millisecond

// before lists the volumes' files before the hooks of a backup run, where some do.
func (x *exam) before(ctx context.Context, b *backup) error {
	if x.Enrolment.Backup.PreHook.IsZero() && !b.declared.hooked() {
		return nil
	}
	b.were, b.hooksBegan = map[string]app.Files{}, time.Now()
	return within(ctx, lookLimit, "listing the files before the backup", func(ctx context.Context) error {
		volumes, err := x.App.Volumes(ctx)
		if err != nil {
			return fmt.Errorf("cannot list the volumes: %w", err)
		}
		for _, v := range volumes {
			if b.were[v.Name], err = x.App.Files(ctx, v.Name); err != nil {
				return fmt.Errorf("cannot list the files before the backup: %w", err)
			}
		}
		return nil
	})
}

// hooked says whether a service does something before its volumes are copied.
func (d *declaration) hooked() bool {
	if d == nil {
		return false
	}
	for _, s := range d.services {
		if s.PreHook != "" {
			return true
		}
	}
	return false
}

// tellHooked marks the files that were not there, or were others, before the hooks ran.
func (b *backup) tellHooked() {
	for _, s := range b.volumes {
		were, asked := b.were[s.volume]
		known := map[string]app.File{}
		for _, f := range were.All {
			known[f.Path] = f
		}
		for i := range s.manifest.files {
			f := &s.manifest.files[i]
			was, there := known[f.path]
			// Where not all were listed, the time tells.
			isNew := !there && (!were.Cut || f.at.After(b.hooksBegan.Add(-clockTick)))
			f.hooked = asked && (isNew || there && (was.Size != f.size || !was.Modified.Equal(f.at)))
		}
	}
}

// wrote says whether a hook wrote the file of that name.
func (m manifest) wrote(name string) bool {
	for _, f := range m.files {
		if f.path == name {
			return f.hooked
		}
	}
	return false
}
