package cluster_test

import (
	"bytes"
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

var labels = run.Labels{
	Instance: cluster.Instance("0123456789ab"), Run: run.NewID(time.Date(2026, 5, 4, 8, 0, 0, 0, time.UTC)), Attempt: 2,
	Expires: time.Date(2026, 5, 4, 9, 5, 0, 0, time.UTC),
}

func TestLabelsAreReadBack(t *testing.T) {
	got, ok := cluster.ParseLabelMeta(cluster.LabelMeta(labels))
	if diff := cmp.Diff(labels, got); !ok || diff != "" {
		t.Errorf("from meta: %v\n%s", ok, diff)
	}
	got, purpose, ok := cluster.ParseLabelName(cluster.LabelName(labels, "up-loads"))
	if diff := cmp.Diff(labels, got); !ok || diff != "" || purpose != "up-loads" {
		t.Errorf("from a name: %v, %s\n%s", ok, purpose, diff)
	}
	if cluster.Instance(labels.Instance) != labels.Instance || !cluster.IsInstance(labels.Instance) || cluster.IsInstance("0123456789ab") {
		t.Error("an instance of a cluster is not told from others")
	}
	for _, meta := range []map[string]string{nil, {"seatrial_run": "x"}, {"seatrial_run": string(labels.Run), "seatrial_attempt": "1"}} {
		if _, ok := cluster.ParseLabelMeta(meta); ok {
			t.Errorf("labels were read from %v", meta)
		}
	}
}

func TestAChildIsToldByItsID(t *testing.T) {
	id := labels.Run
	job := "seatrial-run-guestbook/dispatch-" + cluster.ChildTemplate(id, 2) + "-1795620079-9f82d137"
	builder, gotID, attempt, ok := cluster.ParseChild(job)
	if !ok || builder != "seatrial-run-guestbook" || gotID != id || attempt != 2 || !strings.Contains(job, cluster.ChildMarker(id, 2)) {
		t.Errorf("%s is %s, %s, %d, %v", job, builder, gotID, attempt, ok)
	}
	if strings.Contains(strings.Replace(job, "-2-", "-21-", 1), cluster.ChildMarker(id, 2)) {
		t.Error("another attempt is taken for this one")
	}
	for _, other := range []string{"", "seatrial-run", "builder/dispatch-1795620079-9f82d137", "a/dispatch-pr-1-1795620079-9f82d137"} {
		if _, _, _, ok := cluster.ParseChild(other); ok {
			t.Errorf("%q was taken for an attempt", other)
		}
	}
}

func TestPackedTextIsNotInterpolated(t *testing.T) {
	job := map[string]string{"text": "${env[\"NOMAD_TOKEN\"]} {{ env \"HOME\" }}\x00"}
	packed, err := cluster.Pack(job)
	if err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(packed, "${}\x00 ") {
		t.Errorf("Nomad would see into %q", packed)
	}
	var got map[string]string
	if err := cluster.Unpack(packed, &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(job, got); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"", "!", packed[:len(packed)/2], "aGVsbG8"} {
		if err := cluster.Unpack(bad, &got); err == nil {
			t.Errorf("%q was unpacked", bad)
		}
	}
}

func TestALargeJobThatPacksWellIsNotUnpacked(t *testing.T) {
	packed, err := cluster.Pack(string(bytes.Repeat([]byte("x"), 9<<20)))
	if err != nil {
		t.Fatal(err)
	}
	var got string
	if err := cluster.Unpack(packed, &got); err == nil || !strings.Contains(err.Error(), "larger than") {
		t.Errorf("got %v", err)
	}
}

func TestJobIDs(t *testing.T) {
	for name, want := range map[string]bool{"a": true, "nix.cache_2-b": true, "": false, "-a": false, "a/b": false, "a b": false, "${x}": false, "ä": false, strings.Repeat("x", 129): false} {
		if cluster.IsJobID(name) != want {
			t.Errorf("%q: want %v", name, want)
		}
	}
}

func TestAnAddressIsChecked(t *testing.T) {
	t.Setenv("NOMAD_ADDR", "")
	for _, address := range []string{"nomad.example.org:4646", "ftp://x", "http://", "http://%zz"} {
		if _, err := cluster.NewClient(cluster.Config{Address: address}); err == nil || !strings.Contains(err.Error(), "write it like") {
			t.Errorf("%q: %v", address, err)
		}
	}
	client, err := cluster.NewClient(cluster.Config{Address: "http://127.0.0.1:4646", Token: "t", Namespace: "ci"})
	if err != nil || client.Address() != "http://127.0.0.1:4646" {
		t.Errorf("%v", err)
	}
}

// place lists what it was given.
type place []app.Object

func (p place) Objects(context.Context) ([]app.Object, error) { return p, nil }
func (p place) Remove(context.Context, app.Object) error      { return nil }

func TestRecordsSayWhoseAnObjectIs(t *testing.T) {
	records := cluster.Records{Dir: filepath.Join(t.TempDir(), "attempts")}
	other, local := labels, labels
	other.Attempt, local.Instance = 1, "0123456789ab"
	here := place{{ID: "ours", Labels: labels}, {ID: "another attempt's", Labels: other}, {ID: "made without the cluster", Labels: local}}
	own := records.Own(here)
	list := func() (ids []string) {
		objects, err := own.Objects(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, o := range objects {
			ids = append(ids, o.ID)
		}
		return ids
	}
	if got := list(); len(got) != 0 {
		t.Errorf("before anything was recorded: %v", got)
	}
	if err := records.Write(labels); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"ours", "made without the cluster"}, list()); diff != "" {
		t.Error(diff) // of the same attempt: its labels are damaged
	}
	others, err := records.Others(here).Objects(t.Context())
	if err != nil || len(others) != 0 {
		t.Errorf("left to others: %v, %v", others, err)
	}
	unknown := place{{ID: "another run's", Labels: run.Labels{Instance: "0123456789ab", Run: run.NewID(time.Now()), Attempt: 1}}}
	if others, err := records.Others(unknown).Objects(t.Context()); err != nil || len(others) != 1 {
		t.Errorf("what is no cluster's: %v, %v", others, err)
	}
	alive := true
	live := func(context.Context, run.ID) (bool, error) { return alive, nil }
	for _, step := range []struct {
		what  string
		place place
		alive bool
		kept  bool
	}{
		{"something is left", here, false, true},
		{"its run lives", nil, true, true},
		{"nothing is left, and it is over", nil, false, false},
	} {
		alive = step.alive
		if err := records.Prune(t.Context(), step.place, live); err != nil {
			t.Fatal(err)
		}
		if records.Has(labels) != step.kept {
			t.Errorf("%s: kept %v, want %v", step.what, !step.kept, step.kept)
		}
	}
	if err := records.Forget(labels); err != nil {
		t.Errorf("forgetting what is forgotten: %v", err)
	}
}

