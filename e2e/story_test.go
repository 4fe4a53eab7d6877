package e2e_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"seatrial/bridge/forge/forgetest"
	"seatrial/bridge/forge/forgetest/realgitea"
	"seatrial/harness/app/swarm/swarmtest"
	"seatrial/harness/cluster"
	"seatrial/recipes/examples"
)

// The stories of testdata/stories tell the whole system from the pull
// request's side: real binary, real git, real deployments; on the small forge of
// forgetest and on a real Gitea.

func TestStoriesOnTheSmallForge(t *testing.T) {
	t.Parallel()
	server, err := forgetest.New(forgetest.Options{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, complaint := range server.Complaints() {
			t.Errorf("the forge complains: %s", complaint)
		}
		if err := server.Close(); err != nil {
			t.Error(err)
		}
	})
	tellStories(t, server)
}

func TestStoriesOnGitea(t *testing.T) {
	t.Parallel()
	tellStories(t, realgitea.New(t))
}

// stories counts them, so that each has names of its own on a shared forge.
var stories atomic.Int64

// tellStories runs every story in a world.
func tellStories(t *testing.T, world forgetest.World) {
	tell(t, testscript.Params{Dir: "e2e/testdata/stories"}, world, nil)
}

// tell plays stories; set may change a stage before the curtain rises.
func tell(t *testing.T, params testscript.Params, world forgetest.World, set func(*stage) error) {
	program := binary(t, "")
	testscript.Run(t, testscript.Params{
		Dir:                 params.Dir,
		Files:               params.Files,
		WorkdirRoot:         scriptFolder(t),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			s, err := newStage(world, env.WorkDir, program)
			if err != nil {
				return err
			}
			if set != nil {
				if err := set(s); err != nil {
					return err
				}
			}
			env.Values[stageKey{}] = s
			env.Defer(func() { s.curtain(env.T()) })
			env.Setenv("PATH", filepath.Dir(program)+string(os.PathListSeparator)+os.Getenv("PATH"))
			env.Setenv("SEATRIAL_STATE", s.state)
			env.Setenv("REPO", s.repo.String())
			env.Setenv("HEAD", s.head[:10])
			return nil
		},
		Cmds: actors(),
	})
}

type stageKey struct{}

// stage is where one story plays.
type stage struct {
	world   forgetest.World
	program string
	recipe  string
	dir     string
	state   string
	tests   string
	source  string // a git repository with the recipe

	toolchain, engine string // what the guestbook is built with

	suffix     string
	org, bot   string
	token      string
	repo       repoName
	pull       int
	head       string
	commits    int
	comment    int64 // the latest that somebody made
	bridge     *bridgeProcess
	serveFlags []string
	forges     string // the list of forges; empty: options name the one

	docker *swarmtest.Engine // on which the recipe is deployed, where it is one for a swarm

	// Where runs go to a cluster.
	nomad                *nomadCluster
	namespaces           cluster.Namespaces
	tokenFile, nodeState string
	taskEnv              map[string]string
}

// newStage makes an organisation with a bot, a member and a stranger, and the
// guestbook with a pull request by the stranger.
func newStage(world forgetest.World, dir, program string) (*stage, error) {
	return newStageOf("guestbook", world, dir, program)
}

// newStageOf does so with another example recipe.
func newStageOf(recipe string, world forgetest.World, dir, program string) (*stage, error) {
	n := stories.Add(1)
	s := &stage{
		world: world, program: program, recipe: recipe, dir: dir, state: filepath.Join(dir, ".state"), tests: filepath.Join(dir, "tests"),
		source: filepath.Join(dir, ".source"), suffix: fmt.Sprint(n), org: fmt.Sprintf("harbour%d", n),
	}
	s.bot = s.name("bot")
	if err := examples.Write(context.Background(), recipe, s.source); err != nil {
		return nil, err
	}
	if err := examples.WriteEnrolment(recipe, s.org+"/"+recipe, s.tests); err != nil {
		return nil, err
	}
	if err := s.changeEnrolment(regexp.MustCompile(`(?m)^  text: ok$`), "  text: ok\n  steady: 1s"); err != nil {
		return nil, err
	}
	var err error
	if s.engine, s.toolchain, err = toolchain(program, dir); err != nil {
		return nil, err
	}
	people := map[string]forgetest.Access{"bot": forgetest.Write, "anna": forgetest.Write, "bert": forgetest.Read}
	if err := world.AddOrg(s.org); err != nil {
		return nil, err
	}
	for _, who := range []string{"bot", "anna", "bert", "mallory"} {
		if _, err := world.AddUser(s.name(who)); err != nil {
			return nil, err
		}
		if access, member := people[who]; member {
			if err := world.AddMember(s.org, s.name(who), access); err != nil {
				return nil, err
			}
		}
	}
	if s.token, err = world.Token(s.bot); err != nil {
		return nil, err
	}
	if s.repo, err = world.AddRepo(s.org, recipe, s.source); err != nil {
		return nil, err
	}
	s.pull, err = world.OpenPull(forgetest.NewPull{Repo: s.repo, Author: s.name("mallory"), Title: "Count the entries", Branch: "count", Dir: s.source, Ref: examples.PullBranch})
	if err != nil {
		return nil, err
	}
	s.head, err = s.git("rev-parse", examples.PullBranch)
	return s, err
}

// name is a person's login in this story.
func (s *stage) name(who string) string { return who + s.suffix }

// curtain stops the bridge and wants nothing to be left of the story.
func (s *stage) curtain(t testscript.T) {
	if s.bridge != nil {
		s.bridge.stop()
	}
	deadline := time.Now().Add(20 * time.Second)
	for {
		left := s.leftovers()
		if len(left) == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Log("left over at the end of the story: " + strings.Join(left, "; "))
			t.FailNow()
		}
		time.Sleep(200 * time.Millisecond)
	}
}

var discard = slog.New(slog.DiscardHandler)

func newPull(s *stage, branch string) forgetest.NewPull {
	return forgetest.NewPull{Repo: s.repo, Author: s.name("mallory"), Title: "Once more", Branch: branch, Dir: s.source, Ref: s.head}
}

// toolchain offers the program as the guestbook's toolchain, in a folder that
// isolated builds may read.
func toolchain(program, dir string) (variable, folder string, err error) {
	folder = filepath.Join(dir, ".toolchain")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", "", err
	}
	engine := filepath.Join(folder, "guestbook")
	return "GUESTBOOK_ENGINE=" + engine, folder, os.Link(program, engine)
}
