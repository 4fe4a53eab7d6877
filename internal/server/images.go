package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"

	"seatrial/bridge/dispatch"
	"seatrial/harness/app"
	"seatrial/harness/app/swarm"
	"seatrial/harness/run"
	"seatrial/internal/perform"
	"seatrial/recipes"
	"seatrial/recipes/compose"
)

// images brings what a run needs from registries while the run waits, so that the
// network holds no slot.
type images struct {
	engine  *swarm.Engine
	mirrors string // of repositories
	copies  string // of private repositories, which the bridge makes
	work    string // a folder for temporary ones
	domain  string
	log     *slog.Logger
}

// Prepare implements attempt.Preparer. The run itself says what an image that cannot be
// pulled means.
func (i images) Prepare(ctx context.Context, r run.Request, e recipes.Enrolment) error {
	if e.Target != recipes.TargetSwarm || i.engine == nil {
		return nil
	}
	dir, err := os.MkdirTemp(i.work, "images-")
	if err != nil {
		return fmt.Errorf("cannot look which images run %s needs: %w", r.ID, err)
	}
	defer os.RemoveAll(dir)
	folder, err := dispatch.CopyFolder(i.copies, r.Code)
	if err != nil {
		return fmt.Errorf("cannot look which images run %s needs: %w", r.ID, err)
	}
	fetched, err := perform.NewSource(i.mirrors, e, folder, i.work).Fetch(ctx, r.Code, r.From, dir)
	if err != nil {
		return fmt.Errorf("cannot look which images run %s needs: %w", r.ID, err)
	}
	releases := []app.Release{fetched.Head}
	if fetched.Previous != nil {
		releases = append(releases, *fetched.Previous)
	}
	label := r.ID.Label(r.Recipe)
	var all error
	for _, release := range releases {
		recipe, err := compose.Read(ctx, release.Dir, swarm.ReadOptions(label, label+"."+i.domain, e.Env))
		if err != nil {
			all = errors.Join(all, swarm.Blame(release.Name, err))
			continue
		}
		all = errors.Join(all, i.engine.Pull(ctx, recipe, func(format string, args ...any) {
			i.log.Info(fmt.Sprintf(format, args...), "run", r.ID)
		}))
	}
	return all
}
