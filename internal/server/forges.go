package server

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/admission"
	"seatrial/bridge/forge/adapter"
	"seatrial/bridge/forges"
	"seatrial/harness"
	"seatrial/internal/pause"
	"seatrial/secrets"
)

// bridgeForges are the forges as the bridge takes them.
func (sv *Server) bridgeForges() []bridge.Forge {
	var all []bridge.Forge
	for _, f := range sv.forges {
		all = append(all, bridge.Forge{ID: f.ID, Org: f.Org, Client: f.Client, OneByOne: f.Kind == forges.GitHub, Permissions: admission.Permissions(f.Permissions)})
	}
	return all
}

// Orgs names the organisations that are served.
func (sv *Server) Orgs() string {
	var names []string
	for _, f := range sv.forges {
		names = append(names, f.Org)
	}
	return strings.Join(names, ", ")
}

// secrets are all that must not be shown.
func (sv *Server) secrets() []*secrets.Holder {
	var all []*secrets.Holder
	for _, f := range sv.forges {
		all = append(all, f.secrets...)
	}
	return all
}

// takeNewSecrets takes those that were replaced into use.
func (sv *Server) takeNewSecrets() {
	for _, held := range sv.secrets() {
		held.Look(sv.Log)
	}
	if sv.cluster != nil {
		sv.cluster.LookAtToken(sv.Log)
	}
}

// mask hides secrets, as they are now, in a text.
func (sv *Server) mask(text string) string {
	var values []string
	for _, held := range sv.secrets() {
		values = append(values, held.Get().Reveal())
	}
	return harness.NewMask(values).String(text)
}

// accessPause is between two looks at what the bot may do, until it may.
const accessPause = time.Minute

// accessChecker says what an account may not do.
type accessChecker interface {
	CheckAccess(ctx context.Context, org string) error
}

// checkAccess says what the bot may not do, once, and when it may. A forge that does
// not answer is none of its business: it is asked again until it does.
func checkAccess(ctx context.Context, f Connected, log *slog.Logger) error {
	log = log.With("forge", f.ID, "org", f.Org)
	said := ""
	for {
		err := f.Client.CheckAccess(ctx, f.Org)
		if err == nil {
			if said != "" {
				log.Info("the bot's account is ready")
			}
			return nil
		}
		if missing, ok := errors.AsType[*adapter.AccessError](err); ok && missing.Error() != said {
			said = missing.Error()
			log.Error("the bot's account is not ready", "err", err)
		}
		if pause.For(ctx, accessPause, nil) != nil {
			return nil
		}
	}
}
