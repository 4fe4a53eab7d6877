package stage

import (
	"bufio"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"

	"seatrial/harness/failpoint"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// What a recipe may weigh. A recipe is text, pictures and perhaps a program.
const (
	mostFiles = 100_000
	mostBytes = 4 << 30
)

// privilegedCommand are the programs by which a start command asks for more than it was
// given, where a command can stand.
var privilegedCommand = lazyregexp.New(`(?:^[A-Za-z0-9_-]+:\s*|[;&|(]\s*|\bexec\s+)(?:\S*/)?(sudo|doas|su|pkexec)(?:\s|$)`)

// askPolicy asks: does the recipe ask for anything that the operator does not allow?
// It looks at files only. An enrolment that trusts the recipe's code allows whatever its
// files are; what a recipe asks of its platform is allowed one by one.
func (x *exam) askPolicy(ctx context.Context) error {
	failpoint.Hit("harness:" + string(run.StagePolicy))
	switch target := x.Enrolment.Target; target {
	case "", "process", "nomad", "swarm": // whether it can be had here was said when the app's place was prepared
	default:
		return fmt.Errorf("the targets process, nomad and swarm are deployed here, and the enrolment asks for %s: change target in the enrolment", target)
	}
	var denied []string
	if x.Policy != nil {
		x.say("holding what the recipe asks of its platform against the policy")
		var err error
		if denied, err = x.Policy(ctx); err != nil {
			return err
		}
	}
	if !x.Trusted {
		x.say("holding the recipe's files against the policy")
		more, err := x.weighed(ctx)
		if err != nil {
			return err
		}
		denied = append(denied, more...)
	}
	if len(denied) == 0 {
		return nil
	}
	return &run.Fault{
		Summary:  "the recipe asks for what the operator does not allow: " + denied[0],
		Evidence: denied,
		Hint:     "leave it out, or ask the operator to allow it in the enrolment",
	}
}

// weighed looks at the recipe's files.
func (x *exam) weighed(ctx context.Context) ([]string, error) {
	root, err := os.OpenRoot(x.Head.Dir)
	if err != nil {
		return nil, fmt.Errorf("cannot read the recipe: %v", err)
	}
	defer root.Close()
	denied, err := weigh(ctx, root.FS())
	if err != nil {
		return nil, err
	}
	return append(denied, startCommands(root.FS())...), nil
}

// weigh refuses files that no recipe needs, and more of them than anybody wrote.
func weigh(ctx context.Context, files fs.FS) (denied []string, err error) {
	count, bytes := 0, int64(0)
	err = fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return fmt.Errorf("cannot read the recipe: %v", err)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		info, err := entry.Info()
		if err != nil {
			return fmt.Errorf("cannot read the recipe: %v", err)
		}
		mode := info.Mode()
		switch {
		case mode&(fs.ModeDevice|fs.ModeNamedPipe|fs.ModeSocket|fs.ModeIrregular) != 0:
			denied = append(denied, fmt.Sprintf("%s: a device, pipe or socket", name))
		case mode&(fs.ModeSetuid|fs.ModeSetgid) != 0 && mode.IsRegular():
			denied = append(denied, fmt.Sprintf("%s: a program that runs as another user", name))
		}
		if mode.IsRegular() {
			count, bytes = count+1, bytes+info.Size()
		}
		if count > mostFiles || bytes > mostBytes {
			denied = append(denied, fmt.Sprintf("%s: more than %d files or %d GiB", path.Dir(name), mostFiles, mostBytes>>30))
			return fs.SkipAll
		}
		return nil
	})
	return denied, err
}

// startCommands refuses start commands that ask for privileges. A Procfile that
// cannot be read is not policy's question: the deployer says what is wrong with it.
func startCommands(files fs.FS) (denied []string) {
	// A pipe of that name would hold us for ever.
	if info, err := fs.Stat(files, "Procfile"); err != nil || !info.Mode().IsRegular() {
		return nil
	}
	file, err := files.Open("Procfile")
	if err != nil {
		return nil
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if len(line) > 0 && line[0] == '#' {
			continue
		}
		if found := privilegedCommand.FindStringSubmatch(line); found != nil {
			denied = append(denied, fmt.Sprintf("Procfile:%d: %s asks for privileges", n, found[1]))
		}
	}
	if err := lines.Err(); err != nil {
		denied = append(denied, "Procfile: "+err.Error())
	}
	return denied
}
