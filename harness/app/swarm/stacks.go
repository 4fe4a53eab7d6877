package swarm

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"seatrial/harness/app"
)

// Stacks deploys stacks.
type Stacks interface {
	// Deploy makes the stack of the files, or changes it into that, and does not wait for
	// it. Files are interpolated with env and nothing else. What the files are at fault
	// for is a *app.Fault.
	Deploy(ctx context.Context, stack string, files []string, env map[string]string) error
}

// dockerProgram is looked up in PATH.
const dockerProgram = "docker"

// deployLimit is for one docker stack deploy, which only writes down what is wanted.
const deployLimit = 2 * time.Minute

// Program is the docker program. https://docs.docker.com/reference/cli/docker/stack/deploy/
type Program struct {
	Host string // as DOCKER_HOST
	Auth string // a config.json with credentials for registries; empty for none
}

// Deploy implements Stacks.
func (p Program) Deploy(ctx context.Context, stack string, files []string, env map[string]string) error {
	config, err := p.config()
	if err != nil {
		return fmt.Errorf("cannot deploy the stack: %w", err)
	}
	defer os.RemoveAll(config)
	args := []string{"--config", config, "--host", p.Host, "stack", "deploy", "--resolve-image", "never"}
	if p.Auth != "" {
		args = append(args, "--with-registry-auth")
	}
	for _, file := range files {
		args = append(args, "--compose-file", quoted(file))
	}
	ctx, cancel := context.WithTimeout(ctx, deployLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, dockerProgram, append(args, stack)...)
	cmd.Env = []string{}
	for _, name := range slices.Sorted(maps.Keys(env)) {
		if belongs := othersVariable(name); belongs {
			return &app.Fault{Summary: fmt.Sprintf("the recipe sets %s, which belongs to the docker program", name), Hint: "give the variable another name"}
		}
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	switch {
	case ctx.Err() != nil:
		return fmt.Errorf("cannot deploy the stack: docker stack deploy did not end: %w", ctx.Err())
	case err == nil:
		return nil
	}
	if _, ok := errors.AsType[*exec.ExitError](err); !ok {
		return fmt.Errorf("cannot deploy the stack: %w", err)
	}
	return refused(said.String())
}

// quoted keeps a name with a comma from being taken for two: the option is read as a line
// of comma-separated values.
func quoted(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// config makes a folder that is all that the program knows of its user.
func (p Program) config() (dir string, err error) {
	if dir, err = os.MkdirTemp("", "seatrial-docker-"); err != nil || p.Auth == "" {
		return dir, err
	}
	text, err := os.ReadFile(p.Auth)
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "config.json"), text, 0o600)
	}
	if err != nil {
		os.RemoveAll(dir)
	}
	return dir, err
}

// othersVariable says whether a variable would steer the docker program itself, or the
// loader of programs.
func othersVariable(name string) bool {
	upper := strings.ToUpper(name)
	for _, prefix := range []string{"DOCKER_", "LD_", "GODEBUG", "GOTRACEBACK", "BUILDKIT_", "COMPOSE_CONVERT", "XDG_", "SSL_CERT_"} {
		if strings.HasPrefix(upper, prefix) {
			return true
		}
	}
	return slices.Contains([]string{"PATH", "HOME", "TMPDIR", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "GCONV_PATH", "MALLOC_CHECK_", "RES_OPTIONS"}, upper)
}
