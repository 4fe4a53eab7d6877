package forgetest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v4"
)

// hub is what only a GitHub knows.
type hub struct {
	apps        map[int64]*app
	installs    map[int64]*installation
	lastInstall int64
	grants      map[string]*grant // installation tokens
	moved       map[string]*repo  // by the lower-case owner/name that it had
	accounts    map[string]*account
	limit       int
}

func newHub() hub {
	return hub{
		apps: map[int64]*app{}, installs: map[int64]*installation{}, grants: map[string]*grant{},
		moved: map[string]*repo{}, accounts: map[string]*account{}, limit: 5000,
	}
}

// grant is an installation's token.
type grant struct {
	install     *installation
	repos       map[int64]bool // nil is all of the installation's
	permissions map[string]string
	expires     time.Time
}

// grantLife is how long an installation's token is good for.
const grantLife = time.Hour

// caller is who asks. Without credentials all is empty.
type caller struct {
	user  *user  // by a token; with an installation's token the App's bot
	grant *grant // by an installation's token
	app   *app   // by the App's own key
	token string
}

// account is whose limit a request counts against.
func (c caller) account() string {
	switch {
	case c.app != nil:
		return fmt.Sprintf("app %d", c.app.id)
	case c.grant != nil:
		return fmt.Sprintf("installation %d", c.grant.install.id)
	case c.user != nil:
		return strings.ToLower(c.user.Login)
	}
	return ""
}

//lint:ignore ST1005 GitHub says it so
var errCredentials = errors.New("Bad credentials")

// identify reads the credentials of a request to GitHub's API, or of git.
func (s *Server) identify(r *http.Request) (caller, error) {
	header := r.Header.Get("Authorization")
	if header == "" {
		return caller{}, nil
	}
	_, token, ok := r.BasicAuth()
	if !ok {
		_, token, _ = strings.Cut(header, " ")
	}
	if strings.Count(token, ".") == 2 {
		a, err := s.appOf(token)
		return caller{app: a, token: token}, err
	}
	if g := s.hub.grants[token]; g != nil && s.time().Before(g.expires) {
		return caller{user: g.install.app.bot, grant: g, token: token}, nil
	}
	if u := s.tokens[token]; u != nil {
		return caller{user: u, token: token}, nil
	}
	return caller{token: token}, errCredentials
}

// appOf checks an App's own token: signed with its key, and good for ten minutes at most.
func (s *Server) appOf(token string) (*app, error) {
	var claims jwt.MapClaims
	var found *app
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"RS256"}), jwt.WithoutClaimsValidation())
	_, err := parser.ParseWithClaims(token, &claims, func(*jwt.Token) (any, error) {
		id, err := strconv.ParseInt(fmt.Sprint(claims["iss"]), 10, 64)
		if n, ok := claims["iss"].(float64); ok {
			id, err = int64(n), nil
		}
		if found = s.hub.apps[id]; err != nil || found == nil {
			return nil, errors.New("'Issuer' claim ('iss') must be an Integer") // as GitHub says it of an unknown one too
		}
		return found.key, nil
	})
	if err != nil {
		//lint:ignore ST1005 GitHub says it so
		return nil, errors.New("A JSON web token could not be decoded")
	}
	now := s.now().Add(s.offset)
	issued, _ := claims["iat"].(float64)
	expires, _ := claims["exp"].(float64)
	switch exp := time.Unix(int64(expires), 0); {
	case expires == 0 || !exp.After(now):
		return nil, errors.New("'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires")
	case exp.After(now.Add(10*time.Minute + time.Second)):
		return nil, errors.New("'Expiration time' claim ('exp') is too far in the future")
	case issued == 0 || time.Unix(int64(issued), 0).After(now.Add(time.Second)):
		return nil, errors.New("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued")
	}
	return found, nil
}

// allows says whether a caller has a permission of an App for a repository, or an
// organisation if r is nil.
func (g *grant) allows(r *repo, permission, level string) bool {
	if r != nil && !g.covers(r) {
		return false
	}
	has := g.permissions[permission]
	if now := g.install.permissions[permission]; now != "write" {
		has = now // it may have been taken away since
	}
	return has == "write" || has == level
}

func (g *grant) covers(r *repo) bool {
	i := g.install
	return strings.EqualFold(i.account.Login, r.owner) && (i.repos == nil || i.repos[r.id]) && (g.repos == nil || g.repos[r.id])
}

// sees says whether a caller may know that a repository is there.
func (s *Server) sees(c caller, r *repo) bool {
	if r.private && c.grant != nil {
		return c.grant.covers(r)
	}
	return s.mayRead(r, c.user)
}
