package e2e_test

import (
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// tracked are the files of the project, by path from its root.
func tracked(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard").Output()
	if err != nil {
		t.Skipf("this is not a git repository: %v", err)
	}
	names := strings.Split(strings.TrimRight(string(out), "\x00"), "\x00")
	return slices.DeleteFunc(names, func(name string) bool {
		info, err := os.Lstat(name)
		return err != nil || !info.Mode().IsRegular()
	})
}

// pages are the texts for people.
func pages(t *testing.T) []string {
	return slices.DeleteFunc(tracked(t), func(name string) bool {
		return filepath.Ext(name) != ".md" || strings.Contains(name, "testdata/")
	})
}

var (
	link    = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	heading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	notID   = regexp.MustCompile(`[^\p{L}\p{N} _-]`)
)

// prose is a page without what stands in code: there, nothing is a link or a heading.
func prose(page []byte) string {
	var kept []string
	fence := false
	for line := range strings.Lines(string(page)) {
		if strings.HasPrefix(line, "```") {
			fence = !fence
		}
		if !fence && !strings.HasPrefix(line, "    ") {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "")
}

// anchors are the headings of a page as forges link to them.
func anchors(page []byte) (all []string) {
	for _, m := range heading.FindAllStringSubmatch(prose(page), -1) {
		id := notID.ReplaceAllString(strings.ToLower(strings.TrimSpace(m[1])), "")
		all = append(all, strings.ReplaceAll(id, " ", "-"))
	}
	return all
}

func TestLinksLeadSomewhere(t *testing.T) {
	links := 0
	for _, name := range pages(t) {
		page, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(prose(page), -1) {
			if u, err := url.Parse(m[1]); err != nil || u.Scheme != "" {
				continue
			}
			links++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := name
			if file != "" {
				target = filepath.Join(filepath.Dir(name), file)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
				continue
			}
			if anchor == "" {
				continue
			}
			there, err := os.ReadFile(target)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Contains(anchors(there), anchor) {
				t.Errorf("%s links to %s, which has only the headings %v", name, m[1], anchors(there))
			}
		}
	}
	if links == 0 {
		t.Fatal("no page links to another: this test looks in the wrong place")
	}
}

// Every page of the documentation can be found from the first one.
func TestEveryPageIsLinked(t *testing.T) {
	found := map[string]bool{}
	var follow func(name string)
	follow = func(name string) {
		if found[name] {
			return
		}
		found[name] = true
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			follow(filepath.Join(name, "README.md"))
			return
		}
		page, err := os.ReadFile(name)
		if err != nil || filepath.Ext(name) != ".md" {
			return
		}
		for _, m := range link.FindAllStringSubmatch(prose(page), -1) {
			if file, _, _ := strings.Cut(m[1], "#"); file != "" && !strings.Contains(file, ":") {
				follow(filepath.Join(filepath.Dir(name), file))
			}
		}
	}
	follow("README.md")
	for _, name := range pages(t) {
		if strings.HasPrefix(name, "docs/") && !found[name] {
			t.Errorf("no page that README.md leads to links to %s", name)
		}
	}
}
