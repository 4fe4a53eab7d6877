package setup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// BridgeToken makes a token with the bridge's policy and nothing else, and writes it
// into a file that only its owner may read. A file that is there is never written to:
// where it holds such a token nothing is changed, else it is an error.
func BridgeToken(ctx context.Context, client *cluster.Client, o Options, file string) (Change, error) {
	o, err := o.withDefaults()
	c := Change{Kind: Token, Name: file}
	if err != nil {
		return c, err
	}
	policy := o.policyName("bridge")
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return c, checkToken(ctx, client, policy, file)
	}
	if err != nil {
		return c, fmt.Errorf("cannot write the bridge's token: %w", err)
	}
	c.Did = Made
	made, _, err := client.ACLTokens().Create(&api.ACLToken{Name: "seatrial bridge", Type: "client", Policies: []string{policy}}, client.Write(ctx, ""))
	if err != nil {
		return c, errors.Join(cluster.Explain("make a token for the bridge", err), f.Close(), os.Remove(file))
	}
	_, err = fmt.Fprintln(f, made.SecretID)
	if err = errors.Join(err, f.Close()); err != nil {
		// A token that nobody has must not stay.
		_, revoked := client.ACLTokens().Delete(made.AccessorID, client.Write(context.WithoutCancel(ctx), ""))
		return c, errors.Join(fmt.Errorf("cannot write the bridge's token: %w", err), revoked, os.Remove(file))
	}
	return c, nil
}

func checkToken(ctx context.Context, client *cluster.Client, policy, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("cannot read the bridge's token: %w", err)
	}
	q := client.Query(ctx, "")
	q.AuthToken = strings.TrimSpace(string(text))
	if q.AuthToken == "" {
		return fmt.Errorf("%s is there already, is empty, and is left as it is: remove it, or name another file", file)
	}
	token, _, err := client.ACLTokens().Self(q)
	switch {
	case cluster.Is(err, cluster.ErrBadToken), cluster.Is(err, cluster.ErrForbidden):
		return fmt.Errorf("%s is there already, but holds no token that this cluster knows; it is left as it is: remove it, or name another file", file)
	case err != nil:
		return cluster.Explain("look at the token in "+file, err)
	case token.Type != "client" || !slices.Equal(token.Policies, []string{policy}):
		return fmt.Errorf("%s is there already and holds another token than one with the policy %s alone; it is left as it is: name another file", file, policy)
	}
	return nil
}
