package attempt

import (
	"context"
	"fmt"
	"time"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/forge"
	"seatrial/bridge/retry"
	"seatrial/harness/run"
)

// Copier copies repositories with the forge's token, so that runs need none.
type Copier interface {
	// Mirror brings a bare copy up to date in a folder: branches, tags and the given
	// references. It may be called for one folder by many at once.
	Mirror(ctx context.Context, repo forge.Repo, dir string, refs ...string) error
}

const (
	// copyLimit is for all the tries to copy a repository before one attempt.
	copyLimit = 15 * time.Minute
	copyTries = 5
)

// copyPrivate updates the copies from which a run fetches private repositories: its own, and
// those that it depends on. It does nothing for public ones.
func (rs *Runs) copyPrivate(ctx context.Context, r run.Request) error {
	e, _ := rs.Enrolment(r.Recipe)
	ctx, cancel := context.WithTimeoutCause(ctx, copyLimit, fmt.Errorf("copying took longer than %s", copyLimit))
	defer cancel()
	for _, code := range dispatch.Copied(r.Code, e, rs.Enrolment) {
		if err := rs.copyOne(ctx, code); err != nil {
			return err
		}
	}
	return nil
}

func (rs *Runs) copyOne(ctx context.Context, code run.Code) error {
	dir, err := dispatch.CopyFolder(rs.Copies, code)
	if err != nil {
		return err
	}
	client, served := rs.Copier(code.Forge)
	switch {
	case !served:
		return fmt.Errorf("the forge %q is no longer in the configuration", code.Forge)
	case client == nil:
		return fmt.Errorf("private repositories of the forge %q cannot be fetched", code.Forge)
	}
	repo, err := forge.ParseRepo(code.Forge, code.Repo)
	if err != nil {
		return err
	}
	var refs []string
	if code.Ref != "" {
		refs = append(refs, code.Ref)
	}
	return retry.Briefly(ctx, copyTries, func() error { return client.Mirror(ctx, repo, dir, refs...) })
}
