package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"unicode"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"seatrial/harness/run"
)

// wantEvents holds a file of events against what is promised of it.
func wantEvents(text string) error {
	var last int64
	var kinds []run.Kind
	for line := range strings.Lines(text) {
		var e run.Event
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&e); err != nil {
			return fmt.Errorf("this line is not an event: %w: %s", err, line)
		}
		if e.Seq <= last || e.Run == "" || e.Source != run.Harness || e.At.IsZero() {
			return fmt.Errorf("event %d is out of order or says too little: %s", last+1, line)
		}
		last, kinds = e.Seq, append(kinds, e.Kind)
	}
	if len(kinds) < 3 || kinds[0] != run.KindStarted || kinds[len(kinds)-1] != run.KindFinished {
		return fmt.Errorf("the events do not lead from started to finished: %v", kinds)
	}
	return nil
}

func wantResult(text, verdict string) error {
	schema, err := jsonschema.NewCompiler().Compile("harness/result/schema.json")
	if err != nil {
		return err
	}
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		return fmt.Errorf("the result does not keep to its schema: %w\n%s", err, text)
	}
	if got := value.(map[string]any)["verdict"]; got != verdict {
		return fmt.Errorf("the verdict is %v, not %s:\n%s", got, verdict, text)
	}
	return nil
}

// wantHarmless finds what would steer a terminal, turn the reading direction, or be
// no text.
func wantHarmless(text string) error {
	for i, line := range strings.Split(text, "\n") {
		for _, r := range line {
			if r != '\t' && unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
				return fmt.Errorf("line %d holds %U: %q", i+1, r, line)
			}
		}
	}
	return nil
}

var address = regexp.MustCompile(`http://([a-z0-9.-]+):([0-9]+)`)

// visit asks the app of a run by its name; resolvers do not know it everywhere.
func visit(text, wanted string) error {
	found := address.FindStringSubmatch(text)
	if found == nil {
		return fmt.Errorf("there is no address in %q", text)
	}
	req, err := http.NewRequest("GET", "http://127.0.0.1:"+found[2]+"/", nil)
	if err != nil {
		return err
	}
	req.Host = found[1]
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(body), wanted) {
		err = fmt.Errorf("%s shows %q, not %q", found[0], body, wanted)
	}
	return err
}

// nothingNamed looks for a file that a hostile name would have made, in every folder
// of the script and in the test's own.
func (s *scene) nothingNamed(name string) error {
	if _, err := os.Stat(name); err == nil {
		return fmt.Errorf("%s is there, beside the tests", name)
	}
	return filepath.WalkDir(s.dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && entry.Name() == name {
			return fmt.Errorf("%s is there", path)
		}
		return nil
	})
}

// leftBelow are the processes and mounts of a folder. The machine is asked, not our
// own code.
func leftBelow(dir string) []string {
	var left []string
	// The folder itself, and not another whose name begins like its.
	named := regexp.MustCompile(regexp.QuoteMeta(dir) + `($|[^\w-])`)
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range lines {
		cmdline, _ := os.ReadFile(path)
		environ, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "environ"))
		cwd, _ := os.Readlink(filepath.Join(filepath.Dir(path), "cwd"))
		if named.Match(cmdline) || named.Match(environ) || named.MatchString(cwd) {
			left = append(left, "process "+filepath.Base(filepath.Dir(path))+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	mounts, _ := os.ReadFile("/proc/self/mounts")
	if named.Match(mounts) {
		left = append(left, "a mount below "+dir)
	}
	return left
}

// leftIn is what runs left in a state folder: their work, and what they are.
func leftIn(state string) []string {
	var left []string
	for _, pattern := range []string{"work/*", "runs/*"} {
		found, _ := filepath.Glob(filepath.Join(state, pattern))
		left = append(left, found...)
	}
	return left
}
