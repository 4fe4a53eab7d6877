package cli

import (
	"errors"
	"strings"

	"seatrial/bridge/forges"
	"seatrial/internal/exit"
	"seatrial/secrets"
)

// forgeOptions say which forges there are, and as whom: one Gitea, or a file.
type forgeOptions struct {
	Forges         string `help:"File that lists the forges: any kind, and several. Instead of --gitea-url, --gitea-token-file and --org." type:"path" placeholder:"FILE"`
	GiteaURL       string `help:"Address of the one forge, a Gitea or Forgejo, such as https://git.example.org." placeholder:"URL"`
	GiteaToken     string `help:"The bot's access token. Anyone who can list processes sees it here; --gitea-token-file is better." placeholder:"TOKEN"`
	GiteaTokenFile string `help:"File that holds the bot's access token and nothing else." type:"path" placeholder:"FILE"`
	Org            string `help:"The organisation on the forge whose members may ask for runs." placeholder:"NAME"`
}

// defaultForgeID is the id of the forge that the options name.
const defaultForgeID = "gitea"

// list is the forges as the operator wrote them.
func (o forgeOptions) list() ([]forges.Forge, error) {
	if o.Forges != "" {
		if o.GiteaURL != "" || o.GiteaToken != "" || o.GiteaTokenFile != "" || o.Org != "" {
			return nil, exit.With(exit.Usage, errors.New("--forges names all forges: leave out --gitea-url, --gitea-token, --gitea-token-file and --org"))
		}
		list, err := forges.Load(o.Forges)
		return list, exit.With(exit.Configuration, err)
	}
	if o.GiteaURL == "" || o.Org == "" {
		return nil, exit.With(exit.Usage, errors.New("no forge: give --gitea-url, --gitea-token-file and --org, or a list of forges with --forges"))
	}
	if why := forges.CheckURL(o.GiteaURL); why != "" {
		return nil, exit.Errorf(exit.Usage, "--gitea-url %s", why)
	}
	if o.GiteaTokenFile == "" && o.GiteaToken == "" {
		return nil, exit.With(exit.Configuration, errors.New("no token for the forge: write it into a file and name that with --gitea-token-file"))
	}
	return []forges.Forge{{ID: defaultForgeID, Kind: forges.Gitea, URL: strings.TrimRight(o.GiteaURL, "/"), Org: o.Org, TokenFile: o.GiteaTokenFile, Token: secrets.New(o.GiteaToken)}}, nil
}
