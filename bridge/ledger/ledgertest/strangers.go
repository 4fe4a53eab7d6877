package ledgertest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
)

// Stranger implements ledger.Strangers.
func (m *Memory) Stranger(ctx context.Context, repo forge.Repo, at time.Time) error {
	return m.do(ctx, func() error {
		at = at.Round(0).UTC()
		known, ok := m.strangers[repo]
		if !ok {
			known = ledger.StrangerRepo{Repo: repo, First: at, Last: at}
		}
		if at.After(known.Last) {
			known.Last = at
		}
		m.strangers[repo] = known
		if all := m.sortedStrangers(); len(all) > ledger.MostStrangers {
			delete(m.strangers, all[len(all)-1].Repo)
		}
		return nil
	})
}

// Strangers implements ledger.Strangers.
func (m *Memory) Strangers(ctx context.Context) (all []ledger.StrangerRepo, err error) {
	err = m.do(ctx, func() error {
		all = m.sortedStrangers()
		return nil
	})
	return all, err
}

func (m *Memory) sortedStrangers() (all []ledger.StrangerRepo) {
	for _, s := range m.strangers {
		all = append(all, s)
	}
	slices.SortFunc(all, func(a, b ledger.StrangerRepo) int {
		return cmp.Or(b.Last.Compare(a.Last), cmp.Compare(a.Repo.Forge, b.Repo.Forge), cmp.Compare(a.Repo.Owner, b.Repo.Owner), cmp.Compare(a.Repo.Name, b.Repo.Name))
	})
	return all
}

func strangers(t *testing.T, s Subject) {
	ctx := t.Context()
	wiki := forge.Repo{Forge: "gitea", Owner: "org", Name: "wiki"}
	for _, hook := range []struct {
		repo forge.Repo
		at   time.Time
	}{{wiki, at(1)}, {repo, at(2)}, {wiki, at(5)}, {wiki, at(3)}} { // the last one was late
		must(t, s.Stranger(ctx, hook.repo, hook.at))
	}
	got, err := s.Strangers(ctx)
	want := []ledger.StrangerRepo{{Repo: wiki, First: at(1), Last: at(5)}, {Repo: repo, First: at(2), Last: at(2)}}
	if diff := gocmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("strangers (-want +got): %v\n%s", err, diff)
	}
	for i := range ledger.MostStrangers {
		must(t, s.Stranger(ctx, forge.Repo{Forge: "gitea", Owner: "org", Name: fmt.Sprint("r", i)}, at(10+i)))
	}
	got, err = s.Strangers(ctx)
	if err != nil || len(got) != ledger.MostStrangers || got[0].Repo.Name != "r999" || got[len(got)-1].Repo.Name != "r0" {
		t.Errorf("%d are remembered, %v; want the latest %d", len(got), err, ledger.MostStrangers)
	}
}
