package process

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"seatrial/harness/app"
	"seatrial/internal/procs"
	"seatrial/recipes"
)

// hostile deploys a good app in a sandbox, from which tests try to break out.
func hostile(t *testing.T, change ...func(*Config)) *fixture {
	t.Parallel()
	needIsolation(t)
	f := newApp(t, isolated, change...)
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
	f.ask(t, "/version")
	return f
}

// sh runs a line in the app's place; the web service runs it, as hostile code would.
func (f *fixture) sh(t *testing.T, line string) string {
	t.Helper()
	return f.ask(t, "/run?line="+url.QueryEscape(line))
}

func TestHostileCodeReadsNoFileOfOurs(t *testing.T) {
	f := hostile(t)
	state := t.TempDir()
	token := filepath.Join(state, "token")
	if err := os.WriteFile(token, []byte("s3cret-token"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{state, filepath.Dir(state)} {
		if err := os.Chmod(dir, 0o755); err != nil { // not the modes keep it out, but the sandbox
			t.Fatal(err)
		}
	}
	for _, line := range []string{
		"cat " + token,
		"cat /proc/1/root" + token,
		"cat /proc/1/cwd" + token,
		"ls -R /root /var /run /srv /mnt /sys",
		"cat /etc/shadow /etc/ssh/ssh_host_*",
		"cat " + f.path(labelsFile),
		"tr '\\0' '\\n' < /proc/1/environ",
		"ls -l /proc/1/fd /proc/1/exe",
		"cat /.seatrial/x; cat /proc/1/mem",
	} {
		if said := f.sh(t, line); strings.Contains(said, "s3cret") || !strings.Contains(said, "error:") {
			t.Errorf("%s: %s", line, said)
		}
	}
	if said := f.sh(t, "ls /"); said != strings.Join(strings.Fields("app bin dev etc home lib lib64 proc sbin tmp usr volumes"), "\n") {
		t.Logf("the sandbox shows: %q", strings.Fields(said)) // depends on the machine: no /lib64 on some
		for _, name := range strings.Fields(said) {
			if strings.Contains(" root var run srv mnt opt sys boot work ", " "+name+" ") {
				t.Errorf("the sandbox shows /%s", name)
			}
		}
	}
}

func TestHostileCodeWritesNoEvent(t *testing.T) {
	f := hostile(t)
	out := t.TempDir()
	events := filepath.Join(out, "events.jsonl")
	if err := os.WriteFile(events, []byte("{}\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	f.sh(t, fmt.Sprintf("echo forged >> %s; mkdir -p %s && echo forged > %s/x", events, out, out))
	if content, err := os.ReadFile(events); err != nil || string(content) != "{}\n" {
		t.Errorf("%q %v", content, err)
	}
	if _, err := os.Stat(filepath.Join(out, "x")); err == nil {
		t.Error("a file was written into the output folder")
	}
	if said := f.sh(t, "ls /proc/self/fd"); said != "0\n1\n2\n3" { // 3 is the listing itself
		t.Errorf("inherited descriptors: %q", said)
	}
	for _, place := range []string{"/x", "/usr/x", "/etc/x", "/volumes/x", "/home/x", "/.seatrial", "/etc/passwd"} {
		if said := f.sh(t, "echo x >> "+place); !strings.Contains(said, "error:") {
			t.Errorf("%s can be written", place)
		}
	}
}

func TestHostileCodeReachesNobody(t *testing.T) {
	f := hostile(t)
	other := newApp(t, isolated)
	must(t, other.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": "web: PORT=8081 ./guest serve\n"})))
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	targets := []string{"127.0.0.1:" + port, "[::1]:" + port, "127.0.0.1:8081"}
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, address := range addresses {
		if ip, _, err := net.ParseCIDR(address.String()); err == nil && ip.To4() != nil {
			targets = append(targets, net.JoinHostPort(ip.String(), port))
		}
	}
	for _, target := range targets {
		if said := f.sh(t, "./guest dial "+target); !strings.Contains(said, "not reached") {
			t.Errorf("%s: %s", target, said)
		}
	}
	if said := f.sh(t, "./guest dial 127.0.0.1:$PORT"); !strings.Contains(said, "reached 127.0.0.1:"+strconv.Itoa(f.instance().port)) {
		t.Errorf("it does not reach itself: %s", said)
	}
	if said := f.sh(t, "ps ax -o args 2>/dev/null || ls /proc | grep '^[0-9]'"); strings.Contains(said, "process.test") {
		t.Errorf("it sees our processes: %s", said)
	}
}

func TestHostileCodeKillsNobody(t *testing.T) {
	f := hostile(t)
	victim := startVictim(t, f.cfg.UID)
	for _, pid := range []int{os.Getpid(), victim.Process.Pid, 1} {
		f.sh(t, "kill -9 "+strconv.Itoa(pid))
	}
	must(t, f.Alive(t.Context()))
	exec, err := f.Exec(t.Context(), app.Command{Shell: "kill -9 -1"}) // everything that it may
	if err == nil && exec.ExitCode == 0 {
		t.Log("kill -9 -1 ended with code 0")
	}
	if _, ok := procs.Read(victim.Process.Pid); !ok {
		t.Error("a process outside, of the same user, was killed")
	}
	if err := waitFor(func() error { return f.Alive(t.Context()) }); err == nil {
		t.Error("the app says that it lives")
	}
	wantFault(t, f.Stop(t.Context()), "web was ended by signal 9")
	must(t, f.Start(t.Context()))
	f.ask(t, "/version")
}

func TestHostileCodeGainsNothing(t *testing.T) {
	f := hostile(t)
	if said := f.sh(t, "./guest unshare; unshare -Ur id; unshare -n true"); strings.Contains(said, "root again") || strings.Contains(said, "uid=0") {
		t.Errorf("a user namespace can be had: %s", said)
	}
	status := f.sh(t, "cat /proc/self/status")
	for _, want := range []string{
		"CapInh:\t0000000000000000", "CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "CapBnd:\t0000000000000000", "CapAmb:\t0000000000000000",
		"NoNewPrivs:\t1", "Seccomp:\t2", fmt.Sprintf("Uid:\t%d\t%d\t%d\t%d", f.cfg.UID, f.cfg.UID, f.cfg.UID, f.cfg.UID),
		fmt.Sprintf("Gid:\t%d\t%d\t%d\t%d", f.cfg.UID, f.cfg.UID, f.cfg.UID, f.cfg.UID),
	} {
		if !strings.Contains(status, want) {
			t.Errorf("want %q in:\n%s", want, status)
		}
	}
	// Those above 31 are the C library's and the machine's own affair.
	var ignored uint64
	if _, after, ok := strings.Cut(status, "SigIgn:\t"); !ok || !scanHex(after, &ignored) || ignored&(1<<31-1) != 0 {
		t.Errorf("it ignores signals (%x):\n%s", ignored, status)
	}
	if said := f.sh(t, "mount -t tmpfs none /tmp; chroot / true; su -c id"); strings.Contains(said, "uid=0") {
		t.Errorf("it became root: %s", said)
	}
	env := f.ask(t, "/env")
	for line := range strings.SplitSeq(env, "\n") {
		key, _, _ := strings.Cut(line, "=")
		if !strings.Contains(" BASE_URL COLOUR DATA_DIR HOME LANG PATH PORT PWD TMPDIR UP_LOADS_DIR USER SEATRIAL_RUN SEATRIAL_ATTEMPT SEATRIAL_INSTANCE SEATRIAL_EXPIRES SEATRIAL_SERVICE ", " "+key+" ") {
			t.Errorf("a variable too many: %s", line)
		}
	}
}

func scanHex(s string, into *uint64) bool {
	n, err := fmt.Sscanf(s, "%x", into)
	return n == 1 && err == nil
}

func TestHostileMemory(t *testing.T) {
	t.Parallel()
	needIsolation(t)
	f := newApp(t, isolated, func(c *Config) { c.Enrolment.Resources.Memory = 64 << 20 })
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": "web: ./guest hog\n"})))
	err := waitFor(func() error { return f.Alive(t.Context()) })
	if fault := wantFault(t, err, "killed for using more than 64MiB of memory"); fault.Hint == "" {
		t.Error("no hint")
	}
	must(t, f.Destroy(t.Context()))
}

// A helper that is killed and not missed is no fault, but is told.
func TestALimitThatAnAppOutlives(t *testing.T) {
	t.Parallel()
	needIsolation(t)
	f := newApp(t, isolated, func(c *Config) { c.Enrolment.Resources.Memory = 64 << 20 })
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": "web: ./guest hog & exec sleep 600\n"})))
	_ = waitFor(func() error {
		if len(f.Hits(t.Context())) == 0 {
			return nil
		}
		return errors.New("it was told")
	})
	must(t, f.Alive(t.Context()))
	must(t, f.Destroy(t.Context()))
	if told := strings.Join(f.Hits(t.Context()), "; "); !strings.HasPrefix(told, "The app ran into its limit of 64MiB of memory: the kernel killed ") {
		t.Errorf("told: %q", told)
	}
}

func TestHostileForkBomb(t *testing.T) {
	t.Parallel()
	needIsolation(t)
	f := newApp(t, isolated, func(c *Config) { c.Enrolment.Resources.Processes = 40 })
	must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": "web: ./guest bomb\n"})))
	time.Sleep(500 * time.Millisecond)
	if n := len(groupMembers(groupName(f.cfg.Labels, groupApp))); n > 3*(40+supervisorThreads) { // listed once a controller
		t.Errorf("%d processes", n)
	}
	if _, err := f.Exec(t.Context(), app.Command{Args: []string{"true"}}); err != nil {
		wantFault(t, err, "tried to have more than 40 processes")
	}
	if err := f.Stop(t.Context()); err != nil {
		if _, ok := err.(*app.Fault); !ok {
			t.Error(err)
		}
	}
	if left := f.ownProcesses(); len(left) > 0 {
		t.Errorf("left over: %q", procs.CommandLines(left))
	}
}

func TestHostileVolumes(t *testing.T) {
	f := hostile(t)
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte("s3cret"), 0o666); err != nil {
		t.Fatal(err)
	}
	f.sh(t, "cd $DATA_DIR && ln -s "+secret+" file && ln -s "+filepath.Dir(secret)+" dir && mkfifo pipe && ln -s / root && ln -s ../../.. up")
	var out bytes.Buffer
	_, err := f.Export(t.Context(), "data", &out)
	must(t, err)
	if bytes.Contains(out.Bytes(), []byte("s3cret")) {
		t.Error("the export followed a link")
	}
	for _, path := range []string{"file", "dir/secret", "root/etc/passwd", "up/etc/passwd", "pipe"} {
		if got, err := f.Get(t.Context(), "data", path); err == nil {
			t.Errorf("Get %s: %q", path, got)
		}
	}
	for _, path := range []string{"file", "dir/secret", "dir/new", "root/tmp/x"} {
		if err := f.Put(t.Context(), "data", path, []byte("overwritten")); err == nil {
			t.Errorf("Put %s was not refused", path)
		}
	}
	if content, err := os.ReadFile(secret); err != nil || string(content) != "s3cret" {
		t.Errorf("the secret is now %q, %v", content, err)
	}
	f.sh(t, "cd /app && ln -s "+secret+" stray && mkdir deep && cd deep && ln -s / root")
	if _, err := f.Strays(t.Context()); err != nil {
		t.Error(err)
	}
	must(t, f.Destroy(t.Context()))
	if _, err := os.Stat(secret); err != nil {
		t.Error("Destroy followed a link:", err)
	}
}

func TestADaemonThatIgnoresSIGTERMIsFoundAndKilled(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", map[string]string{"Procfile": "web: ./guest daemon\n"})))
		f.ask(t, "/version")
		fault := wantFault(t, f.Stop(t.Context()), "the app's own stop was outlived by")
		if !strings.Contains(strings.Join(fault.Evidence, " "), "linger") {
			t.Errorf("evidence: %q", fault.Evidence)
		}
		if left := f.ownProcesses(); len(left) > 0 {
			t.Errorf("still there: %q", procs.CommandLines(left))
		}
	})
}

func TestABuildHasNoNetworkUnlessAllowed(t *testing.T) {
	t.Parallel()
	needIsolation(t)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, network := range []bool{false, true} {
		f := newApp(t, isolated, func(c *Config) {
			c.Enrolment.Build = recipes.Build{Network: network, Command: recipes.CommandLine{
				Shell: "echo proxy=$HTTPS_PROXY; ./guest dial " + l.Addr().String() + "; ./guest dial 127.0.0.1:3128; true",
			}}
		})
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
		said := f.log.String()
		if !strings.Contains(said, "not reached: dial tcp "+l.Addr().String()) {
			t.Errorf("network %v: the machine's loopback can be reached: %s", network, said)
		}
		if network != strings.Contains(said, "proxy=http://127.0.0.1:3128") || network != strings.Contains(said, "build: reached 127.0.0.1:3128") {
			t.Errorf("network %v: %s", network, said)
		}
	}
}

// waitFor tries until there is an error, for a while.
func waitFor(try func() error) error {
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		if err := try(); err != nil {
			return err
		}
	}
	return nil
}
