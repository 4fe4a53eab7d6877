package swarm

import (
	"context"
	"fmt"
	"slices"

	"github.com/moby/moby/client"

	"seatrial/harness/app"
)

// Place is the engine, seen from outside any one run. It implements app.Place.
type Place struct{ Engine *Engine }

// Objects implements app.Place. What carries no whole set of our labels is not ours.
func (p Place) Objects(ctx context.Context) ([]app.Object, error) {
	all, err := p.Engine.objects(ctx, client.Filters{}.Add("label", labelInstance))
	if err != nil {
		return nil, err
	}
	all = slices.DeleteFunc(all, func(o app.Object) bool { return o.Labels.Run == "" })
	slices.Reverse(all) // what was made first comes first
	return all, nil
}

// Remove implements app.Place. It looks again whose the object is: a name may have become
// another's.
func (p Place) Remove(ctx context.Context, o app.Object) error {
	if o.ID == "" || o.Labels.Run == "" {
		return fmt.Errorf("cannot remove %s %q: it is not ours", o.Kind, o.ID)
	}
	labels, err := p.Engine.labelsOf(ctx, o)
	if notFound(err) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot look whose %s %s is: %w", o.Kind, o.ID, err)
	}
	if now, ok := readLabels(labels); !ok || now.Run != o.Labels.Run || now.Instance != o.Labels.Instance {
		return fmt.Errorf("cannot remove %s %s: it has become another's", o.Kind, o.ID)
	}
	return p.Engine.remove(ctx, o)
}

// labelsOf are an object's labels now.
func (e *Engine) labelsOf(ctx context.Context, o app.Object) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	switch o.Kind {
	case KindService:
		answer, err := e.ServiceInspect(ctx, o.ID, client.ServiceInspectOptions{})
		return answer.Service.Spec.Labels, err
	case KindContainer:
		answer, err := e.ContainerInspect(ctx, o.ID, client.ContainerInspectOptions{})
		if err != nil || answer.Container.Config == nil {
			return nil, err
		}
		return answer.Container.Config.Labels, nil
	case KindSecret:
		answer, err := e.SecretInspect(ctx, o.ID, client.SecretInspectOptions{})
		return answer.Secret.Spec.Labels, err
	case KindConfig:
		answer, err := e.ConfigInspect(ctx, o.ID, client.ConfigInspectOptions{})
		return answer.Config.Spec.Labels, err
	case KindVolume:
		answer, err := e.VolumeInspect(ctx, o.ID, client.VolumeInspectOptions{})
		return answer.Volume.Labels, err
	case KindNetwork:
		answer, err := e.NetworkInspect(ctx, o.ID, client.NetworkInspectOptions{})
		return answer.Network.Labels, err
	}
	return nil, fmt.Errorf("the Docker Engine has no objects of the kind %q", o.Kind)
}
