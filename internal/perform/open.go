package perform

import (
	"context"
	"errors"
	"log/slog"

	"seatrial/bridge/dispatch"
	"seatrial/harness/app/swarm"
	"seatrial/harness/gateway"
	"seatrial/harness/vault"
	"seatrial/harness/vault/archive"
	"seatrial/harness/vault/restic"
	"seatrial/internal/exit"
)

// VaultRestic is the vault that is a program of its own; any other name is the archive.
const VaultRestic = "restic"

// openVault returns a vault over a folder.
func openVault(kind, folder string) vault.Vault {
	if kind == VaultRestic {
		return restic.New(folder)
	}
	return archive.New(folder)
}

// Certificate is that of the apps' domain; nil where plain HTTP is spoken.
func Certificate(s dispatch.Settings, log *slog.Logger) (*gateway.Certificate, error) {
	if s.TLSCert == "" {
		return nil, nil
	}
	cert, err := gateway.LoadCertificate(s.TLSCert, s.TLSKey, s.Domain, log)
	return cert, exit.With(exit.Configuration, err)
}

// Engine is the Docker Engine that was named; nil for none. It must answer, and be in a
// swarm.
func Engine(ctx context.Context, s dispatch.Settings) (*swarm.Engine, error) {
	if s.Docker == "" {
		return nil, nil
	}
	e, err := swarm.Connect(s.Docker, s.RegistryAuth)
	if err != nil {
		return nil, exit.With(exit.Configuration, err)
	}
	if err := e.Check(ctx); err != nil {
		return nil, errors.Join(exit.With(exit.Unavailable, err), e.Close())
	}
	return e, nil
}
