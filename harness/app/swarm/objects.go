package swarm

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
	"seatrial/internal/pause"
)

// The kinds of objects, in the order in which they are removed: each is used by those
// before it.
const (
	KindService   = "service"
	KindContainer = "container"
	KindSecret    = "secret"
	KindConfig    = "config"
	KindVolume    = "volume"
	KindNetwork   = "network"
)

// objects lists what the filters select, the first things to be removed first.
func (e *Engine) objects(ctx context.Context, f client.Filters) ([]app.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	var found []app.Object
	add := func(kind, id, detail string, labels map[string]string) {
		l, _ := readLabels(labels)
		found = append(found, app.Object{Kind: kind, ID: id, Detail: detail, Labels: l})
	}
	fail := func(err error) ([]app.Object, error) {
		return nil, fmt.Errorf("cannot list what Docker has: %w", err)
	}
	services, err := e.ServiceList(ctx, client.ServiceListOptions{Filters: f})
	if err != nil {
		return fail(err)
	}
	for _, s := range services.Items {
		add(KindService, s.Spec.Name, "", s.Spec.Labels)
	}
	containers, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: f})
	if err != nil {
		return fail(err)
	}
	for _, c := range containers.Items {
		add(KindContainer, c.ID, strings.TrimPrefix(strings.Join(c.Names, " "), "/"), c.Labels)
	}
	secrets, err := e.SecretList(ctx, client.SecretListOptions{Filters: f})
	if err != nil {
		return fail(err)
	}
	for _, s := range secrets.Items {
		add(KindSecret, s.Spec.Name, "", s.Spec.Labels)
	}
	configs, err := e.ConfigList(ctx, client.ConfigListOptions{Filters: f})
	if err != nil {
		return fail(err)
	}
	for _, c := range configs.Items {
		add(KindConfig, c.Spec.Name, "", c.Spec.Labels)
	}
	volumes, err := e.VolumeList(ctx, client.VolumeListOptions{Filters: f})
	if err != nil {
		return fail(err)
	}
	for _, v := range volumes.Items {
		add(KindVolume, v.Name, "", v.Labels)
	}
	networks, err := e.NetworkList(ctx, client.NetworkListOptions{Filters: f})
	if err != nil {
		return fail(err)
	}
	for _, n := range networks.Items {
		add(KindNetwork, n.Name, "", n.Labels)
	}
	return found, nil
}

// removeLimit is for one object: the swarm lets go of a network, a secret or a volume
// only when the last task that used it is gone. An engine may come up again meanwhile.
const removeLimit = 90 * time.Second

// remove removes one object and what hinders that: a service's containers. What is gone
// already is no error.
func (e *Engine) remove(ctx context.Context, o app.Object) error {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	for {
		err := e.removeOnce(ctx, o)
		if err == nil || notFound(err) {
			switch {
			case o.Kind == KindService:
				return e.awaitTasks(ctx, o.ID)
			case o.Kind != KindNetwork:
				return nil
			}
			// The swarm forgets a network at once; the engine keeps it until its last
			// endpoint is gone.
			if left, listed := e.listed(ctx, o.ID); listed == nil && !left {
				return nil
			}
			err = fmt.Errorf("the engine still lists it")
		} else if !busy(err) && !away(err) {
			return err
		}
		if pause.For(ctx, pollInterval, nil) != nil {
			return err
		}
	}
}

// listed says whether a network of this name is.
func (e *Engine) listed(ctx context.Context, name string) (bool, error) {
	all, err := e.NetworkList(ctx, client.NetworkListOptions{Filters: client.Filters{}.Add("name", name)})
	return slices.ContainsFunc(all.Items, func(n network.Summary) bool { return n.Name == name }), err
}

// busy says that something is still used, which passes.
func busy(err error) bool {
	if cerrdefs.IsConflict(err) {
		return true
	}
	text := strings.ToLower(err.Error())
	for _, says := range []string{"is in use", "has active endpoints", "still in use", "is being used", "removal in progress", "is already in progress"} {
		if strings.Contains(text, says) {
			return true
		}
	}
	return false
}

func (e *Engine) removeOnce(ctx context.Context, o app.Object) (err error) {
	switch o.Kind {
	case KindService:
		_, err = e.ServiceRemove(ctx, o.ID, client.ServiceRemoveOptions{})
	case KindContainer:
		_, err = e.ContainerRemove(ctx, o.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	case KindSecret:
		_, err = e.SecretRemove(ctx, o.ID, client.SecretRemoveOptions{})
	case KindConfig:
		_, err = e.ConfigRemove(ctx, o.ID, client.ConfigRemoveOptions{})
	case KindVolume:
		_, err = e.VolumeRemove(ctx, o.ID, client.VolumeRemoveOptions{})
	case KindNetwork:
		_, err = e.NetworkRemove(ctx, o.ID, client.NetworkRemoveOptions{})
	default:
		err = fmt.Errorf("the Docker Engine has no objects of the kind %q", o.Kind)
	}
	return err
}

// graceLimit is how long the containers of a removed service may take to end before they
// are removed by force. Not sooner: the swarm forgets to take down a network for which it
// has no container left.
const graceLimit = 20 * time.Second

// awaitTasks waits until the containers of a removed service are gone: until then they
// hold its volumes. What takes too long is ended.
func (e *Engine) awaitTasks(ctx context.Context, service string) error {
	began := time.Now()
	for {
		left, err := e.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filter(map[string]string{labelServiceName: service})})
		if err != nil && !away(err) {
			return fmt.Errorf("cannot list the containers of %s: %w", service, err)
		}
		if err == nil && len(left.Items) == 0 {
			return nil
		}
		if time.Since(began) > graceLimit {
			for _, c := range left.Items {
				if _, err := e.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true}); err != nil && !notFound(err) && !busy(err) {
					return fmt.Errorf("cannot end a container of %s: %w", service, err)
				}
			}
		}
		if err := pause.For(ctx, pollInterval, nil); err != nil {
			return fmt.Errorf("containers of %s are left: %w", service, err)
		}
	}
}
