package nomadfake_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"
	"go.uber.org/goleak"

	"seatrial/bridge/dispatch/dispatchtest/nomadfake"
	"seatrial/harness/cluster"
	"seatrial/harness/cluster/agent"
	"seatrial/internal/must"
)

func TestMain(m *testing.M) {
	if does := os.Getenv(childDoes); does != "" {
		child(does)
		return
	}
	os.Unsetenv("NOMAD_TOKEN") // a client without one has none
	code := m.Run()
	err := theReal.close()
	if leaks := goleak.Find(); err == nil && code == 0 && leaks != nil {
		err = leaks
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		code = max(code, 1)
	}
	os.Exit(code)
}

const namespace = "ci"

// site is a cluster under test: the fake, or a real one.
type site struct {
	url, token string
	newToken   func(t *testing.T, capabilities ...string) string
	revoke     func(t *testing.T, secret string)
	pier       func(t *testing.T) pier
}

// pier is another node, with meta of that name.
type pier struct {
	lose  func() // its power
	leave func() // so that the servers do not hear of it, and what it runs goes on
	back  func()
}

func (s site) client(t *testing.T, token string) *cluster.Client {
	t.Helper()
	c, err := cluster.NewClient(cluster.Config{Address: s.url, Token: token, Namespace: namespace})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func fakeSite(t *testing.T) site {
	f := nomadfake.New(t)
	t.Cleanup(f.Forgive) // some clauses are about misuse
	s := site{url: f.URL(), token: f.Token(), newToken: func(_ *testing.T, capabilities ...string) string { return f.NewToken(capabilities...) }}
	s.revoke = func(_ *testing.T, secret string) { f.Revoke(secret) }
	s.pier = func(*testing.T) pier {
		f.AddNode("pier", map[string]string{"pier": "yes"})
		return pier{
			lose: func() {
				f.Disconnect("pier")
				time.AfterFunc(time.Second, func() { f.Lose("pier") })
			},
			leave: func() { f.Disconnect("pier") },
			back:  func() { f.Return("pier") },
		}
	}
	if _, err := s.client(t, s.token).Namespaces().Register(&api.Namespace{Name: namespace}, nil); err != nil {
		t.Fatal(err)
	}
	return s
}

// real is one Nomad for all tests of the binary.
type real struct {
	once  sync.Once
	err   error
	dir   string
	agent *agent.Agent
	token string
}

var theReal real

func realSite(t *testing.T) site {
	t.Helper()
	program, err := agent.Find()
	must.Have(t, "nomad", err == nil, "there is no nomad: dev/nomad/build")
	theReal.once.Do(func() { theReal.err = theReal.open(t, program) })
	if theReal.err != nil {
		t.Fatal(theReal.err)
	}
	s := site{url: theReal.agent.HTTP, token: theReal.token}
	s.newToken = func(t *testing.T, capabilities ...string) string {
		t.Helper()
		c := s.client(t, s.token)
		name := fmt.Sprintf("p%d", time.Now().UnixNano())
		if _, err := c.ACLPolicies().Upsert(&api.ACLPolicy{Name: name, Rules: policy(capabilities)}, nil); err != nil {
			t.Fatal(err)
		}
		made, _, err := c.ACLTokens().Create(&api.ACLToken{Name: name, Type: "client", Policies: []string{name}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return made.SecretID
	}
	s.revoke = func(t *testing.T, secret string) {
		t.Helper()
		own, _, err := s.client(t, secret).ACLTokens().Self(nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.client(t, s.token).ACLTokens().Delete(own.AccessorID, nil); err != nil {
			t.Fatal(err)
		}
	}
	s.pier = func(t *testing.T) pier {
		t.Helper()
		a, err := agent.Start(t.Context(), agent.Options{
			Program: program, Dir: filepath.Join(theReal.dir, "pier"), NoServer: true, Join: []string{theReal.agent.RPC}, Meta: map[string]string{"pier": "yes"},
		})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := a.Wipe(); err != nil {
				t.Error(err)
			}
		})
		return pier{lose: a.PowerOff, leave: a.Kill, back: func() {
			t.Helper()
			if err := a.Restart(t.Context()); err != nil {
				t.Fatal(err)
			}
		}}
	}
	return s
}

// policy writes capabilities as a real cluster wants them.
func policy(capabilities []string) string {
	var spaced, variables []string
	node := ""
	for _, c := range capabilities {
		kind, verb, of := strings.Cut(c, ":")
		switch {
		case !of:
			spaced = append(spaced, fmt.Sprintf("%q", c))
		case kind == "variables":
			variables = append(variables, fmt.Sprintf("%q", verb))
		default:
			node = fmt.Sprintf("node { policy = %q }\n", verb)
		}
	}
	return fmt.Sprintf("namespace \"*\" {\n capabilities = [%s]\n variables {\n path \"*\" { capabilities = [%s] }\n }\n}\n%s",
		strings.Join(spaced, ", "), strings.Join(variables, ", "), node)
}

func (r *real) open(t *testing.T, program string) (err error) {
	if r.dir, err = os.MkdirTemp("", "protocol"); err != nil {
		return err
	}
	if err = os.Chmod(r.dir, 0o711); err != nil {
		return err
	}
	if r.agent, err = agent.Start(t.Context(), agent.Options{Program: program, Dir: filepath.Join(r.dir, "node-1")}); err != nil {
		return err
	}
	if r.token, err = r.agent.Bootstrap(t.Context()); err != nil {
		return err
	}
	c, err := cluster.NewClient(cluster.Config{Address: r.agent.HTTP, Token: r.token})
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err = c.Namespaces().Register(&api.Namespace{Name: namespace}, nil); err != nil {
		return err
	}
	return r.agent.WaitReady(t.Context(), r.token, 1)
}

func (r *real) close() error {
	if r.dir == "" {
		return nil
	}
	var err error
	if r.agent != nil {
		err = r.agent.Wipe()
	}
	return errors.Join(err, os.RemoveAll(r.dir))
}

// scene is a fresh name on a cluster, and a client with every right.
type scene struct {
	*testing.T
	site
	*cluster.Client
	name string
}

// clause is a sentence about Nomad's API that holds on both.
type clause struct {
	says  string
	holds func(s *scene)
}

func TestProtocol(t *testing.T) {
	for name, open := range map[string]func(*testing.T) site{"fake": fakeSite, "real": realSite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			try := func(t *testing.T, c clause) {
				s := open(t)
				c.holds(&scene{T: t, site: s, Client: s.client(t, s.token), name: fmt.Sprintf("job-%d", time.Now().UnixNano())})
			}
			for _, c := range nodeClauses() {
				t.Run(c.says, func(t *testing.T) { try(t, c) })
			}
			for _, c := range slices.Concat(jobClauses(), allocationClauses(), fileClauses(), otherClauses()) {
				t.Run(c.says, func(t *testing.T) {
					t.Parallel()
					try(t, c)
				})
			}
		})
	}
}
