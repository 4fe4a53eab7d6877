package nomad

import (
	"context"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/app"
	"seatrial/harness/cluster"
	"seatrial/harness/run"
)

// The kinds of objects.
const (
	KindJob        = "job"
	KindAllocation = "allocation" // of a job that is known no more, or still ends
	KindVolume     = "volume"
)

// removeLimit is how long the janitor waits for one job to end.
const removeLimit = 5 * time.Minute

// Place is the apps' namespace of a cluster, as the janitor sees it, on all its nodes.
// It implements app.Place.
type Place struct {
	client    *cluster.Client
	namespace string
	limit     time.Duration // for a job to end
}

// NewPlace looks at a cluster. The client needs these capabilities in the apps'
// namespace: list-jobs, read-job, deregister-job and purge-job (or submit-job),
// alloc-lifecycle, host-volume-read, host-volume-delete.
func NewPlace(client *cluster.Client, namespaces cluster.Namespaces) app.Place {
	return &Place{client: client, namespace: namespaces.Apps, limit: removeLimit}
}

// Objects implements app.Place. A job is listed until it is purged, an allocation only
// if its job is not.
func (p *Place) Objects(ctx context.Context) ([]app.Object, error) {
	fail := func(err error) ([]app.Object, error) {
		return nil, cluster.Explain("list the apps on the cluster", err)
	}
	var objects []app.Object
	jobs, _, err := p.client.Jobs().ListOptions(&api.JobListOptions{Fields: &api.JobListFields{Meta: true}}, p.client.Query(ctx, p.namespace))
	if err != nil {
		return fail(err)
	}
	listed := map[string]bool{}
	for _, j := range jobs {
		if l, ok := cluster.ParseLabelMeta(j.Meta); ok {
			listed[j.ID] = true
			objects = append(objects, app.Object{Kind: KindJob, ID: j.ID, Detail: j.Status, Labels: l})
		}
	}
	allocations, _, err := p.client.Allocations().List(p.client.Query(ctx, p.namespace))
	if err != nil {
		return fail(err)
	}
	for _, s := range allocations {
		if listed[s.JobID] || endedStatus(s) {
			continue
		}
		alloc, _, err := p.client.Allocations().Info(s.ID, p.client.Query(ctx, p.namespace))
		if cluster.Is(err, cluster.ErrNotFound) {
			continue
		}
		if err != nil {
			return fail(err)
		}
		if l, ok := labelsOf(alloc); ok {
			objects = append(objects, app.Object{Kind: KindAllocation, ID: s.ID, Detail: s.Name + " is " + s.ClientStatus, Labels: l})
		}
	}
	volumes, _, err := p.client.HostVolumes().List(nil, p.client.Query(ctx, p.namespace))
	if err != nil {
		return fail(err)
	}
	for _, v := range volumes {
		if l, purpose, ok := cluster.ParseLabelName(v.Name); ok {
			objects = append(objects, app.Object{Kind: KindVolume, ID: v.ID, Detail: purpose, Labels: l})
		}
	}
	return objects, nil
}

// Remove implements app.Place. It removes nothing that is not labelled as we label
// things, whatever the object says.
func (p *Place) Remove(ctx context.Context, o app.Object) error {
	if o.ID == "" {
		return fmt.Errorf("cannot remove a %s without a name", o.Kind)
	}
	var labelled bool
	var err error
	var remove func() error
	switch o.Kind {
	case KindJob:
		var job *api.Job
		if job, _, err = p.client.Jobs().Info(o.ID, p.client.Query(ctx, p.namespace)); err == nil {
			_, labelled = cluster.ParseLabelMeta(job.Meta)
		}
		remove = func() error { return removeJob(ctx, p.client, p.namespace, o.ID, p.limit) }
	case KindAllocation:
		var alloc *api.Allocation
		if alloc, _, err = p.client.Allocations().Info(o.ID, p.client.Query(ctx, p.namespace)); err == nil {
			_, labelled = labelsOf(alloc)
		}
		remove = func() error { return p.endAllocation(ctx, alloc) }
	case KindVolume:
		var v *api.HostVolume
		if v, _, err = p.client.HostVolumes().Get(o.ID, p.client.Query(ctx, p.namespace)); err == nil {
			_, _, labelled = cluster.ParseLabelName(v.Name)
		}
		remove = func() error { return deleteVolume(ctx, p.client, p.namespace, o.ID) }
	default:
		return fmt.Errorf("cannot remove the %s %s: things of this kind are not made here", o.Kind, o.ID)
	}
	switch {
	case cluster.Is(err, cluster.ErrNotFound):
		return nil
	case err == nil && !labelled:
		return fmt.Errorf("cannot remove the %s %s: it is not one of a run's", o.Kind, o.ID)
	case err == nil:
		err = remove()
	}
	if err != nil {
		return fmt.Errorf("cannot remove the %s %s: %w", o.Kind, o.ID, err)
	}
	return nil
}

// labelsOf are those of the job that an allocation was made from.
func labelsOf(alloc *api.Allocation) (run.Labels, bool) {
	if alloc.Job == nil {
		return run.Labels{}, false
	}
	return cluster.ParseLabelMeta(alloc.Job.Meta)
}

func (p *Place) endAllocation(ctx context.Context, alloc *api.Allocation) error {
	if alloc.DesiredStatus == api.AllocDesiredStatusRun {
		if _, err := p.client.Allocations().Stop(alloc, p.client.Query(ctx, p.namespace)); err != nil {
			return err
		}
	}
	return await(ctx, p.limit, "the allocation to end", func() (string, error) {
		now, _, err := p.client.Allocations().Info(alloc.ID, p.client.Query(ctx, p.namespace))
		switch {
		case cluster.Is(err, cluster.ErrNotFound):
			return "", nil
		case err != nil:
			return "", err
		case endedStatus(&api.AllocationListStub{ClientStatus: now.ClientStatus}):
			return "", nil
		}
		return "it is " + now.ClientStatus, nil
	})
}
