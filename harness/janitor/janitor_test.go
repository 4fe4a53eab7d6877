package janitor_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"seatrial/harness/app"
	"seatrial/harness/janitor"
	"seatrial/harness/run"
)

var now = time.Date(2026, 3, 14, 12, 0, 0, 0, time.UTC)

// place is a platform in memory. stubborn counts how often a removal fails first.
type place struct {
	mu       sync.Mutex // objects of several runs are removed at once
	objects  []app.Object
	stubborn map[string]int
	lies     map[string]bool // says that it removed and did not
	removed  []string
	listErr  error
	breaks   int // after so many listings they fail
	lists    int
}

func (p *place) Objects(context.Context) ([]app.Object, error) {
	if p.lists++; p.breaks > 0 && p.lists > p.breaks {
		return nil, errors.New("the platform hangs")
	}
	return slices.Clone(p.objects), p.listErr
}

func (p *place) Remove(_ context.Context, o app.Object) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lies[o.ID] {
		return nil
	}
	if p.stubborn[o.ID] > 0 {
		p.stubborn[o.ID]--
		return errors.New("it is busy")
	}
	p.removed = append(p.removed, o.ID)
	p.objects = slices.DeleteFunc(p.objects, func(x app.Object) bool { return x.ID == o.ID })
	return nil
}

type state int

const (
	unknown state = iota
	alive
	ended
	unclear
)

// owners knows runs. Which it does not list is unknown.
type owners map[run.ID]state

func (o owners) Owner(_ context.Context, id run.ID) (live, found bool, err error) {
	switch o[id] {
	case alive:
		return true, true, nil
	case ended:
		return false, true, nil
	case unclear:
		return false, false, errors.New("the journal does not answer")
	}
	return false, false, nil
}

func object(id, instance string, r run.ID, expires time.Time) app.Object {
	return app.Object{Kind: "folder", ID: id, Labels: run.Labels{Instance: instance, Run: r, Attempt: 1, Expires: expires}}
}

func sweeper(o janitor.Owners, places ...app.Place) *janitor.Janitor {
	return &janitor.Janitor{Instance: "us", Places: places, Owners: o, Abandoned: func(i string) bool { return i == "gone" }, Now: func() time.Time { return now }}
}

