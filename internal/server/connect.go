package server

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"

	"github.com/golang-jwt/jwt/v4"

	"seatrial/bridge"
	"seatrial/bridge/doctor"
	"seatrial/bridge/forge/gitea"
	"seatrial/bridge/forge/github"
	"seatrial/bridge/forges"
	"seatrial/internal/exit"
	"seatrial/secrets"
)

// Client is what an adapter can do.
type Client interface {
	bridge.Client
	accessChecker
	doctor.Client
}

// Connected is a forge with its adapter.
type Connected struct {
	forges.Forge
	Client  Client
	secrets []*secrets.Holder // what must not be shown, and may be replaced
}

// Connect makes the adapters. It asks no forge anything. The scratch folder is theirs alone.
func Connect(list []forges.Forge, scratch string, log *slog.Logger) ([]Connected, error) {
	all := make([]Connected, len(list))
	for i, f := range list {
		all[i].Forge = f
		if err := all[i].open(filepath.Join(scratch, f.ID), log); err != nil {
			return nil, exit.With(exit.Configuration, err)
		}
	}
	return all, nil
}

// open makes the adapter of one forge.
func (c *Connected) open(scratch string, log *slog.Logger) (err error) {
	var token func() string
	if len(c.Apps) == 0 {
		if token, err = c.token(log); err != nil {
			return err
		}
	}
	if c.Kind != forges.GitHub {
		c.Client, err = gitea.New(gitea.Config{ID: c.ID, URL: c.URL, Token: token, Scratch: scratch, Log: log})
		return err
	}
	apps, err := c.apps(log)
	if err != nil {
		return err
	}
	c.Client, err = github.New(github.Config{ID: c.ID, URL: c.URL, Token: token, Apps: apps, Log: log})
	return err
}

// apps are the GitHub Apps of a forge, with their keys as they are now.
func (c *Connected) apps(log *slog.Logger) (apps []github.App, err error) {
	for _, a := range c.Apps {
		held, err := holdFile(a.KeyFile, log)
		if err == nil {
			err = held.Require(isPrivateKey(a.KeyFile))
		}
		if err != nil {
			return nil, err
		}
		c.secrets = append(c.secrets, held)
		apps = append(apps, github.App{ID: a.ID, Key: func() []byte { return []byte(held.Get().Reveal()) }})
	}
	return apps, nil
}

// isPrivateKey refuses what is not a private key of a GitHub App, which are RSA keys in PEM.
func isPrivateKey(from string) func(secrets.Value) error {
	return func(v secrets.Value) error {
		if _, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(v.Reveal())); err != nil {
			return fmt.Errorf("cannot use the key in %s: it is not a private key of a GitHub App (PEM, begins with -----BEGIN RSA PRIVATE KEY-----)", from)
		}
		return nil
	}
}

// token is the token of a forge as it is now.
func (c *Connected) token(log *slog.Logger) (func() string, error) {
	held, from := secrets.Hold(c.Token), "--gitea-token"
	if c.TokenFile != "" {
		var err error
		if held, err = holdFile(c.TokenFile, log); err != nil {
			return nil, err
		}
		from = c.TokenFile
	}
	if err := held.Require(isToken(from)); err != nil {
		return nil, err
	}
	c.secrets = append(c.secrets, held)
	return func() string { return held.Get().Reveal() }, nil
}

// isToken refuses what no forge would take, and no header can carry.
func isToken(from string) func(secrets.Value) error {
	return func(v secrets.Value) error {
		if strings.ContainsFunc(v.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }) {
			return fmt.Errorf("cannot use the token in %s: a token is one word of letters and digits, and there is more: copy it again", from)
		}
		return nil
	}
}

func holdFile(path string, log *slog.Logger) (*secrets.Holder, error) {
	held, warning, err := secrets.HoldFile(path)
	if err == nil && warning != "" {
		log.Warn(warning)
	}
	return held, err
}
