package perform

import (
	"context"
	"slices"

	"seatrial/bridge/dispatch"
	"seatrial/harness"
	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/state"
	"seatrial/recipes"
	"seatrial/recipes/git"
)

// Source brings the code by git, if there is room for it.
type Source struct {
	git  git.Source
	copy string // the folder that is fetched from, in the place of a private repository's address
	disk string
}

// NewSource brings a recipe's code. copy is the folder of a private repository's copy,
// empty for none; disk is where there must be room.
func NewSource(mirrors string, e recipes.Enrolment, copy, disk string) Source {
	return Source{git: git.Source{Mirrors: mirrors, Tags: e.Versions.Tags}, copy: copy, disk: disk}
}

// Fetch implements harness.Source.
func (s Source) Fetch(ctx context.Context, code run.Code, from, into string) (harness.Fetched, error) {
	if err := state.CheckSpace(s.disk); err != nil {
		return harness.Fetched{}, err
	}
	got, err := s.git.Fetch(ctx, git.Code{
		URL: code.URL, Copy: s.copy, Ref: code.Ref, Commit: code.Commit, Base: code.Base, WorkTree: code.WorkTree,
	}, from, into)
	if err != nil {
		return harness.Fetched{}, err
	}
	fetched := harness.Fetched{
		Head: release(got.Head), Subject: got.Subject, Versions: slices.Clone(got.Tags.Odd), Others: got.Tags.Others, NoPrevious: got.NoPrevious, Unknown: got.Unknown,
	}
	for _, v := range got.Tags.Versions {
		fetched.Versions = append(fetched.Versions, v.Tag)
	}
	if got.Previous != nil {
		previous := release(*got.Previous)
		previous.Published = true
		fetched.Previous = &previous
	}
	return fetched, nil
}

func release(r git.Release) app.Release {
	return app.Release{Name: r.Name, Commit: r.Commit, Tree: r.Tree, Dir: r.Dir}
}

// dependencies are those of a job, as the harness knows them.
func dependencies(job dispatch.Job) []harness.Dep {
	var deps []harness.Dep
	for _, d := range job.Deps {
		deps = append(deps, harness.Dep{Name: d.Name, URL: d.URL, Copy: d.Copy, Enrolment: d.Enrolment, Trusted: d.Trusted})
	}
	return deps
}

// latest brings what was published last of a dependency, if there is room for it.
func latest(mirrors, disk string) func(context.Context, harness.Dep, string) (app.Release, error) {
	return func(ctx context.Context, d harness.Dep, into string) (app.Release, error) {
		if err := state.CheckSpace(disk); err != nil {
			return app.Release{}, err
		}
		s := git.Source{Mirrors: mirrors, Tags: d.Enrolment.Versions.Tags}
		got, err := s.Latest(ctx, git.Code{URL: d.URL, Copy: d.Copy}, into)
		published := release(got)
		published.Published = true
		return published, err
	}
}