func TestTheRule(t *testing.T) {
	old, young := run.NewID(now.Add(-time.Hour)), run.NewID(now.Add(-10*time.Second))
	soon, justNow, longAgo := now.Add(time.Hour), now.Add(-9*time.Minute), now.Add(-2*time.Hour)
	for _, c := range []struct {
		name    string
		object  app.Object
		state   state
		options janitor.Options
		goes    bool
		why     string
	}{
		{"ours, live", object("x", "us", old, soon), alive, janitor.Options{}, false, "lives"},
		{"ours, live, long expired", object("x", "us", old, longAgo), alive, janitor.Options{}, false, "lives"},
		{"ours, ended, lease not over", object("x", "us", old, soon), ended, janitor.Options{}, true, "ended"},
		{"ours, unknown, lease not over", object("x", "us", old, soon), unknown, janitor.Options{}, true, "unknown"},
		{"ours, labels lost their expiry", object("x", "us", old, time.Time{}), unknown, janitor.Options{}, true, "unknown"},
		{"ours, nobody can be asked", object("x", "us", old, longAgo), unclear, janitor.Options{}, false, "does not answer"},
		{"ours, younger than half a minute", object("x", "us", young, soon), unknown, janitor.Options{}, false, "30s"},
		{"another's, lease not over", object("x", "them", old, soon), unknown, janitor.Options{}, false, "them"},
		{"another's, ended, lease not over", object("x", "them", old, soon), ended, janitor.Options{}, false, "them"},
		{"another's, within the margin", object("x", "them", old, justNow), unknown, janitor.Options{}, false, "2026-03-14T12:01:00Z"},
		{"another's, past the margin", object("x", "them", old, longAgo), unknown, janitor.Options{}, true, "2h0m0s ago"},
		{"another's, past the margin, live", object("x", "them", old, longAgo), alive, janitor.Options{}, false, "lives"},
		{"another's, past the margin, nobody can be asked", object("x", "them", old, longAgo), unclear, janitor.Options{}, false, "does not answer"},
		{"another's, without an expiry", object("x", "them", old, time.Time{}), unknown, janitor.Options{}, false, "does not say when"},
		{"a run's at home whose program ended a moment ago", object("x", "gone", young, soon), unknown, janitor.Options{}, true, "the program that made it has ended"},
		{"a run's at home whose program ended, an age asked for", object("x", "gone", old, soon), unknown, janitor.Options{OlderThan: time.Hour}, false, "1h0m0s"},
		{"nobody's", object("x", "", old, longAgo), unknown, janitor.Options{}, false, "yourself"},
		{"of no run", object("x", "us", "", longAgo), unknown, janitor.Options{}, false, "yourself"},
		{"of a run that is none", object("x", "us", "../etc", longAgo), unknown, janitor.Options{}, false, "yourself"},
		{"ours, not expired for so long", object("x", "us", old, justNow), ended, janitor.Options{OlderThan: time.Hour}, false, "1h0m0s"},
		{"ours, expired for longer", object("x", "us", old, longAgo), ended, janitor.Options{OlderThan: time.Hour}, true, "ended"},
		{"ours, expiry not known, an age asked for", object("x", "us", old, time.Time{}), ended, janitor.Options{OlderThan: time.Hour}, false, "1h0m0s"},
		{"another's, a short age does not shorten the margin", object("x", "them", old, justNow), unknown, janitor.Options{OlderThan: time.Minute}, false, "them"},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &place{objects: []app.Object{c.object}}
			result, err := sweeper(owners{c.object.Labels.Run: c.state}, p).Sweep(t.Context(), c.options)
			if err != nil {
				t.Fatal(err)
			}
			if got := len(p.removed) == 1; got != c.goes {
				t.Errorf("removed: %v, want %v", got, c.goes)
			}
			if text := strings.Join(result.Lines(), "\n"); !strings.Contains(text, c.why) {
				t.Errorf("the result does not say %q:\n%s", c.why, text)
			}
		})
	}
}

func TestOneFailureDoesNotStopTheSweep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		id := run.NewID(now.Add(-time.Hour))
		p := &place{stubborn: map[string]int{"busy": 2, "stuck": 99}, lies: map[string]bool{"ghost": true}}
		for _, name := range []string{"first", "busy", "stuck", "ghost", "last"} {
			p.objects = append(p.objects, object(name, "us", id, now))
		}
		broken := &place{listErr: errors.New("no such host")}
		result, err := sweeper(owners{id: ended}, broken, p).Sweep(t.Context(), janitor.Options{})
		if err == nil || !strings.Contains(err.Error(), "no such host") || !strings.Contains(err.Error(), "cannot remove 2 of 5 objects") {
			t.Errorf("the error does not tell both failures: %v", err)
		}
		if diff := cmp.Diff([]string{"last", "first", "busy"}, p.removed); diff != "" {
			t.Errorf("removed (-want +got):\n%s", diff)
		}
		want := []string{
			"removed: folder last of run ID: its run has ended",
			"left over: folder ghost of run ID: it is still there after being removed",
			"left over: folder stuck of run ID: it is busy",
			"removed: folder busy of run ID: its run has ended",
			"removed: folder first of run ID: its run has ended",
			"3 removed, 0 kept, 2 left over",
		}
		got := result.Lines()
		for i := range got {
			got[i] = strings.ReplaceAll(got[i], string(id), "ID")
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("lines (-want +got):\n%s", diff)
		}
	})
}

