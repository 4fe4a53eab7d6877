package swarm

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/client"

	"seatrial/harness/app"
)

// running is a container of the stack.
type running struct {
	id, service string // the service as the recipe's files name it
}

// containers lists the stack's containers that run, the oldest first.
func (a *App) containers(ctx context.Context) ([]running, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := a.cfg.Engine.ContainerList(ctx, client.ContainerListOptions{Filters: a.stack()})
	if err != nil {
		return nil, fmt.Errorf("cannot list the containers: %w", err)
	}
	slices.SortFunc(answer.Items, func(x, y container.Summary) int {
		return cmp.Or(cmp.Compare(x.Created, y.Created), strings.Compare(x.ID, y.ID))
	})
	var list []running
	for _, c := range answer.Items {
		list = append(list, running{c.ID, strings.TrimPrefix(c.Labels[labelServiceName], a.cfg.Label+"_")})
	}
	return list, nil
}

// containerOf is the newest running container of a service; the main one's for an empty name.
func (a *App) containerOf(ctx context.Context, service string) (string, error) {
	d, stopped := a.state()
	if d == nil || stopped {
		return "", app.ErrNotRunning
	}
	service = cmp.Or(service, d.recipe.Main)
	list, err := a.containers(ctx)
	if err != nil {
		return "", err
	}
	for _, c := range slices.Backward(list) {
		if c.service == service {
			return c.id, nil
		}
	}
	return "", fmt.Errorf("cannot find a container of %s: %w", service, app.ErrNotRunning)
}

func (a *App) inspect(ctx context.Context, id string) (container.InspectResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answer, err := a.cfg.Engine.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
	return answer.Container, err
}
