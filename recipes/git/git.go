// Package git brings recipes here: it runs the git program, so hardened that a
// hostile repository can do no more than fail to be fetched.
//
// No hook, filter, attribute driver, submodule, prompt, credential helper or
// configuration of the machine's ever runs or counts; only http, https and local
// files are spoken to; objects are checked as they arrive; time and size are
// bounded. What a repository names (branches, tags, paths) reaches no shell and
// cannot be taken for an option. Checkouts are written from the objects
// themselves, below a folder that nothing in them can leave. The package decides
// nothing about runs: it answers what a commit holds and what was published before.
package git

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unicode"
)

// Git runs the git program.
type Git struct {
	Program string        // default: git, from PATH
	Limit   time.Duration // for each call; default 10m
	// MaxBytes bounds a mirror, and a checkout. Default 4 GiB.
	MaxBytes int64
	// Authorization is the header that goes to the address with every question over HTTP,
	// such as "token …"; empty for none. It travels in git's environment alone: no list of
	// processes, file or error shows it. No redirect is followed with it.
	Authorization string
}

const (
	defaultLimit    = 10 * time.Minute
	defaultMaxBytes = 4 << 30
	mostFiles       = 200_000
	largestAnswer   = 64 << 20 // of a question to git, not of a file
	largestStderr   = 16 << 10
)

func (g *Git) limit() time.Duration {
	if g.Limit > 0 {
		return g.Limit
	}
	return defaultLimit
}

func (g *Git) maxBytes() int64 {
	if g.MaxBytes > 0 {
		return g.MaxBytes
	}
	return defaultMaxBytes
}

// settings are given to every call and beat what a repository's own file says.
var settings = []string{
	"core.hooksPath=/dev/null",
	"core.fsmonitor=false",
	"core.attributesFile=/dev/null",
	"core.alternateRefsCommand=false",
	"core.askPass=",
	"core.autocrlf=false",
	"core.protectHFS=true",
	"core.protectNTFS=true",
	"credential.helper=",
	"transfer.fsckObjects=true",
	"fetch.fsckObjects=true",
	// Old and harmless defects of real histories.
	"fetch.fsck.badTimezone=warn",
	"fetch.fsck.missingSpaceBeforeDate=warn",
	"fetch.fsck.zeroPaddedFilemode=warn",
	"fetch.unpackLimit=1",
	"fetch.recurseSubmodules=false",
	"fetch.writeCommitGraph=false",
	"submodule.recurse=false",
	"gc.auto=0",
	"maintenance.auto=false",
	"log.showSignature=false",
	"http.lowSpeedLimit=1000",
	"http.lowSpeedTime=60",
	"protocol.allow=never",
	"protocol.http.allow=always",
	"protocol.https.allow=always",
	"protocol.file.allow=always",
}

// environment is built from nothing; what is taken over says how the network is reached.
func environment(more []string) []string {
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=/nonexistent", "LC_ALL=C", "TZ=UTC",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_SYSTEM=/dev/null", "GIT_CONFIG_GLOBAL=/dev/null", "GIT_ATTR_NOSYSTEM=1",
		"GIT_TERMINAL_PROMPT=0", "GIT_ASKPASS=false", "SSH_ASKPASS=false", "GIT_SSH_COMMAND=false",
		"GIT_ALLOW_PROTOCOL=http:https:file", "GIT_NO_REPLACE_OBJECTS=1", "GIT_NO_LAZY_FETCH=1",
		"GIT_LITERAL_PATHSPECS=1", "GIT_OPTIONAL_LOCKS=0", "GIT_PAGER=cat",
	}
	for _, name := range []string{
		"http_proxy", "https_proxy", "no_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "GIT_SSL_CAINFO", "TMPDIR",
	} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, more...)
}

// call is one invocation of git.
type call struct {
	args   []string
	env    []string
	stdin  io.Reader
	stdout io.Writer
}

// failure is what git said when it failed.
type failure struct {
	verb   string
	stderr string
	err    error
}

