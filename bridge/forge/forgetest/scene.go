package forgetest

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"seatrial/bridge/forge"
)

// Adapter is everything that a forge adapter offers. Only the contract asks for all of it.
type Adapter interface {
	branchAdapter
	CommentsAfter(ctx context.Context, scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor, error)
	PullRequest(ctx context.Context, repo forge.Repo, n int) (forge.PullRequest, error)
	Pushes(ctx context.Context, repo forge.Repo, n int, since time.Time) ([]forge.Push, error)
	Member(ctx context.Context, org string, p forge.Person) (bool, error)
	TeamMember(ctx context.Context, org, team string, p forge.Person) (bool, error)
	Self(ctx context.Context) (forge.Person, error)
	CheckAccess(ctx context.Context, org string) error
	Examine(ctx context.Context, org string, repos []forge.Repo) []forge.Ability
	Budget() forge.Budget
	React(ctx context.Context, repo forge.Repo, comment int64, reaction string) error
	CreateComment(ctx context.Context, repo forge.Repo, pull int, body string) (int64, error)
	EditComment(ctx context.Context, repo forge.Repo, id int64, body string) error
	FindComment(ctx context.Context, repo forge.Repo, pull int, marker string, author forge.Person) (int64, bool, error)
	SetStatus(ctx context.Context, repo forge.Repo, commit string, s forge.Status) error
	LastStatus(ctx context.Context, repo forge.Repo, commit, context string) (forge.Status, bool, error)
	DefaultBranch(ctx context.Context, repo forge.Repo) (string, []forge.Tree, error)
	Requests() map[string]int64
	Skew() time.Duration
}

// Fixture is a world with an adapter for it.
type Fixture struct {
	World World
	// Adapter makes one that uses the token.
	Adapter func(token string) Adapter
	// AppAdapter makes one that speaks as an App. Only for traits with Checks.
	AppAdapter func(a App) Adapter
	// Tick lets at least one second of the world's time pass.
	Tick func()
	// Traits are the forge's ways. Clauses about others are not asked.
	Traits Traits
	// Suffix keeps the names of this test apart from those of others in the same world.
	Suffix string
}

// scene is what most tests begin with: an organisation with a bot that may write, a
// member, a stranger, and a repository with a pull request by the stranger.
type scene struct {
	*testing.T
	Fixture
	ctx context.Context

	org                 string
	bot, alice, mallory string
	botP, aliceP, malP  forge.Person
	forge               Adapter // as the bot
	repo                forge.Repo
	dir                 string // the git repository on this machine
	main, head          string // commits
	pull                int
	commits, pulls      int
}

func newScene(t *testing.T, fixture Fixture) *scene {
	t.Helper()
	s := &scene{T: t, Fixture: fixture, ctx: t.Context()}
	s.org, s.bot, s.alice, s.mallory = "coop"+s.Suffix, "bot"+s.Suffix, "alice"+s.Suffix, "mallory"+s.Suffix
	w := s.World
	for login, p := range map[string]*forge.Person{s.bot: &s.botP, s.alice: &s.aliceP, s.mallory: &s.malP} {
		var err error
		*p, err = w.AddUser(login)
		s.must(err)
	}
	s.must(w.AddOrg(s.org))
	s.must(w.AddMember(s.org, s.bot, Write))
	s.must(w.AddMember(s.org, s.alice, Read))
	s.forge = s.as(s.bot)

	s.dir = t.TempDir()
	s.git("init", "--quiet", "--initial-branch=main")
	s.main = s.commit("README", "an app")
	s.git("tag", "v1.0.0")
	var err error
	s.repo, err = w.AddRepo(s.org, "app", s.dir)
	s.must(err)
	s.git("checkout", "--quiet", "-b", "change")
	s.head = s.commit("README", "a better app")
	s.pull = s.open("A better app")
	return s
}

func (s *scene) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// as is an adapter in somebody's name.
func (s *scene) as(login string) Adapter {
	s.Helper()
	token, err := s.World.Token(login)
	s.must(err)
	return s.Adapter(token)
}

func (s *scene) git(args ...string) string {
	s.Helper()
	out, err := Git(s.dir, args...)
	s.must(err)
	return out
}

// commit writes a file and commits it.
func (s *scene) commit(file, text string) string {
	s.Helper()
	s.commits++
	s.must(os.WriteFile(filepath.Join(s.dir, file), fmt.Appendf(nil, "%s\n%d\n", text, s.commits), 0o644))
	s.git("add", "-A")
	s.git("commit", "--quiet", "-m", text)
	return s.git("rev-parse", "HEAD")
}

func (s *scene) open(title string) int {
	s.Helper()
	s.pulls++
	n, err := s.World.OpenPull(NewPull{Repo: s.repo, Author: s.mallory, Title: title, Dir: s.dir, Ref: "change", Branch: fmt.Sprintf("change-%d", s.pulls)})
	s.must(err)
	return n
}

func (s *scene) push(ref string) string {
	s.Helper()
	commit, err := s.World.Push(s.repo, s.pull, s.dir, ref)
	s.must(err)
	return commit
}

func (s *scene) say(author, body string) int64 {
	s.Helper()
	id, err := s.World.Comment(s.repo, s.pull, author, body)
	s.must(err)
	return id
}

func (s *scene) orgScope() forge.Scope {
	return forge.Organisation(s.repo.Forge, s.org, []forge.Repo{s.repo})
}

// begin starts a feed now, and lets the second pass.
func (s *scene) begin(scope forge.Scope) forge.Cursor {
	s.Helper()
	comments, cursor, err := s.forge.CommentsAfter(s.ctx, scope, "")
	s.must(err)
	if len(comments) != 0 {
		s.Fatalf("a feed that begins returned %d comments", len(comments))
	}
	s.Tick()
	return cursor
}

// next reads the feed once.
func (s *scene) next(scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor) {
	s.Helper()
	comments, cursor, err := s.forge.CommentsAfter(s.ctx, scope, cursor)
	s.must(err)
	return comments, cursor
}

// until reads the feed until it has returned a comment: an index may lag.
func (s *scene) until(scope forge.Scope, cursor forge.Cursor, id int64) (forge.Comment, forge.Cursor) {
	s.Helper()
	for range 200 {
		var comments []forge.Comment
		comments, cursor = s.next(scope, cursor)
		for _, c := range comments {
			if c.ID == id {
				return c, cursor
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
	s.Fatalf("the feed never returned comment %d", id)
	return forge.Comment{}, ""
}
