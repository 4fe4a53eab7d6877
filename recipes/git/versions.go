package git

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"golang.org/x/mod/semver"

	"seatrial/internal/lazyregexp"
)

// Version is a published release: a tag with a semantic version in it.
type Version struct {
	Tag    string
	Semver string // v1.2.3, with what follows - and +
	Commit string
}

// Pre says that it was published for trying out: 2.0.0-rc1.
func (v Version) Pre() bool { return semver.Prerelease(v.Semver) != "" }

var (
	atEnd      = lazyregexp.New(`(?:^|[^0-9A-Za-z.])v?([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$`)
	numberRuns = lazyregexp.New(`[0-9]+|[^0-9]+`)
)

// semverIn finds the semantic version at the end of a tag: v1.2.3, 1.0.0+2.3.4,
// release/1.2.3, app-1.2.3.
func semverIn(tag string) (string, bool) {
	m := atEnd.FindStringSubmatch(tag)
	if m == nil || !semver.IsValid("v"+m[1]) {
		return "", false
	}
	return "v" + m[1], true
}

// newer orders versions, the highest first. What follows + decides nothing in
// semantic versions, but recipes count their upstream's version there: it breaks ties.
func newer(a, b Version) int {
	return -cmp.Or(
		semver.Compare(a.Semver, b.Semver),
		compareNatural(semver.Build(a.Semver), semver.Build(b.Semver)),
		strings.Compare(a.Tag, b.Tag),
	)
}

// compareNatural compares numbers in text as numbers: 2.10 is above 2.9.
func compareNatural(a, b string) int {
	return slices.CompareFunc(numberRuns.FindAllString(a, -1), numberRuns.FindAllString(b, -1), func(x, y string) int {
		x, y = strings.TrimLeft(x, "0"), strings.TrimLeft(y, "0")
		isNumber := func(s string) bool { return s == "" || s[0] >= '0' && s[0] <= '9' }
		if isNumber(x) && isNumber(y) && len(x) != len(y) {
			return cmp.Compare(len(x), len(y))
		}
		return strings.Compare(x, y)
	})
}

// Versions lists what was published: the tags that match the glob and contain a
// semantic version, highest first. With a commit, only those that it descends from.
func (r *Repo) Versions(ctx context.Context, glob, reachableFrom string) ([]Version, error) {
	const format = "%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
	args := []string{"for-each-ref", "--format=" + format}
	if reachableFrom != "" {
		if !fullHash.MatchString(reachableFrom) {
			return nil, fmt.Errorf("%q is not a commit's full hash", reachableFrom)
		}
		args = append(args, "--merged="+reachableFrom)
	}
	out, err := r.ask(ctx, append(args, "refs/tags")...)
	if err != nil {
		return nil, fmt.Errorf("cannot list the published versions: %w", err)
	}
	glob = cmp.Or(glob, "*")
	var found []Version
	for line := range strings.Lines(out) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\x00")
		if len(fields) != 5 {
			continue
		}
		tag, commit := fields[0], fields[2]
		if fields[1] == "tag" {
			commit = fields[4]
		}
		if fields[1] != "commit" && fields[3] != "commit" {
			continue // a tag of something else, or of another tag
		}
		matches, err := doublestar.Match(glob, tag)
		if err != nil {
			return nil, fmt.Errorf("%q is not a glob over tags: %w", glob, err)
		}
		if version, ok := semverIn(tag); matches && ok {
			found = append(found, Version{Tag: tag, Semver: version, Commit: commit})
		}
	}
	slices.SortFunc(found, newer)
	return found, nil
}

// latest is the version that people run: the highest that is not for trying out, or
// the highest of those where there is nothing else.
func latest(versions []Version) (Version, bool) {
	if len(versions) == 0 {
		return Version{}, false
	}
	if i := slices.IndexFunc(versions, func(v Version) bool { return !v.Pre() }); i >= 0 {
		return versions[i], true
	}
	return versions[0], true
}