func (f *failure) Error() string {
	if f.stderr == "" {
		return fmt.Sprintf("git %s: %v", f.verb, f.err)
	}
	return fmt.Sprintf("git %s: %s", f.verb, f.stderr)
}

func (f *failure) Unwrap() error { return f.err }

// exitCode is git's, or -1.
func exitCode(err error) int {
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	return -1
}

func (g *Git) run(ctx context.Context, c call) error {
	ctx, cancel := context.WithTimeoutCause(ctx, g.limit(), fmt.Errorf("gave up after %s", g.limit()))
	defer cancel()
	program := cmp.Or(g.Program, "git")
	args := []string{"--no-pager", "--no-replace-objects"}
	for _, s := range settings {
		args = append(args, "-c", s)
	}
	cmd := exec.CommandContext(ctx, program, append(args, c.args...)...)
	cmd.Env = environment(slices.Concat(c.env, g.secret()))
	cmd.Stdin, cmd.Stdout = c.stdin, c.stdout
	stderr := &tail{limit: largestStderr}
	cmd.Stderr = stderr
	// Git starts helpers: they end with it, and with us. The death signal belongs to
	// the thread that started the child, which therefore stays ours meanwhile.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	runtime.LockOSThread()
	err := cmd.Run()
	runtime.UnlockOSThread()
	if err == nil {
		return nil
	}
	if ctx.Err() != nil {
		err = context.Cause(ctx)
		return &failure{verb: verb(c.args), err: err}
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("the program git is not here: install it: %w", err)
	}
	return &failure{verb: verb(c.args), stderr: said(g.mask(stderr.String())), err: err}
}

// secret is what of the environment must not be seen.
func (g *Git) secret() []string {
	if g.Authorization == "" {
		return nil
	}
	return []string{
		"GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=http.extraHeader", "GIT_CONFIG_VALUE_0=Authorization: " + g.Authorization,
		"GIT_CONFIG_KEY_1=http.followRedirects", "GIT_CONFIG_VALUE_1=false",
	}
}

// mask hides it in what git or a server says.
func (g *Git) mask(text string) string {
	_, value, _ := strings.Cut(g.Authorization, " ")
	for _, s := range []string{g.Authorization, value} {
		if s != "" {
			text = strings.ReplaceAll(text, s, "…")
		}
	}
	return text
}

// verb is the subcommand, behind options that say where.
func verb(args []string) string {
	for i := 0; i < len(args); i++ {
		if args[i] == "-C" || args[i] == "-c" {
			i++
		} else if !strings.HasPrefix(args[i], "-") {
			return args[i]
		}
	}
	return ""
}

// ask returns what git prints.
func (g *Git) ask(ctx context.Context, args ...string) (string, error) {
	var out bytes.Buffer
	err := g.run(ctx, call{args: args, stdout: &capped{w: &out, left: largestAnswer}})
	return out.String(), err
}

// said is what git printed, fit for people: the last lines, without what could
// steer a terminal, and without git's advice about settings.
func said(stderr string) string {
	var lines []string
	for line := range strings.Lines(stderr) {
		line = strings.TrimSpace(strings.Map(func(r rune) rune {
			if unicode.IsPrint(r) || r == ' ' {
				return r
			}
			return -1
		}, line))
		if line != "" && !strings.HasPrefix(line, "hint:") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-4):], "; ")
}

// tail keeps the end of what is written to it.
type tail struct {
	limit int
	buf   []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.buf = append(t.buf, p...)
	if over := len(t.buf) - t.limit; over > 0 {
		t.buf = append(t.buf[:0], t.buf[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.buf) }

// capped refuses more than it was told to take.
type capped struct {
	w    io.Writer
	left int64
}

func (c *capped) Write(p []byte) (int, error) {
	if c.left -= int64(len(p)); c.left < 0 {
		return 0, errors.New("there is more of it than a recipe could need")
	}
	return c.w.Write(p)
}
