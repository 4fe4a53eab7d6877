package e2e_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/bridge/forge/forgetest"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// TestNomadJanitor leaves on a cluster and a node what a lost run leaves, beside what a
// living one needs, and lets the janitor come as Nomad starts it.
func TestNomadJanitor(t *testing.T) {
	n := theNomad(t)
	t.Parallel()
	s, err := newStage(forgetest.NewServer(t), t.TempDir(), binary(t, ""))
	if err != nil {
		t.Fatal(err)
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(s.onNomad(n, nil))
	check(s.register(builderJob(s.namespaces.Runs, "sleeper", "sleep 300")))
	long := time.Now().Add(-time.Hour)
	lost := run.Labels{Instance: cluster.Instance("gone"), Run: run.NewID(long), Attempt: 1, Expires: time.Now().Add(time.Hour)}
	alive := run.Labels{Instance: cluster.Instance("here"), Run: run.NewID(long), Attempt: 1, Expires: long}
	meta := map[string]string{}
	for _, key := range cluster.RequiredMeta {
		meta[key] = "x"
	}
	_, _, err = n.client.Jobs().Dispatch("sleeper", meta, nil, cluster.ChildTemplate(alive.Run, 1), &api.WriteOptions{Namespace: s.namespaces.Runs})
	check(err)
	records := cluster.Records{Dir: filepath.Join(s.nodeState, "attempts")}
	folder := func(l run.Labels) string { return filepath.Join(s.nodeState, "work", string(l.Run)+"-1") }
	for _, l := range []run.Labels{lost, alive} {
		check(records.Write(l))
		check(os.MkdirAll(folder(l), 0o755))
		check(cluster.TakeLease(t.Context(), n.client, s.namespaces, l, "some allocation"))
		check(s.app(l))
	}
	_, err = n.nomad("job", "periodic", "force", "-namespace", s.namespaces.Runs, cluster.JobJanitor)
	check(err)
	gone := func(l run.Labels) (what []string) {
		if !exists(folder(l)) {
			what = append(what, "folder")
		}
		if !records.Has(l) {
			what = append(what, "record")
		}
		if _, _, err := n.client.Variables().Read(cluster.LeasePath(l.Run, 1), n.client.Query(context.Background(), s.namespaces.Runs)); cluster.Is(err, cluster.ErrNotFound) {
			what = append(what, "lease")
		}
		if _, _, err := n.client.Jobs().Info(appName(l), n.client.Query(context.Background(), s.namespaces.Apps)); cluster.Is(err, cluster.ErrNotFound) {
			what = append(what, "app")
		}
		return what
	}
	check(s.eventually("the lost run's things to be gone", false, func() (bool, error) { return len(gone(lost)) == 4, nil }))
	if left := gone(alive); len(left) > 0 {
		t.Errorf("of a run that lives the janitor took %v", left)
	}
	// An operator sees the same from anywhere, and changes nothing by looking.
	look := exec.Command(s.program, "--state", filepath.Join(s.dir, "operator"), "janitor", "--nomad", "--dry-run")
	look.Env = append(os.Environ(), "NOMAD_ADDR="+n.addr, "NOMAD_TOKEN="+n.token, "NOMAD_NAMESPACE="+s.namespaces.Runs)
	said, err := look.CombinedOutput()
	check(err)
	if !strings.Contains(string(said), "its run still lives") {
		t.Errorf("the operator is told:\n%s", said)
	}
	for _, namespace := range []string{s.namespaces.Runs, s.namespaces.Apps} {
		jobs, _, err := n.client.Jobs().List(n.client.Query(t.Context(), namespace))
		check(err)
		for _, job := range jobs {
			_, _, err := n.client.Jobs().Deregister(job.ID, true, n.client.Write(t.Context(), namespace))
			check(err)
		}
	}
	check(s.offNomad())
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func appName(l run.Labels) string { return "app-" + string(l.Run) }

// app registers what looks like an app under test.
func (s *stage) app(l run.Labels) error {
	job := builderJob(s.namespaces.Apps, appName(l), "sleep 300")
	job.Type, job.ParameterizedJob, job.Meta = ptr("service"), nil, cluster.LabelMeta(l)
	job.TaskGroups[0].ReschedulePolicy = nil
	_, _, err := s.nomad.client.Jobs().Register(job, &api.WriteOptions{Namespace: s.namespaces.Apps})
	return err
}
