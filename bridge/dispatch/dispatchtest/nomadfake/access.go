package nomadfake

import (
	"net/http"
	"slices"

	"github.com/hashicorp/nomad/api"
)

// everywhere is the namespace that stands for all.
const everywhere = "*"

// token is what somebody may do.
type token struct {
	api.ACLToken
	capabilities []string // nil for a management token
}

// may says whether the token has a capability. Those of this cluster's tokens hold in
// every namespace.
func (t *token) may(_ string, capabilities ...string) bool {
	return t.Type == "management" || slices.ContainsFunc(capabilities, func(c string) bool { return slices.Contains(t.capabilities, c) })
}

// NewToken makes a client's token, which has capabilities of namespaces as Nomad names
// them, in every namespace, and of these besides: "node:read", "variables:list",
// "variables:read", "variables:write", "variables:destroy", for every path.
func (f *Fake) NewToken(capabilities ...string) (secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	secret = newID()
	f.tokens[secret] = &token{api.ACLToken{AccessorID: newID(), SecretID: secret, Name: "client", Type: "client", CreateIndex: f.next()}, capabilities}
	return secret
}

// Revoke forgets a token.
func (f *Fake) Revoke(secret string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.tokens, secret)
	f.next()
}

func (f *Fake) authenticate(q *ask) error {
	switch secret := q.Header.Get("X-Nomad-Token"); {
	case secret == f.management:
		q.token = &token{ACLToken: api.ACLToken{AccessorID: "management", SecretID: secret, Name: "Bootstrap Token", Type: "management", Global: true}}
	case secret == "":
		q.token = &token{ACLToken: api.ACLToken{AccessorID: "anonymous", Name: "Anonymous Token", Type: "client"}}
	case f.tokens[secret] != nil:
		q.token = f.tokens[secret]
	default:
		return refuse(http.StatusForbidden, "Permission denied") // as of one that is known
	}
	return nil
}

// may refuses who has none of the capabilities in the namespace asked for.
func (q *ask) may(capabilities ...string) error { return q.mayIn(q.namespace, capabilities...) }

func (q *ask) mayIn(namespace string, capabilities ...string) error {
	if !q.token.may(namespace, capabilities...) {
		return refuse(http.StatusForbidden, "Permission denied")
	}
	return nil
}

func accessRoutes() []route {
	return []route{
		{pattern: "GET /v1/acl/token/self", answer: (*Fake).ownToken},
		{pattern: "GET /v1/namespace/{name}", answer: (*Fake).namespace},
		{pattern: "GET /v1/namespaces", answer: (*Fake).listNamespaces},
		{pattern: "PUT /v1/namespace", answer: (*Fake).makeNamespace},
		{pattern: "PUT /v1/namespace/{name}", answer: (*Fake).makeNamespace},
	}
}

func (f *Fake) ownToken(q *ask) (any, error) { return q.token.ACLToken, nil }

func (f *Fake) makeNamespace(q *ask) (any, error) {
	var n api.Namespace
	if err := q.body(&n); err != nil {
		return nil, err
	}
	if q.token.Type != "management" {
		return nil, refuse(http.StatusForbidden, "Permission denied")
	}
	n.ModifyIndex = f.next()
	f.namespaces[n.Name] = &n
	return nil, nil
}

// namespace shows one to whoever may do anything in it.
func (f *Fake) namespace(q *ask) (any, error) {
	if err := f.seesNamespaces(q); err != nil {
		return nil, err
	}
	if n := f.namespaces[q.PathValue("name")]; n != nil {
		return n, nil
	}
	return nil, refuse(http.StatusNotFound, "Namespace not found")
}

func (f *Fake) listNamespaces(q *ask) (any, error) {
	all := []*api.Namespace{}
	if f.seesNamespaces(q) == nil {
		for _, n := range f.namespaces {
			all = append(all, n)
		}
	}
	return all, nil
}

func (f *Fake) seesNamespaces(q *ask) error {
	if q.token.Type != "management" && len(q.token.capabilities) == 0 {
		return refuse(http.StatusForbidden, "Permission denied")
	}
	return nil
}
