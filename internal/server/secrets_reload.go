package server

import (
	"context"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"seatrial/secrets"
)

// secretsEvery is how often the files of secrets are looked at. They are some bytes.
const secretsEvery = 5 * time.Second

// keepSecrets reads the files of secrets again when they change, or at once on SIGHUP,
// until the context ends. What cannot be used is said once, and the old value stays.
func keepSecrets(ctx context.Context, held []*secrets.Holder, log *slog.Logger) error {
	hangup := make(chan os.Signal, 1)
	signal.Notify(hangup, syscall.SIGHUP)
	defer signal.Stop(hangup)
	tick := time.NewTicker(secretsEvery)
	defer tick.Stop()
	said := map[string]string{}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangup:
		case <-tick.C:
		}
		for _, h := range held {
			changed, err := h.Reload()
			why := ""
			if err != nil {
				why = err.Error()
			}
			switch {
			case why != "" && said[h.Path()] != why:
				log.Error("a secret cannot be read again; the old one stays in use", "file", h.Path(), "err", err)
			case changed:
				log.Info("a secret was replaced", "file", h.Path(), "from", secrets.Redacted, "to", secrets.Redacted)
			}
			said[h.Path()] = why
		}
	}
}
