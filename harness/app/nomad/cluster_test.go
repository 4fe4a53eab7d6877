package nomad

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
)

func wantFault(t *testing.T, err error, says string) *app.Fault {
	t.Helper()
	f, ok := errors.AsType[*app.Fault](err)
	if !ok || !strings.Contains(f.Summary, says) {
		t.Fatalf("want a fault that says %q, got %v", says, err)
	}
	return f
}

func noError(t *testing.T, err error) {
	t.Helper()
	if f, ok := errors.AsType[*app.Fault](err); ok {
		t.Fatalf("fault: %s\n%s", f.Summary, strings.Join(f.Evidence, "\n"))
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsWrongWithAJobFileIsSaidBeforeAnythingIsMade(t *testing.T) {
	t.Parallel()
	s := need(t)
	good := jobFile("exec ./guest serve")
	for name, c := range map[string]struct{ job, says string }{
		"no HCL":             {"job \"x\" {\n  group \"web\" {\n    tsk \"web\" {}\n  }\n}\n", "guest.nomad.hcl:3:5: Unsupported block type"},
		"a missing value":    {`variable "missing" {}` + good, `the variable "missing" has no default`},
		"against the policy": {strings.Replace(good, `port "http" {}`, `port "http" { static = 80 }`, 1), "group web: the port \"http\" is fixed to 80"},
		"a file of ours":     {strings.Replace(good, `VERSION = var.version`, `VERSION = file("/etc/passwd")`, 1), "guest.nomad.hcl:"},
		"no volume":          {strings.ReplaceAll(good, `source = "data"`, `source = "release"`), `no task mounts the volume "data"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a, _ := newApp(t, s)
			wantFault(t, a.Deploy(t.Context(), s.release(t, "1.0.0", c.job)), c.says)
			left, err := a.Inventory(t.Context())
			if err != nil || len(left) > 0 {
				t.Errorf("made nevertheless: %v %v", left, err)
			}
		})
	}
}

func TestWhoIsToBlameForAFailedStart(t *testing.T) {
	t.Parallel()
	s := need(t)
	good := jobFile("exec ./guest serve")
	t.Run("a program that is not there is the recipe's", func(t *testing.T) {
		t.Parallel()
		a, _ := newApp(t, s)
		wantFault(t, a.Deploy(t.Context(), s.release(t, "1.0.0", strings.Replace(good, `command = "/bin/sh"`, `command = "/bin/none"`, 1))), "web could not be started by the driver exec")
	})
	t.Run("a helper that fails is the recipe's, with its log", func(t *testing.T) {
		t.Parallel()
		a, _ := newApp(t, s)
		helper := `task "prepare" {
      driver = "exec"
      lifecycle { hook = "prestart" }
      config {
        command = "/bin/sh"
        args = ["-c", "echo cannot migrate; exit 3"]
      }
    }
    task "web" {`
		f := wantFault(t, a.Deploy(t.Context(), s.release(t, "1.0.0", strings.Replace(good, `task "web" {`, helper, 1))), "prepare exited with code 3")
		if !strings.Contains(strings.Join(f.Evidence, "\n"), "cannot migrate") {
			t.Errorf("evidence: %q", f.Evidence)
		}
	})
	t.Run("an unknown driver's lack of a node is ours", func(t *testing.T) {
		t.Parallel()
		var asked atomic.Int64 // each time it is later than one waits for room
		a, _ := newApp(t, s, func(c *Config) {
			c.Now = func() time.Time { return time.Now().Add(time.Duration(asked.Add(1)) * 2 * placeLimit) }
		})
		err := a.Deploy(t.Context(), s.release(t, "1.0.0", strings.Replace(good, `driver      = "exec"`, `driver = "qemu"`, 1)))
		if _, blamed := errors.AsType[*app.Fault](err); blamed || err == nil || !strings.Contains(err.Error(), "no node fits (group web: missing drivers") {
			t.Errorf("got %v", err)
		}
	})
}

func TestTextOfAnEnrolmentIsNoTemplate(t *testing.T) {
	t.Parallel()
	s := need(t)
	const text = `${env["HOME"]} %{ if true }x%{ endif } "quoted" {{ key }}`
	a, _ := newApp(t, s, func(c *Config) { c.Enrolment.Env = map[string]string{"COLOUR": text} })
	job := strings.Replace(jobFile("exec ./guest serve"), "COLOUR  = var.colour", "COLOUR = replace(var.colour, \"$\", \"_\")", 1)
	noError(t, a.Deploy(t.Context(), s.release(t, "1.0.0", job)))
	got, err := a.Exec(t.Context(), app.Command{Shell: `echo "$COLOUR"`})
	noError(t, err)
	if want := strings.ReplaceAll(text, "$", "_") + "\n"; got.Output != want {
		t.Errorf("got %q, want %q", got.Output, want)
	}
}

func TestLinksInAVolumeLeadNowhere(t *testing.T) {
	t.Parallel()
	s := need(t)
	a, _ := newApp(t, s)
	noError(t, a.Deploy(t.Context(), s.release(t, "1.0.0", jobFile("exec ./guest serve"))))
	secret := filepath.Join(t.TempDir(), "secret")
	noError(t, os.WriteFile(secret, []byte("ours"), 0o666))
	dir, err := a.folderOf(t.Context(), "data")
	noError(t, err)
	for link, to := range map[string]string{"out": secret, "top": "/", "users.db": "/etc/passwd"} {
		noError(t, os.Symlink(to, filepath.Join(dir, link)))
	}
	if content, err := a.Get(t.Context(), "data", "out"); err == nil {
		t.Errorf("a link was followed: %q", content)
	}
	if err := a.Put(t.Context(), "data", "out", []byte("theirs")); err == nil {
		t.Error("a link was written through")
	}
	if err := a.Put(t.Context(), "data", "top"+filepath.Dir(secret)+"/new", []byte("theirs")); err == nil {
		t.Error("a link to a folder was written through")
	}
	var stream bytes.Buffer
	_, err = a.Export(t.Context(), "data", &stream)
	noError(t, err)
	if bytes.Contains(stream.Bytes(), []byte("ours")) {
		t.Error("a link's target was exported")
	}
	_, err = a.SQL(t.Context(), app.Database{Engine: "sqlite", Name: "x", Volume: "data", Path: "/data/users.db"}, "SELECT 1")
	if err == nil {
		t.Error("a link was asked as a database")
	}
	if list, err := a.Databases(t.Context()); err != nil || len(list) > 0 {
		t.Errorf("databases: %v %v", list, err)
	}
	if content, err := os.ReadFile(secret); err != nil || string(content) != "ours" {
		t.Errorf("the file outside is now %q, %v", content, err)
	}
}

func TestTheAppGetsItsVariablesAndPrintsToTheLog(t *testing.T) {
	t.Parallel()
	s := need(t)
	a, book := newApp(t, s)
	noError(t, a.Deploy(t.Context(), s.release(t, "1.0.0", jobFile("echo version $VERSION colour $COLOUR data $DATA_DIR; exec ./guest serve"))))
	want := "web: version 1.0.0 colour green data /data"
	for deadline := time.Now().Add(20 * time.Second); !strings.Contains(book.String(), want); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("the log has no %q", want)
		}
	}
}

func TestAnothersJobIsNotReplaced(t *testing.T) {
	t.Parallel()
	s := need(t)
	first, _ := newApp(t, s)
	noError(t, first.Deploy(t.Context(), s.release(t, "1.0.0", jobFile("exec ./guest serve"))))
	second, _ := newApp(t, s, func(c *Config) { c.Label = first.cfg.Label })
	err := second.Deploy(t.Context(), s.release(t, "2.0.0", jobFile("exec ./guest serve")))
	if _, blamed := errors.AsType[*app.Fault](err); blamed || err == nil {
		t.Errorf("got %v", err)
	}
	noError(t, second.Destroy(t.Context()))
	noError(t, first.Alive(t.Context()))
}

func TestTheTaskThatFailedFirstIsBlamed(t *testing.T) {
	t.Parallel()
	s := need(t)
	a, _ := newApp(t, s)
	helper := `task "aside" {
      driver = "exec"
      config {
        command = "/bin/sh"
        args = ["-c", "exec sleep 600"]
      }
    }
    task "web" {`
	noError(t, a.Deploy(t.Context(), s.release(t, "1.0.0", strings.Replace(jobFile("sleep 1; echo out of luck; exit 9"), `task "web" {`, helper, 1))))
	var err error
	for deadline := time.Now().Add(20 * time.Second); err == nil && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		err = a.Alive(t.Context())
	}
	f := wantFault(t, err, "web exited with code 9")
	if !strings.Contains(strings.Join(f.Evidence, "\n"), "out of luck") {
		t.Errorf("evidence: %q", f.Evidence)
	}
}

func TestAPlaceFindsAndRemovesWhatIsOurs(t *testing.T) {
	t.Parallel()
	s := need(t)
	a, _ := newApp(t, s)
	noError(t, a.Deploy(t.Context(), s.release(t, "1.0.0", jobFile("exec ./guest serve"))))
	place := NewPlace(s.janitor, cluster.NamespacesFor("ci"))
	all, err := place.Objects(t.Context())
	noError(t, err)
	kinds := map[string]int{}
	for _, kind := range []string{KindJob, KindVolume} { // volumes are held by jobs
		for _, o := range all {
			if o.Kind == kind && a.ours(o.Labels) {
				kinds[kind]++
				noError(t, place.Remove(t.Context(), o))
				noError(t, place.Remove(t.Context(), o))
			}
		}
	}
	if kinds[KindJob] != 1 || kinds[KindVolume] != 2 {
		t.Errorf("found %v", kinds)
	}
	left, err := a.Inventory(t.Context())
	if err != nil || len(left) > 0 {
		t.Errorf("left: %v %v", left, err)
	}
}

func TestAPlaceRemovesNothingElse(t *testing.T) {
	t.Parallel()
	s := need(t)
	job := api.NewServiceJob("somebody-elses", "somebody-elses", "global", 50)
	job.Namespace, job.Datacenters = new("ci-apps"), []string{"dc1"}
	job.AddTaskGroup(api.NewTaskGroup("g", 0).AddTask(api.NewTask("t", "exec").SetConfig("command", "/bin/sh")))
	_, _, err := s.admin.Jobs().Register(job, nil)
	noError(t, err)
	t.Cleanup(func() {
		_, _, err := s.admin.Jobs().Deregister("somebody-elses", true, s.admin.Write(context.Background(), "ci-apps"))
		noError(t, err)
	})
	volume, _, err := s.admin.HostVolumes().Create(&api.HostVolumeCreateRequest{Volume: &api.HostVolume{Namespace: "ci-apps", Name: "keep", PluginID: "mkdir", NodeID: s.node}}, nil)
	noError(t, err)
	t.Cleanup(func() { noError(t, deleteVolume(context.Background(), s.admin, "ci-apps", volume.Volume.ID)) })
	place := NewPlace(s.janitor, cluster.NamespacesFor("ci"))
	for _, o := range []app.Object{{Kind: KindJob, ID: "somebody-elses"}, {Kind: KindVolume, ID: volume.Volume.ID}, {Kind: "node", ID: s.node}, {Kind: KindJob, ID: ""}, {Kind: KindVolume, ID: ""}} {
		if err := place.Remove(t.Context(), o); err == nil {
			t.Errorf("%+v was removed", o)
		}
	}
	noError(t, place.Remove(t.Context(), app.Object{Kind: KindJob, ID: "never-was"}))
	noError(t, place.Remove(t.Context(), app.Object{Kind: KindVolume, ID: "00000000-0000-0000-0000-000000000000"}))
	if _, _, err := s.admin.Jobs().Info("somebody-elses", s.admin.Query(t.Context(), "ci-apps")); err != nil {
		t.Error(err)
	}
}

func TestATaskOfRawExecFindsItsVolumesWhereTheyLie(t *testing.T) {
	t.Parallel()
	s := need(t)
	a, _ := newApp(t, s)
	job := strings.Replace(jobFile("cd $RELEASE_DIR; echo x > $NOMAD_TASK_DIR/stray; exec ./guest daemon"), `driver      = "exec"`, `driver      = "raw_exec"`, 1)
	job = strings.Replace(job, "cd /release; ", "", 1)
	noError(t, a.Deploy(t.Context(), s.release(t, "1.0.0", job)))
	noError(t, a.Put(t.Context(), "data", "kept", []byte("x")))
	list, err := a.Volumes(t.Context())
	noError(t, err)
	if content, err := os.ReadFile(filepath.Join(list[0].Path, "kept")); err != nil || string(content) != "x" {
		t.Errorf("the volume is not at %s: %v", list[0].Path, err)
	}
	var strays []app.Stray
	for deadline := time.Now().Add(10 * time.Second); len(strays) == 0 && time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		strays, err = a.Strays(t.Context())
		noError(t, err)
	}
	if len(strays) != 1 || !strings.HasSuffix(strays[0].Path, "/web/local/stray") || strays[0].Size != 2 {
		t.Errorf("strays: %+v", strays)
	}
	running, err := a.Running(t.Context())
	if err != nil || running.Name != "1.0.0" {
		t.Errorf("running %+v, %v", running, err)
	}
	thaw, err := a.Freeze(t.Context())
	noError(t, err)
	noError(t, thaw())
	noError(t, a.Stop(t.Context()))
}
