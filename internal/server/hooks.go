package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"slices"
	"strings"
	"sync"
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
		Forges: ready, Enrolled: to.Enrolled, Deliver: to.Hooked, Strangers: sv.journal, TrustedProxies: sv.TrustedProxies, Now: time.Now, Log: sv.Log,
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
			sv.Log.Info("no webhooks are received from a forge, which is asked again and again instead: seatrial webhook secret makes the secret that they need", "forge", f.ID)
			err = nil
		}
		if err != nil {
			return nil, exit.With(exit.Configuration, err)
		}
		all = append(all, hook.Forge{ID: f.ID, Kind: string(f.Kind), Secrets: get, AllowSHA1: f.Webhook.SHA1 || slices.Contains(sv.HookSHA1, f.ID)})
	}
	return all, nil
}

// HookSecrets opens the secrets of a forge's webhooks: those that the list of forges names,
// else those that this program keeps. get returns them as they are now.
func HookSecrets(kept state.Folder, f forges.Forge, log *slog.Logger) (get func() []secrets.Value, err error) {
	files := f.Webhook.SecretFiles
	if len(files) == 0 {
		files = []string{kept.WebhookFile(f.ID)}
	}
	var held []*heldSecrets
	for _, path := range files {
		h, err := holdSecrets(path, log)
		if err != nil {
			return nil, err
		}
		held = append(held, h)
	}
	return func() (all []secrets.Value) {
		for _, h := range held {
			all = append(all, h.get()...)
		}
		return all
	}, nil
}

// heldSecrets are the secrets in a file, one a line, which is read again when it changes.
type heldSecrets struct {
	path string
	held *secrets.Holder
	log  *slog.Logger

	mu   sync.Mutex
	seen os.FileInfo
}

func holdSecrets(path string, log *slog.Logger) (*heldSecrets, error) {
	seen, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the webhooks' secret: %w", err)
	}
	held, warning, err := secrets.HoldFile(path)
	if err != nil {
		return nil, err
	}
	if warning != "" {
		log.Warn(warning)
	}
	return &heldSecrets{path: path, held: held, log: log, seen: seen}, nil
}

// get is each secret as the file has it now. If it cannot be read, the old ones count.
func (h *heldSecrets) get() (all []secrets.Value) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now, err := os.Stat(h.path)
	if err == nil && (!os.SameFile(now, h.seen) || !now.ModTime().Equal(h.seen.ModTime()) || now.Size() != h.seen.Size()) {
		h.seen = now
		changed, err := h.held.Reload()
		switch {
		case err != nil:
			h.log.Error("cannot read the webhooks' secrets again; those before still count", "err", err)
		case changed:
			h.log.Info("the webhooks' secrets have changed")
		}
	}
	for line := range strings.FieldsSeq(h.held.Get().Reveal()) {
		all = append(all, secrets.New(line))
	}
	return all
}

// unenrolledFor is how long the first page speaks of a repository whose hooks have ceased.
const unenrolledFor = 30 * 24 * time.Hour

// unenrolledReader tells which repositories are not enrolled.
type unenrolledReader interface {
	Unenrolled(ctx context.Context) ([]ledger.UnenrolledRepo, error)
}

// shownUnenrolled are the repositories that are still not enrolled. They are a courtesy:
// where the ledger cannot be read, the page says so elsewhere.
func shownUnenrolled(ctx context.Context, from unenrolledReader, enrolled func(forge.Repo) bool, now time.Time) (shown []page.Stranger) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	all, err := from.Unenrolled(ctx)
	if err != nil {
		return nil
	}
	for _, s := range all {
		if now.Sub(s.Last) < unenrolledFor && !enrolled(s.Repo) {
			shown = append(shown, page.Stranger{Forge: s.Repo.Forge, Repo: s.Repo.String(), Last: s.Last})
		}
	}
	return shown
}
