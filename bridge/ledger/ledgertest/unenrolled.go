package ledgertest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
)

func (m *Memory) SeeUnenrolled(ctx context.Context, repo forge.Repo, at time.Time) error {
	return m.do(ctx, func() error {
		at = at.Round(0).UTC()
		known, ok := m.unenrolled[repo]
		if !ok {
			known = ledger.UnenrolledRepo{Repo: repo, First: at, Last: at}
		}
		if at.After(known.Last) {
			known.Last = at
		}
		m.unenrolled[repo] = known
		if all := m.sortedUnenrolled(); len(all) > ledger.MostUnenrolled {
			delete(m.unenrolled, all[len(all)-1].Repo)
		}
		return nil
	})
}

func (m *Memory) Unenrolled(ctx context.Context) ([]ledger.UnenrolledRepo, error) {
	return read(ctx, m, m.sortedUnenrolled)
}

func (m *Memory) sortedUnenrolled() []ledger.UnenrolledRepo {
	return slices.SortedFunc(maps.Values(m.unenrolled), func(a, b ledger.UnenrolledRepo) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Repo.Forge, b.Repo.Forge), cmp.Compare(a.Repo.Owner, b.Repo.Owner), cmp.Compare(a.Repo.Name, b.Repo.Name))
	})
}

func unenrolled(t *testing.T, s Subject) {
	ctx := t.Context()
	wiki := forge.Repo{Forge: "gitea", Owner: "org", Name: "wiki"}
	for _, hook := range []struct {
		repo forge.Repo
		at   time.Time
	}{{wiki, at(1)}, {repo, at(2)}, {wiki, at(5)}, {wiki, at(3)}} { // the last one was late
		must(t, s.SeeUnenrolled(ctx, hook.repo, hook.at))
	}
	got, err := s.Unenrolled(ctx)
	want := []ledger.UnenrolledRepo{{Repo: wiki, First: at(1), Last: at(5)}, {Repo: repo, First: at(2), Last: at(2)}}
	same(t, "unenrolled", want, got, err)
	for i := range ledger.MostUnenrolled {
		must(t, s.SeeUnenrolled(ctx, forge.Repo{Forge: "gitea", Owner: "org", Name: fmt.Sprint("r", i)}, at(10+i)))
	}
	got, err = s.Unenrolled(ctx)
	if err != nil || len(got) != ledger.MostUnenrolled || got[0].Repo.Name != "r999" || got[len(got)-1].Repo.Name != "r0" {
		t.Errorf("%d are remembered, %v; want the latest %d", len(got), err, ledger.MostUnenrolled)
	}
}
