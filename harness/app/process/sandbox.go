package process

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// What a sandboxed app sees.
const (
	insideApp     = "/app"
	insideVolumes = "/volumes"
	insideHome    = "/home/app"
	insideCache   = "/cache"
	insideTmp     = "/tmp"
	insideBinary  = "/.seatrial"
)

// systemPath is where programs are looked for. NixOS keeps its own elsewhere.
const systemPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/run/current-system/sw/bin"

// view is what one sandbox shows of the run's folder, by names within that folder.
type view struct {
	release string // shown as /app; empty for none
	volumes bool
	home    string
	tmp     string // empty for one in memory
	cache   string // the builds' caches, which lie elsewhere; empty for none
}

// systemFolders are shown read-only, or as the links that they are.
var systemFolders = []string{"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix/store", "/run/current-system"}

// systemFiles are what programs need of /etc: where libraries lie, which
// certificates are trusted, which of several programs a name means.
var systemFiles = []string{
	"/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/alternatives", "/etc/localtime", "/etc/mime.types",
	"/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/ssl/cert.pem", "/etc/ca-certificates", "/etc/pki/tls/certs", "/etc/pki/ca-trust/extracted",
	"/etc/static/ssl",
}

// collectSeldom has the copies of this program, which hardly allocate once they are up, not
// collect garbage while they start.
const collectSeldom = "GOGC=400"

// command is how the supervisor is started: in a sandbox, or plainly.
func (a *App) command(v view) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot find this program: %w", err)
	}
	env := append(a.markers("supervisor"),
		innerEnv+"="+innerSupervise,
		"GOMAXPROCS=2", // few threads: they count against the app's limit
		collectSeldom,
		"PATH="+systemPath)
	if !a.cfg.Isolate {
		cmd := exec.Command("/proc/self/exe")
		cmd.Args = []string{"seatrial-supervisor"}
		cmd.Env, cmd.Dir = env, a.dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		return cmd, nil
	}
	bwrap, err := exec.LookPath("bwrap")
	if err != nil {
		return nil, fmt.Errorf("cannot isolate the app: %w", err)
	}
	cmd := exec.Command(bwrap, append(a.sandbox(v, self), "--", insideBinary)...)
	cmd.Env = append(env, isolatedEnv+"=1")
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// sandbox lists bubblewrap's arguments. The supervisor keeps the rights to become
// the app's user and to signal it, and drops the rest of its bounding set itself.
func (a *App) sandbox(v view, self string) []string {
	args := []string{
		"--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
		"--as-pid-1", "--new-session", "--hostname", hostname(a.cfg.Label),
		"--cap-drop", "ALL",
		"--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID", "--cap-add", "CAP_KILL", "--cap-add", "CAP_SETPCAP",
		"--seccomp", fmt.Sprint(controlFD + 1),
	}
	args = append(args, systemArgs()...)
	args = append(args, "--proc", "/proc", "--dev", "/dev", "--perms", "1777", "--tmpfs", "/dev/shm")
	// Before what is shared: that may lie in the machine's own folder for temporary files.
	if v.tmp != "" {
		args = append(args, "--bind", a.path(v.tmp), insideTmp)
	} else {
		args = append(args, "--perms", "1777", "--tmpfs", insideTmp)
	}
	args = append(args, parents(append(append([]string{insideHome, insideVolumes + "/any"}, systemFiles...), a.cfg.Share...))...)
	for _, file := range systemFiles {
		args = append(args, "--ro-bind-try", file, file)
	}
	for _, name := range []string{"passwd", "group", "hosts", "nsswitch.conf", "resolv.conf"} {
		args = append(args, "--ro-bind", a.path("etc", name), "/etc/"+name)
	}
	for _, share := range a.cfg.Share {
		args = append(args, "--ro-bind", share, share)
	}
	args = append(args,
		"--ro-bind", self, insideBinary,
		"--bind", a.path(v.home), insideHome)
	if v.cache != "" {
		args = append(args, "--bind", v.cache, insideCache)
	}
	if v.release != "" {
		args = append(args, "--bind", a.path(v.release), insideApp)
	}
	if v.volumes {
		for _, name := range a.cfg.Enrolment.Volumes {
			args = append(args, "--bind", a.volumeDir(name), filepath.Join(insideVolumes, name))
		}
	}
	return append(args, "--remount-ro", "/", "--chdir", "/")
}

// parents makes the folders above the given ones: by itself, bubblewrap lets only
// root enter them.
func parents(names []string) []string {
	seen := map[string]bool{"/": true}
	for _, dir := range systemFolders {
		seen[dir] = true // shown as it is, with what lies in it
	}
	var args []string
	var above func(name string)
	above = func(name string) {
		dir := filepath.Dir(name)
		if seen[dir] {
			return
		}
		seen[dir] = true
		above(dir)
		for _, system := range systemFolders {
			if strings.HasPrefix(dir, system+"/") {
				return
			}
		}
		args = append(args, "--perms", "0755", "--dir", dir)
	}
	for _, name := range names {
		above(name)
	}
	return args
}

// systemArgs shows the machine's programs and libraries.
func systemArgs() []string {
	var args []string
	for _, dir := range systemFolders {
		if target, err := os.Readlink(dir); err == nil && !strings.HasPrefix(dir, "/run/") {
			args = append(args, "--symlink", target, dir)
		} else {
			args = append(args, "--ro-bind-try", dir, dir)
		}
	}
	return args
}

func hostname(label string) string {
	return cmp.Or(label, "app")
}

// see translates a name within the run's folder into the path that the app sees.
func (a *App) see(name string) string {
	if !a.cfg.Isolate {
		return a.path(name)
	}
	if volume, ok := strings.CutPrefix(name, "volumes/"); ok {
		return filepath.Join(insideVolumes, volume)
	}
	switch name {
	case "home", "build-home":
		return insideHome
	case "tmp", "build-tmp":
		return insideTmp
	default: // a release: each sandbox shows one
		return insideApp
	}
}
