package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/netip"
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
	"seatrial/secrets"
)

// hookOptions say how webhooks are received.
type hookOptions struct {
	TrustProxy []string `help:"Address or network of a proxy in front of this server, such as 10.0.0.0/8: what it says in X-Forwarded-For counts when webhooks are limited by address." placeholder:"ADDRESS"`
	HookSHA1   []string `name:"hook-sha1" help:"Id of a forge whose webhooks may be signed with SHA-1 only, as old ones are." placeholder:"ID"`
}

// nudged is whom a webhook reaches. The bridge is.
type nudged interface {
	Enrolled(repo forge.Repo) bool
	Hooked(ctx context.Context, e hook.Event)
}

// newHooks makes the receiver of the forges' webhooks. Forges without a secret are left
// out. Where that leaves none, there is no receiver: nil.
func newHooks(o hookOptions, all []hook.Forge, to nudged, unenrolled ledger.Unenrolled, log *slog.Logger) (*hook.Receiver, error) {
	proxies, err := o.proxies()
	if err != nil {
		return nil, err
	}
	ready := slices.DeleteFunc(slices.Clone(all), func(f hook.Forge) bool { return f.Secrets == nil })
	if len(ready) == 0 {
		return nil, nil
	}
	receiver, err := hook.New(hook.Config{
		Forges: ready, Enrolled: to.Enrolled, Deliver: to.Hooked, Strangers: unenrolled, TrustedProxies: proxies, Now: time.Now, Log: log,
	})
	return receiver, exitWith(exitConfiguration, err)
}

// hookForges are the forges as they send webhooks; without Secrets where there are none.
func hookForges(g Globals, o hookOptions, list []forges.Forge, log *slog.Logger) (all []hook.Forge, err error) {
	for _, id := range o.HookSHA1 {
		if !slices.ContainsFunc(list, func(f forges.Forge) bool { return f.ID == id }) {
			return nil, exitWith(exitUsage, fmt.Errorf("--hook-sha1 %q: there is no such forge", id))
		}
	}
	for _, f := range list {
		get, err := g.hookSecrets(f, log.With("forge", f.ID))
		if errors.Is(err, fs.ErrNotExist) && len(f.Webhook.SecretFiles) == 0 {
			log.Info("no webhooks are received from a forge, which is asked again and again instead: seatrial webhook secret makes the secret that they need", "forge", f.ID)
			err = nil
		}
		if err != nil {
			return nil, exitWith(exitConfiguration, err)
		}
		all = append(all, hook.Forge{ID: f.ID, Kind: string(f.Kind), Secrets: get, AllowSHA1: f.Webhook.SHA1 || slices.Contains(o.HookSHA1, f.ID)})
	}
	return all, nil
}

// hookSecrets opens the secrets of a forge's webhooks: those that the list of forges names,
// else those that this program keeps. get returns them as they are now.
func (g Globals) hookSecrets(f forges.Forge, log *slog.Logger) (get func() []secrets.Value, err error) {
	files := f.Webhook.SecretFiles
	if len(files) == 0 {
		kept, err := g.webhookFile(f.ID)
		if err != nil {
			return nil, err
		}
		files = []string{kept}
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

func (o hookOptions) proxies() (all []netip.Prefix, err error) {
	for _, text := range o.TrustProxy {
		network, err := netip.ParsePrefix(text)
		if err != nil {
			var addr netip.Addr
			if addr, err = netip.ParseAddr(text); err == nil {
				network = netip.PrefixFrom(addr, addr.BitLen())
			}
		}
		if err != nil {
			return nil, exitWith(exitUsage, fmt.Errorf("--trust-proxy %q is neither an address nor a network: write it like 10.0.0.7 or 10.0.0.0/8", text))
		}
		all = append(all, network)
	}
	return all, nil
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
