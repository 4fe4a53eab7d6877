package gitea

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	sdk "code.gitea.io/sdk/gitea"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/adapter"
)

// Gitea leads who asks by an old name to the same thing under its new one. Nothing is
// followed: names mean permission here, and a name that became free can be taken.

// redirected is the path, from the API's root on, to which an answer leads as somebody or
// something that has another name now; empty for any other answer.
func redirected(answer *adapter.Error) string {
	switch answer.Status {
	case http.StatusMovedPermanently, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return ""
	}
	u, err := url.Parse(answer.Location)
	if err != nil {
		return ""
	}
	_, path, ok := strings.Cut(u.Path, apiRoot)
	if _, asked, same := strings.Cut(answer.Path, apiRoot); !ok || !same || asked == path {
		return ""
	}
	return path
}

const apiRoot = "/api/v1/"

// newRepo is the name of the repository that an answer leads to, if it does to another one.
func newRepo(answer *adapter.Error) (name string, moved bool) {
	there := strings.Split(redirected(answer), "/")
	_, asked, _ := strings.Cut(answer.Path, apiRoot+"repos/")
	if len(there) < 3 || there[0] != "repos" || there[1] == "" || there[2] == "" {
		return "", false
	}
	name = adapter.Beginning([]byte(there[1] + "/" + there[2]))
	return name, asked != "" && asked != name && !strings.HasPrefix(asked, name+"/")
}

// wasRenamed says whether an error leads to somebody under another login than they had.
func wasRenamed(err error, p forge.Person) bool {
	answer, ok := errors.AsType[*adapter.Error](err)
	if !ok {
		return false
	}
	there := redirected(answer)
	i := strings.LastIndex(there, "/members/")
	return i >= 0 && !strings.EqualFold(there[i+len("/members/"):], p.Login)
}

// loginOf is what an account is called now. It is asked for by its number: whom an old
// login leads to is not sure to be the same person.
func (f *Forge) loginOf(ctx context.Context, p forge.Person) (string, error) {
	client, err := f.client(ctx, "member")
	if err != nil {
		return "", err
	}
	list, _, err := client.SearchUsers(sdk.SearchUsersOption{UID: p.ID})
	if err != nil {
		return "", adapter.Failed(err, "ask how %s is called now", p.Login)
	}
	for _, u := range list {
		if u != nil && u.ID == p.ID && u.UserName != "" {
			return u.UserName, nil
		}
	}
	return "", fmt.Errorf("cannot ask how %s is called now: the forge shows no account with the number %d", p.Login, p.ID)
}
