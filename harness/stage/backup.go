package stage

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"time"

	"seatrial/harness/canary"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/harness/vault"
)

// backup is a set of snapshots that passed the quality gate.
type backup struct {
	volumes  []saved
	exclude  exclusion
	declared *declaration // nil where the enrolment alone says what is covered
	mark     string       // in the declared folders
}

// saved is one volume's snapshot and what is known about it.
type saved struct {
	volume   string
	scope    scope
	snapshot vault.Snapshot
	manifest manifest
}

// covers says whether the backup claims to bring the place back.
func (b *backup) covers(p canary.Place) bool {
	if p.Database == nil || p.Database.Service == "" || b.declared == nil {
		return b.holds(p.Volume, p.Path)
	}
	return b.holds(p.Volume, b.declared.folder(*p.Database)) || b.declared.dumps(*p.Database)
}

// holds says whether the file, or the folder with all that is in it, is copied.
func (b *backup) holds(volume, name string) bool {
	s := b.declared.scope(volume)
	return !b.exclude.match(volume, name) && (s.whole || under(s.only(), name))
}

// size is how many bytes were copied.
func (b *backup) size() (sum int64) {
	for _, s := range b.volumes {
		sum += s.snapshot.Size
	}
	return sum
}

// askBackup asks: can it be backed up? Nothing is restored here; the quality gate
// finds the backups of which it is already certain that they are none.
func (x *exam) askBackup(ctx context.Context) error {
	x.backup = nil
	x.plantAgain(ctx, "before the backup")
	b := &backup{exclude: x.Enrolment.Backup.Exclude, mark: rand.Text() + "\n"}
	var err error
	if b.declared, err = x.declare(ctx); err != nil {
		return err
	}
	copied := x.hook(ctx, "backup.pre_hook", x.Enrolment.Backup.PreHook)
	if copied == nil {
		copied = x.around(ctx, b.declared, func() error { return x.freeze(ctx, b) })
	}
	// The post hook undoes what the pre hook did, also where the copy failed.
	undone := x.hook(ctx, "backup.post_hook", x.Enrolment.Backup.PostHook)
	if err := both(copied, undone); err != nil {
		return both(x.stillUp(ctx), err)
	}
	x.say("examining the backup")
	if err := both(x.gate(ctx, b), x.stillUp(ctx)); err != nil {
		return err
	}
	x.backup, x.kept = b, b.size()
	return nil
}

// stillUp says that the app goes on as before the backup. It was held still, so it may
// take the time to come round that it may take to come up.
func (x *exam) stillUp(ctx context.Context) error {
	if ctx.Err() != nil || !x.up {
		return nil // told already
	}
	err := x.awaitHealthy(ctx)
	if err == nil {
		err = x.sameLives(ctx)
	}
	if err != nil {
		x.wentDown(run.StageBackup)
	}
	return after("after the backup", err)
}

// freeze copies every volume that is covered into the vault while the app is held still.
func (x *exam) freeze(ctx context.Context, b *backup) (err error) {
	volumes, err := x.App.Volumes(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the volumes: %w", err)
	}
	if p, ok := x.Vault.(vault.Preparer); ok {
		if err := within(ctx, copyLimit, "preparing the vault", func(ctx context.Context) error { return p.Prepare(ctx, x.Run) }); err != nil {
			return err
		}
	}
	x.say("freezing the app")
	thaw, err := x.App.Freeze(ctx)
	defer func() {
		if thaw == nil {
			return // nothing was frozen
		}
		if thawed := thaw(); thawed != nil {
			x.wentDown(run.StageBackup)
			err = both(err, ours("cannot thaw the app", thawed))
		}
	}()
	if err != nil {
		return fmt.Errorf("cannot freeze the app: %w", err)
	}
	failpoint.Hit("harness:" + string(run.StageBackup))
	for _, v := range volumes {
		wanted := b.declared.scope(v.Name)
		if wanted.none() {
			x.warn("Not backed up: the volume " + v.Name)
			continue
		}
		if paths := wanted.only(); len(paths) > 0 {
			x.warn(fmt.Sprintf("Not backed up: the volume %s but for %s", v.Name, strings.Join(paths, ", ")))
		}
		x.say("copying %s", v.Name)
		began := time.Now()
		s, err := x.save(ctx, v.Name, choice{b.exclude, wanted.only(), b.mark})
		if err != nil {
			return err
		}
		s.scope = wanted
		x.Log.Debug("copied a volume", "run", x.Run, "volume", v.Name, "bytes", s.snapshot.Size, "took", time.Since(began))
		b.volumes = append(b.volumes, s)
	}
	return nil
}
