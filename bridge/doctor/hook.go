package doctor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
)

// knockLimit is longer than any proxy takes to say no.
const knockLimit = 10 * time.Second

// Hooks are a forge's webhooks, as they are set here.
type Hooks struct {
	Forge     string // its id
	Secret    error  // why there is no secret to check them with; nil where there is one
	PublicURL string // of our server; empty where it is not known
}

// Look says how it stands with a forge's webhooks. It knocks at the server with a webhook
// that is not signed, which the server turns away.
func (h Hooks) Look(ctx context.Context, client *http.Client) forge.Ability {
	a := forge.Ability{Name: "be told by webhooks"}
	switch {
	case errors.Is(h.Secret, fs.ErrNotExist):
		a.State, a.Why = forge.AbilityWeak, "There is no secret for them, so none are received: comments are found by polling the forge."
		a.Next = fmt.Sprintf("Make one as the user of the server, with its --state: seatrial webhook secret --forge %s. Put it into a webhook of the forge that goes to %s.", h.Forge, h.target())
		return a
	case h.Secret != nil:
		a.State, a.Why, a.Next = forge.AbilityUnknown, forge.Sentence(h.Secret), "Run this as the user that the server runs as, with its --state."
		return a
	case h.PublicURL == "":
		a.State, a.Why = forge.AbilityUnknown, "There is a secret for them. Whether the server can be reached was not looked at."
		a.Next = "Name the server's own address with --public-url."
		return a
	}
	status, err := knock(ctx, client, h.target())
	switch {
	case err != nil:
		a.State, a.Why, a.Next = forge.AbilityUnknown, forge.Sentence(err), "Start the server, or look at --public-url and at the proxy in front."
	case status == http.StatusUnauthorized:
		a.State, a.Why = forge.AbilityThere, fmt.Sprintf("%s turns away what is not signed. It is reachable from this machine; whether the forge reaches it is shown in its list of deliveries.", h.target())
	case status == http.StatusNotFound:
		a.State, a.Why = forge.AbilityWeak, fmt.Sprintf("%s is not found: the server there receives no webhooks of this forge.", h.target())
		a.Next = "A first secret counts from the server's next start: start it again. If it has been, look at the forge's id, at --state, and at what the proxy in front passes on."
	case status == http.StatusTooManyRequests:
		a.State, a.Why, a.Next = forge.AbilityUnknown, fmt.Sprintf("%s takes no more from this address for now.", h.target()), "Ask again in a minute."
	default:
		a.State, a.Why = forge.AbilityWeak, fmt.Sprintf("%s answers %d %s to what is not signed; it should be 401.", h.target(), status, http.StatusText(status))
		a.Next = "Look at --public-url, and at the proxy in front: it must pass POST /hook/ on as it is."
	}
	return a
}

// target is the address that webhooks go to, as far as it is known.
func (h Hooks) target() string {
	return strings.TrimRight(cmp.Or(h.PublicURL, "PUBLIC-URL"), "/") + hook.Path(h.Forge)
}

// knock sends a webhook that says and proves nothing. A redirect is an answer: no forge
// follows one with its payload.
func knock(ctx context.Context, client *http.Client, target string) (status int, err error) {
	ctx, cancel := context.WithTimeout(ctx, knockLimit)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, strings.NewReader("{}"))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "seatrial")
	once := *client
	once.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := once.Do(r)
	if err != nil {
		if wrapped, ok := errors.AsType[*url.Error](err); ok {
			err = wrapped.Err
		}
		return 0, fmt.Errorf("cannot reach %s: %w", target, err)
	}
	resp.Body.Close()
	return resp.StatusCode, nil
}
