package process

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/internal/procs"
)

// startVictim starts a process of the given user outside of every sandbox.
func startVictim(t *testing.T, uid int) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("sleep", "60")
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd
}

// harnessEnv makes TestAsHarness play a harness: it holds a Config and a Release.
const harnessEnv = "SEATRIAL_TEST_HARNESS"

type asHarness struct {
	Config  Config
	Release app.Release
}

// TestAsHarness is no test: it is the harness that another test kills.
func TestAsHarness(t *testing.T) {
	script := os.Getenv(harnessEnv)
	if script == "" {
		t.Skip("for TestAKilledHarnessLeavesNoProcess")
	}
	var h asHarness
	if err := json.Unmarshal([]byte(script), &h); err != nil {
		t.Fatal(err)
	}
	a, err := New(h.Config)
	must(t, err)
	must(t, a.Deploy(context.Background(), h.Release))
	_, err = a.Get(context.Background(), "data", "nothing") // so that there is a toolbox too
	fmt.Println("up:", err)
	time.Sleep(time.Minute)
}

func TestAKilledHarnessLeavesNoProcess(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		h := asHarness{Config: f.cfg, Release: release(t, "1.0.0", map[string]string{"Procfile": "web: ./guest daemon\nworker: ./guest linger\n"})}
		script, err := json.Marshal(struct {
			Config  map[string]any
			Release app.Release
		}{withoutFunctions(t, h.Config), h.Release})
		if err != nil {
			t.Fatal(err)
		}
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		harness := exec.Command(self, "-test.run=^TestAsHarness$", "-test.v")
		harness.Env = append(os.Environ(), harnessEnv+"="+string(script))
		said, err := harness.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := harness.Start(); err != nil {
			t.Fatal(err)
		}
		var heard []string
		for lines := bufio.NewScanner(said); lines.Scan(); {
			heard = append(heard, lines.Text())
			if strings.HasPrefix(lines.Text(), "up:") {
				break
			}
		}
		if len(f.ownProcesses()) == 0 {
			t.Fatalf("nothing was started: %q", heard)
		}
		harness.Process.Kill()
		harness.Wait()
		deadline := time.Now().Add(10 * time.Second)
		for left := f.ownProcesses(); len(left) > 0; left = f.ownProcesses() {
			if time.Now().After(deadline) {
				t.Fatalf("still there: %q", procs.CommandLines(left))
			}
			time.Sleep(20 * time.Millisecond)
		}
		// What is left has labels, and goes by them.
		place := NewPlace(f.cfg.WorkRoot, "janitor")
		objects := ofRun(t, place, f.cfg)
		kinds := map[string]int{}
		for _, o := range objects {
			kinds[o.Kind]++
			if o.Labels.Instance != "test" || o.Labels.Expires.Unix() != f.cfg.Labels.Expires.Unix() {
				t.Errorf("labels: %+v", o)
			}
			must(t, place.Remove(t.Context(), o))
			must(t, place.Remove(t.Context(), o))
		}
		if kinds[KindFolder] != 1 || kinds[KindProcess] != 0 || (m == isolated) != (kinds[KindCgroup] == 2) {
			t.Errorf("left over: %v", kinds)
		}
		if left := ofRun(t, place, f.cfg); len(left) > 0 {
			t.Errorf("after the janitor: %+v", left)
		}
	})
}

func withoutFunctions(t *testing.T, cfg Config) map[string]any {
	t.Helper()
	return map[string]any{
		"Labels": cfg.Labels, "Label": cfg.Label, "BaseURL": cfg.BaseURL, "Enrolment": cfg.Enrolment,
		"WorkRoot": cfg.WorkRoot, "Isolate": cfg.Isolate, "UID": cfg.UID,
	}
}

func ofRun(t *testing.T, place app.Place, cfg Config) []app.Object {
	t.Helper()
	all, err := place.Objects(t.Context())
	must(t, err)
	var ours []app.Object
	for _, o := range all {
		if o.Labels.Run == cfg.Labels.Run {
			ours = append(ours, o)
		}
	}
	return ours
}

func TestAPlaceFindsWhatIsDamaged(t *testing.T) {
	f := newApp(t, plain)
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
	must(t, f.Stop(t.Context()))
	if err := os.WriteFile(f.path(labelsFile), []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(f.halfMade(), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"somebody-elses", "01k9zq3v8e2m4n6p8r0t2v4x6y", ".01k9zq3v8e2m4n6p8r0t2v4x6y-1"} {
		if err := os.Mkdir(filepath.Join(f.cfg.WorkRoot, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	place := NewPlace(f.cfg.WorkRoot, "mine")
	objects := ofRun(t, place, f.cfg)
	if len(objects) != 2 {
		t.Fatalf("objects: %+v", objects)
	}
	for _, o := range objects {
		if o.Labels.Instance != "mine" || !o.Labels.Expires.IsZero() || o.Labels.Attempt != 1 || o.Detail == "" {
			t.Errorf("object: %+v", o)
		}
		must(t, place.Remove(t.Context(), o))
	}
	entries, err := os.ReadDir(f.cfg.WorkRoot)
	if err != nil || len(entries) != 3 {
		t.Errorf("what is not ours was touched: %v %v", entries, err)
	}
}

func TestAPlaceRemovesNothingElse(t *testing.T) {
	dir := t.TempDir()
	victim := startVictim(t, os.Getuid())
	p, _ := procs.Read(victim.Process.Pid)
	place := NewPlace(filepath.Join(dir, "work"), "mine")
	for _, o := range []app.Object{
		{Kind: KindFolder, ID: dir},
		{Kind: KindFolder, ID: filepath.Join(dir, "work")},
		{Kind: KindFolder, ID: filepath.Join(dir, "elsewhere", "01k9zq3v8e2m4n6p8r0t2v4x6y-1")},
		{Kind: KindFolder, ID: filepath.Join(dir, "work", "01k9zq3v8e2m4n6p8r0t2v4x6y-1", "..", "..")},
		{Kind: KindCgroup, ID: ""},
		{Kind: KindCgroup, ID: "../memory"},
		{Kind: KindCgroup, ID: "system.slice"},
		{Kind: KindProcess, ID: "1:0"},
		{Kind: KindProcess, ID: ""},
		{Kind: KindProcess, ID: fmt.Sprintf("%d:%d", p.PID, p.Start)},
		{Kind: "user", ID: "root"},
	} {
		if err := place.Remove(t.Context(), o); err == nil {
			t.Errorf("%+v was removed", o)
		}
	}
	must(t, place.Remove(t.Context(), app.Object{Kind: KindFolder, ID: filepath.Join(dir, "work", "01k9zq3v8e2m4n6p8r0t2v4x6y-1")}))
	if now, ok := procs.Read(p.PID); !ok || now.Dead() {
		t.Error("a stranger's process was killed")
	}
}
