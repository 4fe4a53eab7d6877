package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/cluster/agent"
	"seatrial/internal/must"
)

// The scripts of testdata/script try the command line with what it must withstand:
// wrong use, bad enrolments, forges that fail and lie, full disks, hostile names,
// and people who change their minds. Each plays in a folder of its own, with the
// real program.

func TestScripts(t *testing.T) {
	t.Parallel()
	program := binary(t, "")
	testscript.Run(t, testscript.Params{
		Dir:                 "e2e/testdata/script",
		WorkdirRoot:         scriptFolder(t),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               func(env *testscript.Env) error { return setScene(env, program) },
		Cmds:                scriptCommands(),
		Condition: func(cond string) (bool, error) {
			switch cond {
			case "root":
				return os.Geteuid() == 0, nil
			case "nomad":
				_, err := agent.Find()
				if err != nil && must.Run("nomad") {
					return false, err
				}
				return err == nil, nil
			case "restic":
				_, err := exec.LookPath("restic")
				if err != nil && must.Run("restic") {
					return false, err
				}
				return err == nil, nil
			}
			return false, fmt.Errorf("there is no condition %q", cond)
		},
	})
}

// scriptFolder is where scripts have their folders. Testscript's own stays behind, and
// a test's is too long a name for sockets.
func scriptFolder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "seatrial-scripts-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// setScene gives a script its folder, the program, and what builds a guestbook.
func setScene(env *testscript.Env, program string) error {
	if found, err := agent.Find(); err == nil {
		env.Setenv(agent.Variable, found)
	}
	engine, folder, err := toolchain(program, env.WorkDir)
	if err != nil {
		return err
	}
	s := &scene{stage: &stage{}, dir: env.WorkDir, program: program, running: map[string]*player{}}
	env.Values[sceneKey{}], env.Values[stageKey{}] = s, s.stage
	env.Defer(func() { s.end(env.T()) })
	for name, value := range map[string]string{
		"PATH":               filepath.Dir(program) + string(os.PathListSeparator) + os.Getenv("PATH"),
		"SEATRIAL_STATE":     filepath.Join(env.WorkDir, ".state"),
		"SEATRIAL_SHARE":     folder,
		"SEATRIAL_BUILD_ENV": engine,
		"NO_COLOR":           "1",
		"RTL":                "\u202e", // turns the reading direction, so it must not stand in a script
	} {
		env.Setenv(name, value)
	}
	return nil
}

// scriptCommands are the stories' and those of scene.
func scriptCommands() map[string]func(*testscript.TestScript, bool, []string) {
	commands := actors()
	for name, do := range sceneCommands() {
		if commands[name] != nil {
			panic("two commands are called " + name)
		}
		commands[name] = do
	}
	for name, do := range tlsCommands() {
		if commands[name] != nil {
			panic("two commands are called " + name)
		}
		commands[name] = do
	}
	for name, do := range forgeCommands() {
		if commands[name] != nil {
			panic("two commands are called " + name)
		}
		commands[name] = do
	}
	return commands
}

// A command that has the name of one of testscript's own is never called: "stop"
// would end a story early, as passed.
func TestNoCommandIsHiddenByTestscript(t *testing.T) {
	for _, taken := range strings.Fields("cd chmod cmp cmpenv cp env exec exists grep kill mkdir mv rm skip stderr stdin stdout ttyin ttyout stop symlink unix2dos unquote wait") {
		if scriptCommands()[taken] != nil {
			t.Errorf("%s is testscript's own command: call ours something else", taken)
		}
	}
	stories, err := filepath.Glob("e2e/testdata/stories/*.txtar")
	if err != nil || len(stories) == 0 {
		t.Fatalf("there are no stories (%v)", err)
	}
	for _, story := range stories {
		text, err := os.ReadFile(story)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool { return strings.HasPrefix(line, "stop") }) {
			t.Errorf("%s stops in the middle", story)
		}
	}
}

type sceneKey struct{}

// scene is where one script plays. Its stage is empty until the script asks for a forge.
type scene struct {
	*stage
	dir     string
	program string
	server  *forgetest.Server
	door    *door
	running map[string]*player
	closers []func() error
}

// end stops what the script left running, and wants nothing to be left of it.
func (s *scene) end(t testscript.T) {
	for _, p := range s.running {
		p.end()
	}
	if s.server != nil {
		s.curtain(t)
	}
	for _, f := range slices.Backward(s.closers) {
		if err := f(); err != nil {
			t.Log(err)
			t.FailNow()
		}
	}
	// What was killed needs a moment to take its own with it.
	left := leftBelow(s.dir)
	for deadline := time.Now().Add(20 * time.Second); len(left) > 0 && time.Now().Before(deadline); left = leftBelow(s.dir) {
		time.Sleep(100 * time.Millisecond)
	}
	if len(left) > 0 {
		t.Log("left over at the end of the script: " + strings.Join(left, "; "))
		t.FailNow()
	}
}
