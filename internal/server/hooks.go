package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forges"
	"seatrial/bridge/hook"
	"seatrial/bridge/ledger"
	"seatrial/dashboard/page"
	"seatrial/internal/exit"
	"seatrial/internal/state"
	"seatrial/secrets"
)

// nudged is whom a webhook reaches. The bridge is.
type nudged interface {
	Enrolled(repo forge.Repo) bool
	Hooked(ctx context.Context, e hook.Event)
}

// newHooks makes the receiver of the forges' webhooks. Forges without a secret are left
// out. Where that leaves none, there is no receiver: nil.
func (sv *Server) newHooks(all []hook.Forge, to nudged) (*hook.Receiver, error) {
	ready := slices.DeleteFunc(slices.Clone(all), func(f hook.Forge) bool { return f.Secrets == nil })
	if len(ready) == 0 {
		return nil, nil
	}
	receiver, err := hook.New(hook.Config{
		Forges: ready, Enrolled: to.Enrolled, Deliver: to.Hooked, Unenrolled: sv.journal.SeeUnenrolled, TrustedProxies: sv.TrustedProxies, Now: time.Now, Log: sv.Log,
	})
	return receiver, exit.With(exit.Configuration, err)
}

// hookForges are the forges as they send webhooks; without Secrets where there are none.
func (sv *Server) hookForges() (all []hook.Forge, err error) {
	for _, id := range sv.HookSHA1 {
		if !slices.ContainsFunc(sv.Forges, func(f forges.Forge) bool { return f.ID == id }) {
			return nil, exit.Errorf(exit.Usage, "--hook-sha1 %q: there is no such forge", id)
		}
	}
	for _, f := range sv.Forges {
		get, err := HookSecrets(sv.State, f, sv.Log.With("forge", f.ID))
		if errors.Is(err, fs.ErrNotExist) && len(f.Webhook.SecretFiles) == 0 {
			sv.Log.Info("no webhooks are received from a forge, which is polled instead: seatrial webhook secret makes the secret that they need", "forge", f.ID)
			err = nil
		}
		if err != nil && len(f.Webhook.SecretFiles) == 0 {
			err = fmt.Errorf("%w (put a copy in its place, or remove it, and seatrial webhook secret makes another)", err)
		}
		if err != nil {
			return nil, exit.With(exit.Configuration, err)
		}
		all = append(all, hook.Forge{ID: f.ID, Kind: string(f.Kind), Secrets: get, AllowSHA1: f.Webhook.SHA1 || slices.Contains(sv.HookSHA1, f.ID)})
	}
	return all, nil
}

// HookSecrets opens the secrets of a forge's webhooks: those that the list of forges names,
// else those that this program keeps, one a line. get returns them as they are now.
func HookSecrets(kept state.Folder, f forges.Forge, log *slog.Logger) (get func() []secrets.Value, err error) {
	files := f.Webhook.SecretFiles
	if len(files) == 0 {
		files = []string{kept.WebhookFile(f.ID)}
	}
	var all []*secrets.Holder
	for _, path := range files {
		held, err := holdFile(path, log)
		if err != nil {
			return nil, err
		}
		all = append(all, held)
	}
	return func() (lines []secrets.Value) {
		for _, held := range all {
			held.Look(log) // a hook that is signed with a new secret may come before the next look
			for line := range strings.FieldsSeq(held.Get().Reveal()) {
				lines = append(lines, secrets.New(line))
			}
		}
		return lines
	}, nil
}

// unenrolledFor is how long the first page speaks of a repository whose hooks have ceased.
const unenrolledFor = 30 * 24 * time.Hour

// unenrolledReader tells which repositories are not enrolled.
type unenrolledReader interface {
	Unenrolled(ctx context.Context) ([]ledger.UnenrolledRepo, error)
}

// shownUnenrolled are the repositories that are still not enrolled. They are a courtesy:
// where the ledger cannot be read, the page says so elsewhere.
func shownUnenrolled(ctx context.Context, from unenrolledReader, enrolled func(forge.Repo) bool, now time.Time) (shown []page.UnenrolledRepo) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	all, err := from.Unenrolled(ctx)
	if err != nil {
		return nil
	}
	for _, s := range all {
		if now.Sub(s.Last) < unenrolledFor && !enrolled(s.Repo) {
			shown = append(shown, page.UnenrolledRepo{Forge: s.Repo.Forge, Repo: s.Repo.String(), Last: s.Last})
		}
	}
	return shown
}
