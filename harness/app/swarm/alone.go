package swarm

import (
	"archive/tar"
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/mount"
	"github.com/moby/moby/api/types/swarm"
	"github.com/moby/moby/client"
)

// runAlone runs a command in a container of its own, while the app is stopped. It has no
// network: there is nobody to speak to.
func (a *App) runAlone(ctx context.Context, d *deployed, service string, args []string, stdin io.Reader, out io.Writer) (code int, err error) {
	fail := func(err error) (int, error) {
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		return 0, fmt.Errorf("cannot run %s beside the stopped app: %w", clip(args[0]), err)
	}
	service = cmp.Or(service, d.recipe.Main)
	spec, err := a.specOf(ctx, service)
	if err != nil {
		return fail(err)
	}
	// A container cannot be made to speak to secrets and configs of the swarm: they are
	// laid into it as files.
	files, err := a.filesFor(ctx, spec)
	if err != nil {
		return fail(err)
	}
	made, err := a.cfg.Engine.ContainerCreate(ctx, client.ContainerCreateOptions{
		Config: &container.Config{
			Image: spec.Image, Entrypoint: args, Cmd: []string{}, Env: spec.Env, User: spec.User, WorkingDir: spec.Dir, Labels: a.labels(),
			AttachStdin: stdin != nil, OpenStdin: stdin != nil, StdinOnce: stdin != nil, AttachStdout: true, AttachStderr: true,
			Healthcheck: &container.HealthConfig{Test: []string{"NONE"}},
		},
		HostConfig: &container.HostConfig{NetworkMode: "none", Mounts: volumesOf(spec)},
	})
	if err != nil {
		return fail(err)
	}
	defer func() {
		after, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
		defer cancel()
		if _, gone := a.cfg.Engine.ContainerRemove(after, made.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); gone != nil && err == nil && !notFound(gone) {
			err = fmt.Errorf("cannot remove the container of a command: %w", gone)
		}
	}()
	if files != nil {
		if _, err := a.cfg.Engine.CopyToContainer(ctx, made.ID, client.CopyToContainerOptions{DestinationPath: "/", Content: files}); err != nil {
			return fail(err)
		}
	}
	attached, err := a.cfg.Engine.ContainerAttach(ctx, made.ID, client.ContainerAttachOptions{Stream: true, Stdin: stdin != nil, Stdout: true, Stderr: true})
	if err != nil {
		return fail(err)
	}
	defer attached.Close()
	wait := a.cfg.Engine.ContainerWait(ctx, made.ID, client.ContainerWaitOptions{Condition: container.WaitConditionNextExit})
	if _, err := a.cfg.Engine.ContainerStart(ctx, made.ID, client.ContainerStartOptions{}); err != nil {
		if strings.Contains(err.Error(), "executable file not found") || strings.Contains(err.Error(), "no such file or directory") {
			fmt.Fprintln(out, err)
			return notStarted, nil
		}
		return fail(err)
	}
	if err := pump(ctx, attached.HijackedResponse, stdin, out, out); err != nil {
		return fail(err)
	}
	select {
	case end := <-wait.Result:
		return int(end.StatusCode), nil
	case err := <-wait.Error:
		return fail(err)
	case <-ctx.Done():
		return fail(ctx.Err())
	}
}

// specOf is what a service's containers are made of.
func (a *App) specOf(ctx context.Context, service string) (*swarm.ContainerSpec, error) {
	answer, err := a.cfg.Engine.ServiceInspect(ctx, a.cfg.Label+"_"+service, client.ServiceInspectOptions{})
	if err != nil {
		return nil, err
	}
	spec := answer.Service.Spec.TaskTemplate.ContainerSpec
	if spec == nil {
		return nil, fmt.Errorf("the service %s has no containers", service)
	}
	return spec, nil
}

// volumesOf are a service's mounts, as a container takes them.
func volumesOf(spec *swarm.ContainerSpec) []mount.Mount {
	mounts := slices.Clone(spec.Mounts)
	for i := range mounts {
		mounts[i].ClusterOptions = nil
	}
	return mounts
}

// filesFor is a tar stream of a service's configs and secrets; nil where it has none.
func (a *App) filesFor(ctx context.Context, spec *swarm.ContainerSpec) (io.Reader, error) {
	var text bytes.Buffer
	w := tar.NewWriter(&text)
	add := func(name string, mode int64, content []byte) error {
		err := w.WriteHeader(&tar.Header{Name: strings.TrimPrefix(name, "/"), Mode: mode, Size: int64(len(content)), Typeflag: tar.TypeReg})
		if err == nil {
			_, err = w.Write(content)
		}
		return err
	}
	n := 0
	for _, s := range spec.Secrets {
		a.mu.Lock()
		value, ok := a.values[s.SecretName]
		a.mu.Unlock()
		if !ok || s.File == nil {
			continue
		}
		target := s.File.Name
		if !path.IsAbs(target) {
			target = path.Join("/run/secrets", target)
		}
		if n++; add(target, 0o444, []byte(value)) != nil {
			return nil, fmt.Errorf("cannot lay the secret %s into a container", s.SecretName)
		}
	}
	for _, c := range spec.Configs {
		answer, err := a.cfg.Engine.ConfigInspect(ctx, c.ConfigID, client.ConfigInspectOptions{})
		if err != nil {
			return nil, err
		}
		if c.File == nil || answer.Config.Spec.Templating != nil {
			continue // what a template becomes, only the swarm knows
		}
		target := c.File.Name
		if !path.IsAbs(target) {
			target = "/" + target
		}
		if n++; add(target, int64(c.File.Mode.Perm()), answer.Config.Spec.Data) != nil {
			return nil, fmt.Errorf("cannot lay the config %s into a container", c.ConfigName)
		}
	}
	if n == 0 {
		return nil, nil
	}
	return &text, w.Close()
}
