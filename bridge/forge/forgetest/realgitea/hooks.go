package realgitea

import (
	"fmt"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
)

// hookEvents are those that docs/how-to/webhooks.md says to choose. Comments on pull
// requests are chosen by two names: the one is sent, the other subscribes.
var hookEvents = []string{"issue_comment", "pull_request_comment", "pull_request", "pull_request_sync", "push"}

// AddHook has a repository's events posted to an address, signed with the secret. Without
// one, Gitea sends an empty signature.
func (g *Gitea) AddHook(r forge.Repo, url, secret string) error {
	config := map[string]string{"url": url, "content_type": "json"}
	if secret != "" {
		config["secret"] = secret
	}
	_, _, err := g.admin.CreateRepoHook(r.Owner, r.Name, sdk.CreateHookOption{Type: sdk.HookTypeGitea, Config: config, Events: hookEvents, Active: true})
	if err != nil {
		return fmt.Errorf("cannot add a hook to %s: %w", r, err)
	}
	return nil
}