func TestADryRunRemovesNothing(t *testing.T) {
	id := run.NewID(now.Add(-time.Hour))
	p := &place{objects: []app.Object{object("a", "us", id, now), object("b", "them", id, now)}}
	result, err := sweeper(owners{}, p).Sweep(t.Context(), janitor.Options{DryRun: true})
	if err != nil || len(p.removed) != 0 {
		t.Fatalf("removed %v, error %v", p.removed, err)
	}
	if text := strings.Join(result.Lines(), "\n"); !strings.Contains(text, "would remove: folder a") || !strings.HasSuffix(text, "1 would be removed, 1 kept") {
		t.Errorf("the result does not say what would happen:\n%s", text)
	}
}

// revived is a run that comes to life when it was asked about once.
type revived struct{ asked int }

func (r *revived) Owner(context.Context, run.ID) (live, found bool, err error) {
	r.asked++
	return r.asked > 1, true, nil
}

func TestTheOwnerIsAskedAnewForEachObject(t *testing.T) {
	id := run.NewID(now.Add(-time.Hour))
	p := &place{objects: []app.Object{object("a", "us", id, now), object("b", "us", id, now)}}
	if _, err := sweeper(&revived{}, p).Sweep(t.Context(), janitor.Options{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"b"}, p.removed); diff != "" {
		t.Errorf("removed (-want +got):\n%s", diff)
	}
}

func TestWhatCannotBeListedAgainIsNotCalledRemoved(t *testing.T) {
	id := run.NewID(now.Add(-time.Hour))
	p := &place{objects: []app.Object{object("a", "us", id, now)}, breaks: 1}
	result, err := sweeper(owners{}, p).Sweep(t.Context(), janitor.Options{})
	if err == nil || len(result.Items) != 1 || result.Items[0].Fate != janitor.Left {
		t.Errorf("error %v, fate %s", err, result.Items[0].Fate)
	}
}

func TestWithoutANameNothingIsSwept(t *testing.T) {
	j := sweeper(owners{}, &place{})
	j.Instance = ""
	if _, err := j.Sweep(t.Context(), janitor.Options{}); err == nil {
		t.Error("an empty instance selects everything and must be refused")
	}
	if _, err := sweeper(owners{}).Sweep(t.Context(), janitor.Options{OlderThan: -1}); err == nil {
		t.Error("a negative age must be refused")
	}
}

func TestALiveRunLosesNothing(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		known := owners{}
		var ids []run.ID
		for range rapid.IntRange(1, 5).Draw(r, "runs") {
			id := run.NewID(now.Add(-time.Duration(rapid.IntRange(0, 7200).Draw(r, "age")) * time.Second))
			ids = append(ids, id)
			known[id] = state(rapid.IntRange(0, 3).Draw(r, "state"))
		}
		p := &place{}
		for i := range rapid.IntRange(0, 12).Draw(r, "objects") {
			expires := now.Add(time.Duration(rapid.IntRange(-9999, 9999).Draw(r, "expiry")) * time.Second)
			o := object(fmt.Sprint(i), rapid.SampledFrom([]string{"us", "them", ""}).Draw(r, "instance"), rapid.SampledFrom(ids).Draw(r, "run"), expires)
			p.objects = append(p.objects, o)
		}
		before := slices.Clone(p.objects)
		options := janitor.Options{OlderThan: time.Duration(rapid.IntRange(0, 100).Draw(r, "older")) * time.Minute}
		if _, err := sweeper(known, p).Sweep(t.Context(), options); err != nil {
			r.Fatal(err)
		}
		for _, o := range before {
			gone := slices.Contains(p.removed, o.ID)
			switch s := known[o.Labels.Run]; {
			case gone && (s == alive || s == unclear):
				r.Fatalf("an object of a run that may live is gone: %+v", o)
			case gone && o.Labels.Instance != "us" && !o.Labels.Expires.Add(10*time.Minute).Before(now):
				r.Fatalf("another's object is gone before its time: %+v", o)
			}
		}
	})
}
