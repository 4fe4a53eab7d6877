package forgetest

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"maps"
	"strings"
	"time"
)

// App is a GitHub App.
type App struct {
	ID    int64
	Slug  string
	Login string // of its bot: what it writes is by this account
	Key   []byte // its private key, PEM
}

// app is what the server keeps of one.
type app struct {
	id          int64
	slug        string
	owner       string
	bot         *user
	key         *rsa.PublicKey
	created     time.Time
	permissions map[string]string
}

// installation is where an App may work.
type installation struct {
	id          int64
	app         *app
	account     *user
	repos       map[int64]bool // nil is all
	permissions map[string]string
	created     time.Time
}

// appPermissions are what an App needs for what we ask.
var appPermissions = map[string]string{
	"checks": "write", "contents": "read", "issues": "write", "members": "read",
	"metadata": "read", "pull_requests": "write", "statuses": "write",
}

// AddApp registers an App with a key of its own and all permissions that we need.
func (s *Server) AddApp(slug string) (App, error) {
	key, text, err := newKey()
	if err != nil {
		return App{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bot, err := s.addUser(slug+"[bot]", false)
	if err != nil {
		return App{}, err
	}
	bot.bot = true
	a := &app{
		id: int64(1000 + len(s.hub.apps)), slug: slug, owner: slug + "-owner", bot: bot, key: key,
		created: s.time(), permissions: maps.Clone(appPermissions),
	}
	s.hub.apps[a.id] = a
	return App{ID: a.id, Slug: slug, Login: bot.Login, Key: text}, nil
}

// RotateKey gives an App a new key, which it returns as PEM; the old one is worthless from now on.
func (s *Server) RotateKey(id int64) ([]byte, error) {
	key, text, err := newKey()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.hub.apps[id]
	if a == nil {
		return nil, fmt.Errorf("there is no App %d", id)
	}
	a.key = key
	return text, nil
}

func newKey() (*rsa.PublicKey, []byte, error) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, nil, err
	}
	block := pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	return &key.PublicKey, pem.EncodeToMemory(&block), nil
}

// InstallApp installs an App for an organisation or a user: for the named repositories,
// or without any for all, also later ones. It returns the installation's number.
func (s *Server) InstallApp(id int64, account string, repos ...string) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.hub.apps[id]
	if a == nil {
		return 0, fmt.Errorf("there is no App %d", id)
	}
	u, err := s.user(account)
	if err != nil {
		return 0, err
	}
	i := &installation{app: a, account: u, permissions: maps.Clone(a.permissions), created: s.time()}
	for _, name := range repos {
		r, err := s.repo(account, name)
		if err != nil {
			return 0, err
		}
		if i.repos == nil {
			i.repos = map[int64]bool{}
		}
		i.repos[r.id] = true
	}
	s.hub.lastInstall++
	i.id = s.hub.lastInstall
	s.hub.installs[i.id] = i
	return i.id, nil
}

// UninstallApp removes an installation; its tokens are worthless from now on.
func (s *Server) UninstallApp(id int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hub.installs, id)
	maps.DeleteFunc(s.hub.grants, func(_ string, g *grant) bool { return g.install.id == id })
}

// Permit changes what an installation may do: the level of one permission, such as
// "read", or "" for none.
func (s *Server) Permit(installation int64, permission, level string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.hub.installs[installation]
	if i == nil {
		return fmt.Errorf("there is no installation %d", installation)
	}
	i.permissions[permission] = level
	return nil
}

// installed finds where one App is installed for an account and, if one is given, a repository.
func (s *Server) installed(a *app, account string, r *repo) *installation {
	for _, i := range s.hub.installs {
		if i.app == a && strings.EqualFold(i.account.Login, account) && (r == nil || i.repos == nil || i.repos[r.id]) {
			return i
		}
	}
	return nil
}
