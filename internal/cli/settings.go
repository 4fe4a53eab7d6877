package cli

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"os"
	"strings"

	"seatrial/bridge/dispatch"
	"seatrial/harness/vault/restic"
	"seatrial/internal/exit"
	"seatrial/internal/perform"
)

// settingsOptions say how runs on this machine build, keep, deploy and are reached.
type settingsOptions struct {
	frontOptions
	registryOptions
	buildOptions
	vaultOptions
	dockerOptions
}

// check refuses what cannot work, in options and on this machine.
func (o settingsOptions) check(ctx context.Context, log *slog.Logger) error {
	if err := o.buildOptions.check(); err != nil {
		return err
	}
	if err := o.vaultOptions.check(ctx); err != nil {
		return err
	}
	if err := o.registryOptions.check(log); err != nil {
		return err
	}
	return o.frontOptions.check()
}

func (o settingsOptions) settings(domain string) dispatch.Settings {
	return dispatch.Settings{
		Domain: domain, Share: o.Share, BuildEnv: o.BuildEnv, Vault: o.Vault, Docker: o.Docker, RegistryAuth: o.RegistryAuth,
		TLSCert: o.TLSCert, TLSKey: o.TLSKey, Traefik: o.Traefik,
	}
}

// buildOptions say what builds and apps may see of this machine.
type buildOptions struct {
	Share    []string `help:"Folder of this machine that isolated builds and apps may read, under the same path. May be given several times." type:"path" placeholder:"DIR" sep:"none"`
	BuildEnv []string `help:"Variable for the environment of builds; apps do not get it. May be given several times." placeholder:"KEY=VALUE" sep:"none"`
}

// check refuses what no build could use.
func (o buildOptions) check() error {
	for _, dir := range o.Share {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return exit.Errorf(exit.Configuration, "--share %s is not a directory: name one that is there", dir)
		}
	}
	for _, entry := range o.BuildEnv {
		if name, _, ok := strings.Cut(entry, "="); !ok || name == "" {
			return exit.Errorf(exit.Usage, "--build-env %q is not a variable: write it KEY=VALUE", entry)
		}
	}
	return nil
}

// vaultOptions say where backups are kept while a run lives.
type vaultOptions struct {
	Vault string `help:"What keeps a run's backup until it is restored: archive, which is built in, or restic, the program of that name." enum:"archive,restic" default:"archive"`
}

// check refuses what this machine does not have.
func (o vaultOptions) check(ctx context.Context) error {
	if o.Vault != perform.VaultRestic {
		return nil
	}
	return exit.With(exit.Configuration, restic.Check(ctx))
}

// dockerOptions are the options of commands that deploy on a Docker Engine.
type dockerOptions struct {
	Docker string `help:"The Docker Engine of this machine, in swarm mode, for recipes of the target swarm, such as unix:///var/run/docker.sock. Requires root." placeholder:"HOST"`
}

// registryOptions say how images are fetched.
type registryOptions struct {
	RegistryAuth string `help:"File with the credentials for image registries, as docker login writes it: a config.json. Only its owner should be able to read it (0600). It is read whenever images are fetched." type:"path" placeholder:"FILE"`
}

// check refuses a file that nobody could use, and says where it is read by too many.
func (o registryOptions) check(log *slog.Logger) error {
	if o.RegistryAuth == "" {
		return nil
	}
	text, err := os.ReadFile(o.RegistryAuth)
	if err != nil {
		return exit.Errorf(exit.Configuration, "cannot read --registry-auth: %w", err)
	}
	var config struct {
		Auths map[string]json.RawMessage `json:"auths"`
	}
	// What the file holds is secret: no error may quote it.
	if json.Unmarshal(text, &config) != nil || len(config.Auths) == 0 {
		return exit.Errorf(exit.Configuration, "cannot use --registry-auth %s: it holds no credentials as docker login writes them, {\"auths\": ...}", o.RegistryAuth)
	}
	if info, err := os.Stat(o.RegistryAuth); err == nil && info.Mode().Perm()&0o077 != 0 {
		log.Warn("others can read the credentials for registries: chmod 600", "file", o.RegistryAuth)
	}
	return nil
}

// frontOptions say how apps are reached.
type frontOptions struct {
	TLSCert string `name:"tls-cert" help:"File with the certificate of the apps' domain, for *.DOMAIN, and its chain. Apps are then served over https. It is read again when it changes. Requires --tls-key." type:"path" placeholder:"FILE"`
	TLSKey  string `name:"tls-key" help:"File with the certificate's key." type:"path" placeholder:"FILE"`
	Traefik string `help:"Host and port of a Traefik that watches the swarm of this machine: recipes with the target swarm are reached through it instead of through a gateway of the run's own." placeholder:"ADDRESS"`
}

// check refuses what does not belong together.
func (o frontOptions) check() error {
	if (o.TLSCert == "") != (o.TLSKey == "") {
		return exit.With(exit.Usage, errors.New("--tls-cert and --tls-key belong together: give both, or none"))
	}
	if o.Traefik != "" {
		if _, _, err := net.SplitHostPort(o.Traefik); err != nil {
			return exit.Errorf(exit.Usage, "--traefik %q is not an address: write it like 127.0.0.1:443", o.Traefik)
		}
	}
	return nil
}
