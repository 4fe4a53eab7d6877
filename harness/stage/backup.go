package stage

import (
	"context"
	"fmt"
	"time"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/harness/vault"
)

// backup is a set of snapshots that passed the quality gate.
type backup struct {
	volumes []saved
	exclude exclusion
}

// saved is one volume's snapshot and what is known about it.
type saved struct {
	volume   string
	snapshot vault.Snapshot
	manifest manifest
}

// covers says whether the backup claims to hold the file.
func (b *backup) covers(volume, path string) bool { return !b.exclude.match(volume, path) }

// askBackup asks: can it be backed up? Nothing is restored here; the quality gate
// finds the backups of which it is already certain that they are none.
func (x *exam) askBackup(ctx context.Context) error {
	x.backup = nil
	b := &backup{exclude: x.Enrolment.Backup.Exclude}
	copied := x.hook(ctx, "backup.pre_hook", x.Enrolment.Backup.PreHook)
	if copied == nil {
		copied = x.freeze(ctx, b)
	}
	// The post hook undoes what the pre hook did, also where the copy failed.
	undone := x.hook(ctx, "backup.post_hook", x.Enrolment.Backup.PostHook)
	if err := both(copied, undone); err != nil {
		return err
	}
	x.say("examining the backup")
	if err := x.gate(ctx, b); err != nil {
		return err
	}
	x.backup = b
	return nil
}

// freeze copies every volume into the vault while the app is held still.
func (x *exam) freeze(ctx context.Context, b *backup) (err error) {
	volumes, err := x.App.Volumes(ctx)
	if err != nil {
		return fmt.Errorf("cannot list the volumes: %w", err)
	}
	x.say("freezing the app")
	thaw, err := x.App.Freeze(ctx)
	defer func() {
		if thaw == nil {
			return // nothing was frozen
		}
		if thawed := thaw(); thawed != nil {
			x.fell(run.StageBackup)
			err = both(err, ours("cannot thaw the app", thawed))
		}
	}()
	if err != nil {
		return fmt.Errorf("cannot freeze the app: %w", err)
	}
	failpoint.Hit("harness:" + string(run.StageBackup))
	for _, v := range volumes {
		x.say("copying %s", v.Name)
		began := time.Now()
		s, err := x.save(ctx, v.Name, b.exclude)
		if err != nil {
			return err
		}
		x.Log.Debug("copied a volume", "run", x.Run, "volume", v.Name, "bytes", s.snapshot.Size, "took", time.Since(began))
		b.volumes = append(b.volumes, s)
	}
	return nil
}
