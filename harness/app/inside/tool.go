package inside

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// PartEnv is the environment variable that says which inner part a copy of this
// program plays, and PartTool is the part that is Tool.
const (
	PartEnv  = "SEATRIAL_INNER"
	PartTool = "tool"
)

// Public says of a volume that others on this machine can reach what is in it.
const Public = "public"

// exitNotExist is how the get tool says that there is no such file.
const exitNotExist = 3

// Question is what the sql tool reads. Its answer is the rows as JSON.
type Question struct {
	File       string   `json:"file"`
	Statements []string `json:"statements"`
}

// Tool does one thing to the app's files, as whoever this process runs as, and returns
// the code to exit with. Where that is 0, it has complained, a line a kind, of what it
// could not keep. The tools are
//
//	tar-out DIR   tar-in DIR [public]   tar-merge DIR [public]   put DIR NAME   get DIR NAME   files DIR   databases DIR...   sql
//	confined ROOT UID GID TOOL...
//
// The last one is for root alone: it makes a folder all that can be seen, then becomes
// another user, then is the tool.
func Tool(ctx context.Context, args []string, in io.Reader, out, complain io.Writer) (exit int) {
	notKept, err := tool(ctx, args, in, out)
	switch {
	case err == nil:
		for _, line := range notKept {
			fmt.Fprintln(complain, line)
		}
		return 0
	case errors.Is(err, fs.ErrNotExist):
		exit = exitNotExist
	default:
		exit = 1
	}
	fmt.Fprintln(complain, err)
	return exit
}

// ToolLines are the lines of a tool that ended well.
func ToolLines(said string) []string {
	return slices.Collect(func(yield func(string) bool) {
		for line := range strings.Lines(said) {
			if !yield(strings.TrimSpace(line)) {
				return
			}
		}
	})
}

// ToolError makes an error of how a process that was a Tool ended and what it said.
func ToolError(code, signal int, said string) error {
	said = strings.TrimSpace(said)
	switch {
	case code == 0 && signal == 0:
		return nil
	case code == exitNotExist && signal == 0:
		return fmt.Errorf("%s: %w", said, fs.ErrNotExist)
	case said != "":
		return errors.New(said)
	case signal != 0:
		return fmt.Errorf("it was ended by signal %d", signal)
	default:
		return fmt.Errorf("it exited with code %d", code)
	}
}

func tool(ctx context.Context, args []string, in io.Reader, out io.Writer) (notKept []string, err error) {
	if len(args) < 1 {
		return nil, errors.New("no tool was named")
	}
	verb, rest := args[0], args[1:]
	public := len(rest) == 2 && rest[1] == Public
	switch {
	case verb == "confined" && len(rest) > 3:
		if err := confine(rest[0], rest[1], rest[2]); err != nil {
			return nil, err
		}
		return tool(ctx, rest[3:], in, out)
	case verb == "tar-out" && len(rest) == 1:
		return Export(rest[0], out)
	case verb == "tar-in" && (len(rest) == 1 || public):
		return Import(rest[0], public, in)
	case verb == "tar-merge" && (len(rest) == 1 || public):
		return Merge(rest[0], public, in)
	case verb == "put" && len(rest) == 2:
		return nil, Put(rest[0], rest[1], in)
	case verb == "get" && len(rest) == 2:
		return nil, Get(rest[0], rest[1], out)
	case verb == "files" && len(rest) == 1:
		list, err := Files(rest[0])
		if err != nil {
			return nil, fmt.Errorf("cannot list the files: %w", err)
		}
		return nil, json.NewEncoder(out).Encode(list)
	case verb == "databases":
		return nil, answerDatabases(rest, out)
	case verb == "sql" && len(rest) == 0:
		return nil, answerSQL(ctx, in, out)
	default:
		return nil, fmt.Errorf("there is no tool %q with %d arguments", verb, len(rest))
	}
}

func answerDatabases(dirs []string, out io.Writer) error {
	found := map[string][]string{}
	for _, dir := range dirs {
		names, err := Databases(dir)
		if err != nil {
			return fmt.Errorf("cannot look for databases in %s: %w", dir, err)
		}
		found[dir] = names
	}
	return json.NewEncoder(out).Encode(found)
}

func answerSQL(ctx context.Context, in io.Reader, out io.Writer) error {
	var question Question
	if err := json.NewDecoder(in).Decode(&question); err != nil {
		return fmt.Errorf("cannot read the statements: %w", err)
	}
	rows, err := SQL(ctx, question.File, question.Statements)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(rows)
}
