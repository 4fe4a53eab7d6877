package git

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestSemverIn(t *testing.T) {
	for tag, want := range map[string]string{
		"1.2.3": "v1.2.3", "v1.2.3": "v1.2.3", "1.0.0+2.3.4": "v1.0.0+2.3.4", "release/v1.2.3": "v1.2.3", "app-1.2.3-rc.1": "v1.2.3-rc.1",
		"1.0+2.3.4": "", "1.2": "", "v1": "", "latest": "", "01.2.3": "", "1.2.3.4": "", "x1.2.3": "", "1.2.3 beta": "", "2024.01.02": "",
	} {
		if got, ok := semverIn(tag); got != want || ok != (want != "") {
			t.Errorf("semverIn(%q) = %q, %v; want %q", tag, got, ok, want)
		}
	}
}

func TestVersionInWhatIsNotQuiteOne(t *testing.T) {
	for tag, want := range map[string]string{
		"1.2": "v1.2.0", "v1.2-rc1": "v1.2.0-rc1", "2024.01.02": "v2024.1.2", "release/1.0": "v1.0.0", "01.2.3": "v1.2.3", "1.0+2.3.4": "v1.0.0+2.3.4",
		"v1": "", "latest": "", "1.2.3.4": "", "x1.2": "", "1.2 beta": "", "2024-spring": "",
	} {
		if v, ok := versionIn(tag); ok != (want != "") || ok && (v.Semver != want || !v.Loose) {
			t.Errorf("versionIn(%q) = %+v, %v; want %q", tag, v, ok, want)
		}
	}
	if v, ok := versionIn("release/1.2.3"); !ok || v.Loose {
		t.Errorf("a semantic version: %+v", v)
	}
}

func TestVersionsHighestFirst(t *testing.T) {
	r := newRepository(t)
	r.commit("a", "1")
	for _, tag := range []string{"1.0.0", "v1.10.0", "1.9.0", "2.0.0-rc1", "1.10.0+2.9", "1.10.0+2.10", "nightly", "other/3.0.0", "1.20", "2024.11.02"} {
		r.git("tag", tag)
	}
	r.git("tag", "-a", "-m", "annotated", "1.11.0")
	r.git("tag", "5.0.0", r.git("rev-parse", "HEAD^{tree}")) // of no commit
	ahead := r.commit("a", "2")
	r.git("tag", "4.0.0")
	repo := open(t, r)
	tags := func(glob, from string) []string {
		t.Helper()
		versions, err := repo.Versions(t.Context(), glob, from)
		if err != nil {
			t.Fatal(err)
		}
		var tags []string
		for _, v := range versions {
			tags = append(tags, v.Tag)
			if !fullHash.MatchString(v.Commit) {
				t.Errorf("%s points to %q", v.Tag, v.Commit)
			}
		}
		return tags
	}
	all := []string{"4.0.0", "2.0.0-rc1", "1.11.0", "1.10.0+2.10", "1.10.0+2.9", "v1.10.0", "1.9.0", "1.0.0", "2024.11.02", "1.20"}
	if diff := cmp.Diff(all, tags("*", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(all[1:], tags("*", r.git("rev-parse", ahead+"~1"))); diff != "" {
		t.Error("reachable:", diff)
	}
	if diff := cmp.Diff(slices.Insert(slices.Clone(all), 1, "other/3.0.0"), tags("", "")); diff != "" {
		t.Error("without a glob:", diff)
	}
	if diff := cmp.Diff([]string{"v1.10.0"}, tags("v*", "")); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"other/3.0.0"}, tags("other/*", "")); diff != "" {
		t.Error(diff)
	}
	if _, err := repo.Versions(t.Context(), "[", ""); err == nil {
		t.Error("a bad glob was taken")
	}
	if _, err := repo.Versions(t.Context(), "*", "--help"); err == nil {
		t.Error("an option was taken for a commit")
	}
}

func TestLatestIsNotForTryingOut(t *testing.T) {
	versions := []Version{{Tag: "2.0.0-rc1", Semver: "v2.0.0-rc1"}, {Tag: "1.0.0", Semver: "v1.0.0"}}
	if v, ok := latest(versions); !ok || v.Tag != "1.0.0" {
		t.Errorf("got %v", v)
	}
	if v, ok := latest(versions[:1]); !ok || v.Tag != "2.0.0-rc1" {
		t.Errorf("where there is nothing else: %v", v)
	}
	if _, ok := latest(nil); ok {
		t.Error("found one in nothing")
	}
}

func TestNaturalOrder(t *testing.T) {
	sorted := []string{"", "1.2", "1.10", "2.9", "2.10", "2.10.1", "a"}
	if !slices.IsSortedFunc(sorted, compareNatural) {
		t.Error(sorted)
	}
}