func TestValuesAreQuoted(t *testing.T) {
	for in, want := range map[string]string{
		"plain": `"plain"`, "": `""`, `a"b\c`: `"a\"b\\c"`, "a\nb\tc\r": `"a\nb\tc\r"`, "${x} %{y} $ % $${z}": `"$${x} %%{y} $ % $$${z}"`,
		"\x01": `"\U00000001"`, "ünïcode": `"ünïcode"`, "{{ key }}": `"{{ key }}"`,
	} {
		if got := cluster.Quote(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// What anybody may write into a cluster's meta, names and variables is read without a
// panic, and what is read is written back the same.
func FuzzNames(f *testing.F) {
	f.Add("seatrial-run/dispatch-"+cluster.ChildTemplate(labels.Run, 2)+"-1795620079-9f82d137", cluster.LabelName(labels, "data"))
	f.Add("a/dispatch-b", "seatrial.x.y.1.2.z")
	f.Fuzz(func(t *testing.T, job, name string) {
		if _, id, attempt, ok := cluster.ParseChild(job); ok && !strings.Contains(job, cluster.ChildMarker(id, attempt)) {
			t.Errorf("%q was taken for attempt %d of %s", job, attempt, id)
		}
		if l, purpose, ok := cluster.ParseLabelName(name); ok && cluster.LabelName(l, purpose) != name {
			t.Errorf("%q was read as %+v, %q", name, l, purpose)
		}
	})
}

func FuzzUnpack(f *testing.F) {
	packed, err := cluster.Pack(map[string]string{"a": "b"})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(packed)
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var v any
		_ = cluster.Unpack(text, &v)
	})
}
