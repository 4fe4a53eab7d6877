package cli

import (
	"context"

	"seatrial/harness/vault"
	"seatrial/harness/vault/archive"
	"seatrial/harness/vault/restic"
)

// The kinds of vaults.
const vaultRestic = "restic"

// vaultOptions say where backups are kept while a run lives.
type vaultOptions struct {
	Vault string `help:"What keeps a run's backup until it is restored: archive, which is this program itself, or restic, which is the program of that name." enum:"archive,restic" default:"archive"`
}

// check refuses what this machine does not have.
func (o vaultOptions) check(ctx context.Context) error {
	if o.Vault != vaultRestic {
		return nil
	}
	return exitWith(exitConfiguration, restic.Check(ctx))
}

// args are the options as another process of this program is given them.
func (o vaultOptions) args() []string {
	if o.Vault != vaultRestic {
		return nil
	}
	return []string{"--vault", o.Vault}
}

// open returns a vault over a folder.
func (o vaultOptions) open(folder string) vault.Vault {
	if o.Vault == vaultRestic {
		return restic.New(folder)
	}
	return archive.New(folder)
}
