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

// Version is a published release: a tag with a version in it.
type Version struct {
	Tag    string
	Semver string // v1.2.3, with what follows - and +
	Loose  bool   // it is one after a fashion: 1.0, 2024.11.02
	Commit string
}

// Tags is what a repository's tags say about what was published.
type Tags struct {
	Versions []Version // highest first, and those after a fashion behind all others
	Odd      []string  // the glob takes them, and they hold no version
	Others   []string  // the glob leaves them out
}

// Pre says that it was published for trying out: 2.0.0-rc1.
func (v Version) Pre() bool { return semver.Prerelease(v.Semver) != "" }

var (
	atEnd      = lazyregexp.New(`(?:^|[^0-9A-Za-z.+])v?([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$`)
	looseAtEnd = lazyregexp.New(`(?:^|[^0-9A-Za-z.+])v?([0-9]+)\.([0-9]+)(?:\.([0-9]+))?(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?$`)
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

// versionIn finds the version in a tag: a semantic one, or else what people publish that
// is not quite one, 1.0 as 1.0.0 and 2024.11.02 as 2024.11.2.
func versionIn(tag string) (Version, bool) {
	if v, ok := semverIn(tag); ok {
		return Version{Tag: tag, Semver: v}, true
	}
	m := looseAtEnd.FindStringSubmatch(tag)
	if m == nil {
		return Version{}, false
	}
	for i, number := range m[1:4] {
		m[1+i] = cmp.Or(strings.TrimLeft(number, "0"), "0")
	}
	v := "v" + m[1] + "." + m[2] + "." + m[3] + m[4] + m[5]
	return Version{Tag: tag, Semver: v, Loose: true}, semver.IsValid(v)
}

// newer orders versions, the highest first. A loose one is behind every other: where both
// are there, it is more likely a date or the version of something else. What follows + decides nothing in
// semantic versions, but recipes count their upstream's version there: it breaks ties.
func newer(a, b Version) int {
	if a.Loose != b.Loose {
		if a.Loose {
			return 1
		}
		return -1
	}
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

// Versions lists what was published. With a commit, only what it descends from.
func (r *Repo) Versions(ctx context.Context, glob, reachableFrom string) ([]Version, error) {
	tags, err := r.Tags(ctx, glob, reachableFrom)
	return tags.Versions, err
}

// Tags sorts the repository's tags by what they say; those of no commit say nothing. A
// glob's * stops at a slash; without a glob every tag counts.
func (r *Repo) Tags(ctx context.Context, glob, reachableFrom string) (Tags, error) {
	const format = "%(refname:strip=2)%00%(objecttype)%00%(objectname)%00%(*objecttype)%00%(*objectname)"
	args := []string{"for-each-ref", "--format=" + format}
	if reachableFrom != "" {
		if !fullHash.MatchString(reachableFrom) {
			return Tags{}, fmt.Errorf("%q is not a commit's full hash", reachableFrom)
		}
		args = append(args, "--merged="+reachableFrom)
	}
	out, err := r.ask(ctx, append(args, "refs/tags")...)
	if err != nil {
		return Tags{}, fmt.Errorf("cannot list the published versions: %w", err)
	}
	glob = cmp.Or(glob, "**")
	var found Tags
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
			return Tags{}, fmt.Errorf("%q is not a glob over tags: %w", glob, err)
		}
		version, ok := versionIn(tag)
		switch {
		case !matches:
			found.Others = append(found.Others, tag)
		case !ok:
			found.Odd = append(found.Odd, tag)
		default:
			version.Commit = commit
			found.Versions = append(found.Versions, version)
		}
	}
	slices.SortFunc(found.Versions, newer)
	return found, nil
}

// names are the versions' tags.
func (t Tags) names() []string {
	var names []string
	for _, v := range t.Versions {
		names = append(names, v.Tag)
	}
	return names
}

// passedOver says why none of the tags is a release that the head descends from; nothing
// where there are no tags.
func (t Tags) passedOver(glob string) string {
	switch {
	case len(t.Versions) > 0:
		return "the head descends from none of the published versions: " + listed(t.names())
	case len(t.Odd) > 0:
		return "there is no version in what was published: " + listed(t.Odd)
	case len(t.Others) > 0:
		return fmt.Sprintf("versions.tags %q leaves out every tag: %s", glob, listed(t.Others))
	}
	return ""
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
