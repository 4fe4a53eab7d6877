package lint

import (
	"errors"
	"slices"
	"strings"

	"golang.org/x/mod/semver"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

var (
	semverAtEnd = lazyregexp.New(`(?:^|[^0-9A-Za-z.+])v?([0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?)$`)
	changelog   = lazyregexp.New(`(?i)^(?:changelog|changes|news|history|releases?)(?:\..+)?$`)
)

// versionRules are about what was published.
func versionRules() []rule {
	return []rule{
		{"version-not-semver", run.SeverityWarning, versionNotSemver},
		{"no-release-note", run.SeverityWarning, noReleaseNote},
		{"no-published-version", run.SeverityNote, noPublishedVersion},
		{"every-tag-left-out", run.SeverityWarning, everyTagLeftOut},
	}
}

func versionNotSemver(r *recipe, say say) {
	for _, tag := range r.tags() {
		if versionIn(tag) == "" {
			say("", 0, "the tag %s holds no semantic version, so nothing is upgraded from it where there is one: publish it as one like 1.2.3, or leave it out with versions.tags", visible(tag))
		}
	}
}

func noReleaseNote(r *recipe, say say) {
	version := r.newest()
	if version == "" || !r.raisesMajor(version) || r.noted(version) {
		return
	}
	number := visible(strings.TrimPrefix(version, "v"))
	if r.swarm() {
		say("", 0, "%s is a new major version and nothing says what changes for operators: write it into release/%s, which abra shows before an upgrade", number, number)
		return
	}
	say("", 0, "%s is a new major version and nothing says what changes for operators: write it into release/%s.md, or into a CHANGELOG", number, number)
}

func noPublishedVersion(r *recipe, say say) {
	if len(r.tags()) == 0 && len(r.Others) == 0 && !r.Unknown {
		say("", 0, "nothing was published yet, so no upgrade can be tried: tag a commit with a version like 1.0.0")
	}
}

func everyTagLeftOut(r *recipe, say say) {
	if len(r.tags()) > 0 || len(r.Others) == 0 || r.Unknown {
		return
	}
	const most = 5
	left := r.Others[:min(len(r.Others), most)]
	say("", 0, "versions.tags %s leaves out every tag, such as %s, so nothing is upgraded from: widen it, and know that * stops at a slash and ** does not",
		visible(r.Enrolment.Versions.Tags), visible(strings.Join(left, ", ")))
}

// tags is what was published, these files included.
func (r *recipe) tags() []string {
	tags := slices.Clone(r.Versions)
	if r.Version != "" && !slices.Contains(tags, r.Version) {
		tags = append(tags, r.Version)
	}
	return tags
}

// newest is the version of these files, or, where they have none yet, the highest
// that was published for everybody. A Co-op Cloud recipe says its next version itself.
func (r *recipe) newest() string {
	if r.Version != "" {
		return versionIn(r.Version)
	}
	if r.Recipe != nil && versionIn(r.Recipe.Version) != "" {
		return versionIn(r.Recipe.Version)
	}
	var highest string
	for _, tag := range r.Versions {
		if v := versionIn(tag); v != "" && semver.Prerelease(v) == "" && (highest == "" || semver.Compare(v, highest) > 0) {
			highest = v
		}
	}
	return highest
}

// versionIn is the semantic version at the end of a tag, in the form v1.2.3, or empty.
func versionIn(tag string) string {
	m := semverAtEnd.FindStringSubmatch(tag)
	if m == nil || !semver.IsValid("v"+m[1]) {
		return ""
	}
	return "v" + m[1]
}

// raisesMajor says whether something older was published, and all of it with a
// lower major version.
func (r *recipe) raisesMajor(version string) bool {
	older := false
	for _, tag := range r.Versions {
		v := versionIn(tag)
		if v == "" || semver.Compare(v, version) >= 0 {
			continue
		}
		if semver.Major(v) == semver.Major(version) {
			return false
		}
		older = true
	}
	return older
}

// noted says whether the version has a note, or a change log that names it.
func (r *recipe) noted(version string) bool {
	number := strings.TrimPrefix(version, "v")
	for _, e := range r.entries {
		// abra gives this note the version's name when it is released.
		if r.swarm() && r.Version == "" && !slices.Contains(r.Versions, number) && e.path == "release/next" {
			return true
		}
		for _, name := range []string{version, number} {
			if e.path == "release/"+name || strings.HasPrefix(e.path, "release/"+name+".") {
				return true
			}
		}
	}
	log, ok := r.inRoot(changelog)
	if !ok {
		return false
	}
	// A change log that is too long to be read whole begins with what is new.
	text, err := r.read(log.path)
	return strings.Contains(text, number) || err != nil && !errors.Is(err, errTooLarge)
}
