package cli

import (
	"errors"
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
	"seatrial/secrets"
)

// forgeOptions say which forges there are, and as whom: one Gitea, or a file.
type forgeOptions struct {
	Forges         string `help:"File that lists the forges: any kind, and several. Instead of --gitea-url, --gitea-token-file and --org." type:"path" placeholder:"FILE"`
	GiteaURL       string `help:"Address of the one forge, such as https://git.example.org: a Gitea or Forgejo." placeholder:"URL"`
	GiteaToken     string `help:"The bot's access token. Whoever lists processes sees it here: better --gitea-token-file." placeholder:"TOKEN"`
	GiteaTokenFile string `help:"File that holds the bot's access token and nothing else." type:"path" placeholder:"FILE"`
	Org            string `help:"The organisation on the forge whose members may ask for runs." placeholder:"NAME"`
}

// defaultForgeID is the id of the forge that the options name.
const defaultForgeID = "gitea"

// list is the forges as the operator wrote them.
func (o forgeOptions) list() ([]forges.Forge, error) {
	if o.Forges != "" {
		if o.GiteaURL != "" || o.GiteaToken != "" || o.GiteaTokenFile != "" || o.Org != "" {
			return nil, exitWith(exitUsage, errors.New("--forges names all forges: leave out --gitea-url, --gitea-token, --gitea-token-file and --org"))
		}
		list, err := forges.Load(o.Forges)
		return list, exitWith(exitConfiguration, err)
	}
	if o.GiteaURL == "" || o.Org == "" {
		return nil, exitWith(exitUsage, errors.New("no forge: give --gitea-url, --gitea-token-file and --org, or a list of forges with --forges"))
	}
	if why := forges.CheckURL(o.GiteaURL); why != "" {
		return nil, exitWith(exitUsage, fmt.Errorf("--gitea-url %s", why))
	}
	if o.GiteaTokenFile == "" && o.GiteaToken == "" {
		return nil, exitWith(exitConfiguration, errors.New("no token for the forge: write it into a file and name that with --gitea-token-file"))
	}
	return []forges.Forge{{ID: defaultForgeID, Kind: forges.Gitea, URL: strings.TrimRight(o.GiteaURL, "/"), Org: o.Org, TokenFile: o.GiteaTokenFile}}, nil
}

// forgeClient is what serve and doctor ask of an adapter besides the bridge.
type forgeClient interface {
	bridge.Client
	accessChecker
	doctor.Client
}

// connected is a forge with its adapter.
type connected struct {
	forges.Forge
	client  forgeClient
	secrets []*secrets.Holder // what must not be shown, and may be replaced
}

// connect makes the adapters. It asks no forge anything. The scratch folder is theirs alone.
func (o forgeOptions) connect(scratch string, log *slog.Logger) ([]connected, error) {
	list, err := o.list()
	if err != nil {
		return nil, err
	}
	all := make([]connected, len(list))
	for i, f := range list {
		all[i].Forge = f
		if err := o.open(&all[i], filepath.Join(scratch, f.ID), log); err != nil {
			return nil, exitWith(exitConfiguration, err)
		}
	}
	return all, nil
}

// open makes the adapter of one forge.
func (o forgeOptions) open(c *connected, scratch string, log *slog.Logger) (err error) {
	var token func() string
	if len(c.Apps) == 0 {
		if token, err = o.token(c, log); err != nil {
			return err
		}
	}
	if c.Kind != forges.GitHub {
		c.client, err = gitea.New(gitea.Config{ID: c.ID, URL: c.URL, Token: token, Scratch: scratch, Log: log})
		return err
	}
	apps, err := c.apps(log)
	if err != nil {
		return err
	}
	c.client, err = github.New(github.Config{ID: c.ID, URL: c.URL, Token: token, Apps: apps, Scratch: scratch, Log: log})
	return err
}

// apps are the GitHub Apps of a forge, with their keys as they are now.
func (c *connected) apps(log *slog.Logger) (apps []github.App, err error) {
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

// isPrivateKey refuses what is no private key of a GitHub App, which are RSA keys in PEM.
func isPrivateKey(from string) func(secrets.Value) error {
	return func(v secrets.Value) error {
		if _, err := jwt.ParseRSAPrivateKeyFromPEM([]byte(v.Reveal())); err != nil {
			return fmt.Errorf("cannot use the key in %s: it is no private key of a GitHub App (PEM, begins with -----BEGIN RSA PRIVATE KEY-----)", from)
		}
		return nil
	}
}

// token is the token of a forge as it is now.
func (o forgeOptions) token(c *connected, log *slog.Logger) (func() string, error) {
	held, from := secrets.Hold(secrets.New(o.GiteaToken)), "--gitea-token"
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
