package e2e_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is one fenced block of a page, with what stands before it.
type block struct {
	language, text string
	file           string // the block is to be written into this file
}

var (
	named = regexp.MustCompile("`([A-Za-z0-9_./-]+)`:$")
	// What differs from one run to the next.
	passing = regexp.MustCompile(`run [0-9a-z]{26}|[0-9.]+m?s\b|[1-9][0-9]* made`)
)

func blocks(page string) (all []block) {
	var before string
	var open *block
	for line := range strings.Lines(page) {
		text := strings.TrimRight(line, "\n")
		language, fence := strings.CutPrefix(text, "```")
		switch {
		case fence && open == nil:
			open = &block{language: language}
			if name := named.FindStringSubmatch(before); name != nil {
				open.file = name[1]
			}
		case fence:
			all = append(all, *open)
			open, before = nil, ""
		case open != nil:
			open.text += line
		case text != "":
			before = text
		}
	}
	return all
}

// settled is output without what changes from run to run.
func settled(output string) string {
	var lines []string
	for line := range strings.Lines(passing.ReplaceAllString(output, "…")) {
		lines = append(lines, strings.Join(strings.Fields(line), " "))
	}
	return strings.TrimSpace(strings.Join(lines, "\n"))
}

// The tutorial is done as it is written: its files, its commands, and what it says
// comes of them. The demo has a test of its own.
func TestTheTutorialIsTrue(t *testing.T) {
	if testing.Short() {
		t.Skip("it waits half a minute for apps that stay up")
	}
	if _, err := exec.LookPath("perl"); err != nil {
		t.Skip("the tutorial's app is written in Perl, and there is none here")
	}
	t.Parallel()
	page, err := os.ReadFile("docs/tutorial/first-run.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(page), "\n## 2. ")
	rest, _, ok2 := strings.Cut(rest, "\n## 7. ")
	if !ok || !ok2 {
		t.Fatal("the tutorial has other chapters than this test knows")
	}
	home := t.TempDir()
	folder, output := home, ""
	for _, b := range blocks(rest) {
		switch {
		case b.file != "":
			name := filepath.Join(folder, b.file)
			if err := os.WriteFile(name, []byte(b.text), 0o644); err != nil {
				t.Fatal(err)
			}
		case b.language == "sh":
			cmd := exec.Command("sh", "-c", b.text+"\ncode=$?; pwd >\"$HOME/folder\"; exit $code")
			cmd.Dir = folder
			cmd.Env = append(os.Environ(), "HOME="+home, "SEATRIAL_STATE="+filepath.Join(home, "state"), "GIT_CONFIG_NOSYSTEM=1",
				"PATH="+filepath.Dir(binary(t, ""))+":"+os.Getenv("PATH"))
			out, err := cmd.CombinedOutput()
			output = string(out)
			if err != nil && !strings.Contains(output, "\nFAIL: ") {
				t.Fatalf("%s\nends with %v:\n%s", b.text, err, output)
			}
			now, err := os.ReadFile(filepath.Join(home, "folder"))
			if err != nil {
				t.Fatal(err)
			}
			folder = strings.TrimSpace(string(now))
		case b.language == "text":
			if !strings.HasSuffix(settled(output), settled(b.text)) {
				t.Fatalf("the tutorial promises\n%s\nbut this comes:\n%s", b.text, output)
			}
		}
	}
	for _, name := range []string{"runs", "work"} {
		if left, err := os.ReadDir(filepath.Join(home, "state", name)); err != nil || len(left) > 0 {
			t.Errorf("nothing should be left in %s: %v, %v", name, left, err)
		}
	}
}
