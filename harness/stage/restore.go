package stage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"seatrial/harness/app"
	"seatrial/harness/canary"
	"seatrial/harness/failpoint"
	"seatrial/harness/run"
)

// askRestore asks: does it come back from the backup, onto nothing?
func (x *exam) askRestore(ctx context.Context, step Step) error {
	if err := x.nothing(ctx, step); err != nil {
		return err
	}
	x.wentDown(run.StageRestore)
	if err := x.alive(ctx); err != nil {
		return after("before the restore", err)
	}
	if _, err := x.restoreHooks(ctx, "restore pre-hook", func(s app.BackupService) string { return s.RestorePre }); err != nil {
		return err
	}
	if err := x.stop(ctx); err != nil {
		// That it does not stop is restart's fault and told there; it is stopped now.
		if faultIn(err) == nil || ctx.Err() != nil {
			return err
		}
		x.warn("Before the restore: " + err.Error())
	}
	for _, s := range x.backup.volumes {
		if err := x.bringBack(ctx, s); err != nil {
			return err
		}
	}
	failpoint.Hit("harness:" + string(run.StageRestore))
	restore := x.Enrolment.Restore
	if err := x.hook(ctx, "restore.pre_hook", restore.PreHook); err != nil {
		return err
	}
	if err := x.start(ctx); err != nil {
		return after("after the restore", err)
	}
	// A hook that loads a dump may well remove the folder in which it lies.
	came := x.cameBack(ctx)
	loaded, err := x.restoreHooks(ctx, "restore post-hook", func(s app.BackupService) string { return s.RestorePost })
	if err != nil {
		return err
	}
	if err := x.hook(ctx, "restore.post_hook", restore.PostHook); err != nil {
		return err
	}
	if loaded || !restore.PostHook.IsZero() {
		if err := x.awaitHealthy(ctx); err != nil {
			return after("after the hooks that follow a restore", err)
		}
	}
	x.up = true
	found := both(came, x.look(ctx, x.backup.covers, x.returned))
	if found == nil {
		x.check(ctx, "after the restore")
		if err := x.watchOnce(ctx, run.StageRestore); err != nil {
			return after("after the restore", err)
		}
	}
	return after("after the restore", x.stands(ctx, run.StageRestore, found))
}

// nothing makes sure that the app that takes the data back was installed onto
// nothing: a restore that silently keeps live data proves nothing.
func (x *exam) nothing(ctx context.Context, step Step) error {
	if step.Fresh {
		x.down = run.StageRestore
		if err := x.clear(ctx); err != nil {
			return err
		}
	}
	if step.Again {
		if err := x.deploy(ctx, x.Head); err != nil {
			return after("installing once more before the restore", err)
		}
	}
	return nil
}

func (x *exam) bringBack(ctx context.Context, s saved) error {
	x.say("importing %s", s.volume)
	return within(ctx, copyLimit, "importing the volume "+s.volume, func(ctx context.Context) error {
		stream, err := x.Vault.Open(ctx, s.snapshot)
		if err != nil {
			return fmt.Errorf("cannot open the snapshot of %s: %w", s.volume, err)
		}
		defer stream.Close()
		put := x.App.Import
		if !s.scope.whole {
			merger, ok := x.App.(app.Merger)
			if !ok {
				return fmt.Errorf("cannot put part of the volume %s back: nothing is known of how to do that here", s.volume)
			}
			put = merger.Merge
		}
		notKept, err := put(ctx, s.volume, stream)
		if err != nil {
			return fmt.Errorf("cannot import %s: %w", s.volume, err)
		}
		x.tellNotKept(s.volume, notKept)
		return nil
	})
}

// cameBack looks for the marks that the backup holds in the declared folders.
func (x *exam) cameBack(ctx context.Context) error {
	var gone []string
	err := within(ctx, lookLimit, "looking for what the backup holds", func(ctx context.Context) error {
		for _, s := range x.backup.volumes {
			for _, folder := range s.manifest.marked {
				content, err := x.App.Get(ctx, s.volume, path.Join(folder, canary.FileName))
				if err != nil && !errors.Is(err, fs.ErrNotExist) {
					return fmt.Errorf("cannot look into %s: %w", path.Join(s.volume, folder), err)
				}
				if string(content) != x.backup.mark {
					gone = append(gone, fmt.Sprintf("the folder %s no longer holds the file that the backup had in it", path.Join(s.volume, folder)))
				}
			}
		}
		return nil
	})
	if err != nil || len(gone) == 0 {
		return err
	}
	return &run.Fault{Summary: "data is lost: " + gone[0], Evidence: gone}
}

// returned asks what the hooks brought back although the copy left it out: a
// database that was dumped and loaded again. That it is not as before proves
// nothing, because a dump need not hold our marks; it is worth a word.
func (x *exam) returned(ctx context.Context, missing []string) []string {
	if x.backup.declared != nil {
		// Whether the volume is covered was told when it was copied.
		missing = slices.DeleteFunc(missing, func(place string) bool { return path.Base(place) == canary.FileName })
	}
	restore := x.Enrolment.Restore
	byEnrolment := !x.Enrolment.Backup.PreHook.IsZero() && !(restore.PreHook.IsZero() && restore.PostHook.IsZero())
	if !byEnrolment && !x.backup.declared.reloads() {
		return missing
	}
	return slices.DeleteFunc(missing, func(place string) bool {
		if path.Base(place) == canary.FileName {
			return false
		}
		err := within(ctx, lookLimit, "looking for "+place, func(ctx context.Context) error {
			_, err := x.planted.marks.Look(ctx, func(p canary.Place) bool { return p.String() == place })
			return err
		})
		if f := faultIn(err); f != nil && ctx.Err() == nil {
			x.warn(fmt.Sprintf("The hooks did not bring %s back as it was: %s", place, faultText(f)))
		}
		return err == nil
	})
}
