package setup

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// Apply makes the cluster have what the options say. It needs a management token. With
// an error, the changes are those that were made before it; Apply may be called again.
func Apply(ctx context.Context, client *cluster.Client, o Options) (Changes, error) {
	steps, notes, err := plan(ctx, client, o)
	changes := Changes{Notes: notes}
	if err != nil {
		return changes, err
	}
	for _, s := range steps {
		if s.do != nil {
			if err := s.do(ctx); err != nil {
				return changes, cluster.Explain("set up the "+s.Kind.String()+" "+s.Name, err)
			}
		}
		changes.List = append(changes.List, s.Change)
	}
	return changes, nil
}

// step is a change, and what makes it; nil where nothing is to be done.
type step struct {
	Change
	do func(context.Context) error
}

// planner compares what is there with what should be.
type planner struct {
	client  *cluster.Client
	options Options
	objects []object
}

func plan(ctx context.Context, client *cluster.Client, o Options) (steps []step, notes []string, err error) {
	objects, err := render(o)
	if err != nil {
		return nil, nil, err
	}
	o, _ = o.withDefaults() // render has checked them
	p := planner{client, o, objects}
	acls, err := p.hasACLs(ctx)
	if err != nil {
		return nil, nil, err
	}
	if !acls {
		notes = append(notes, "ACLs are off on this cluster: there are no policies, and whoever reaches Nomad may do anything")
	}
	for i, object := range objects {
		if object.Kind == Job && objects[i-1].Kind != Job { // jobs start with what is set
			s, err := p.settings(ctx)
			if err != nil {
				return nil, notes, cluster.Explain("read the settings of runs", err)
			}
			steps = append(steps, s...)
		}
		var s step
		switch object.Kind {
		case Namespace:
			s, err = p.namespace(ctx, object)
		case Policy:
			if !acls {
				continue
			}
			s, err = p.policy(ctx, object)
		case Job:
			s, err = p.job(ctx, object)
		}
		if err != nil {
			return nil, notes, cluster.Explain("read the "+object.Kind.String()+" "+object.name, err)
		}
		steps = append(steps, s)
	}
	if o.KeepOthers {
		return steps, notes, nil
	}
	removed, err := p.removals(ctx, acls)
	if err != nil {
		return nil, notes, cluster.Explain("see which jobs no recipe needs any more", err)
	}
	return append(steps, removed...), notes, nil
}

func (p planner) hasACLs(ctx context.Context) (bool, error) {
	_, _, err := p.client.ACLPolicies().List(p.client.Query(ctx, ""))
	if err != nil && strings.Contains(err.Error(), "ACL support disabled") {
		return false, nil
	}
	return true, cluster.Explain("read the cluster's policies", err)
}

func (p planner) namespace(ctx context.Context, want object) (step, error) {
	s := step{Change: Change{Kind: Namespace, Name: want.name}}
	found, _, err := p.client.Namespaces().Info(want.name, p.client.Query(ctx, ""))
	switch {
	case cluster.Is(err, cluster.ErrNotFound):
		s.Did = Made
		s.do = func(ctx context.Context) error {
			_, err := p.client.Namespaces().Register(&api.Namespace{Name: want.name, Description: want.description}, p.client.Write(ctx, ""))
			return err
		}
	case err != nil:
		return s, err
	case found.Description != want.description:
		s.Did, s.Why = Kept, "it was there before, and is as good"
	}
	return s, nil
}

func (p planner) policy(ctx context.Context, want object) (step, error) {
	s := step{Change: Change{Kind: Policy, Name: want.name}}
	policy := &api.ACLPolicy{Name: want.name, Description: want.description, Rules: want.text}
	if want.job != "" {
		policy.JobACL = &api.JobACL{Namespace: want.namespace, JobID: want.job}
	}
	found, _, err := p.client.ACLPolicies().Info(want.name, p.client.Query(ctx, ""))
	if err != nil && !cluster.Is(err, cluster.ErrNotFound) {
		return s, err
	}
	switch {
	case err != nil:
		s.Did = Made
	case edited(found.Rules) && !p.options.Force:
		s.Did, s.Why = Kept, keptWhy
	case found.Rules == policy.Rules && found.Description == policy.Description && sameJob(found.JobACL, policy.JobACL):
		return s, nil
	default:
		s.Did = Changed
	}
	if s.Did != Kept {
		s.do = func(ctx context.Context) error {
			_, err := p.client.ACLPolicies().Upsert(policy, p.client.Write(ctx, ""))
			return err
		}
	}
	return s, nil
}

// keptWhy is said of what was edited.
const keptWhy = "it is not as seatrial made it; --force overwrites it"

func sameJob(a, b *api.JobACL) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func (p planner) job(ctx context.Context, want object) (step, error) {
	s := step{Change: Change{Kind: Job, Name: want.name}}
	found, _, err := p.client.Jobs().Info(want.name, p.client.Query(ctx, want.namespace))
	var index uint64
	switch {
	case cluster.Is(err, cluster.ErrNotFound):
		s.Did = Made
	case err != nil:
		return s, err
	default:
		index = *found.JobModifyIndex
		ours, source, err := p.ours(ctx, found)
		switch {
		case err != nil:
			return s, err
		case !ours && !p.options.Force:
			s.Did, s.Why = Kept, keptWhy
			return s, nil
		case ours && fingerprint(source) == fingerprint(want.text) && !stopped(found):
			return s, nil
		}
		s.Did = Changed
	}
	s.do = func(ctx context.Context) error {
		job, err := p.client.Jobs().ParseHCL(want.text, true)
		if err != nil {
			return fmt.Errorf("%w in %s", err, want.file)
		}
		// Enforced, so that nobody's edit of this moment is overwritten.
		_, _, err = p.client.Jobs().RegisterOpts(job, &api.RegisterOptions{
			EnforceIndex: true, ModifyIndex: index, Submission: &api.JobSubmission{Source: want.text, Format: "hcl2"},
		}, p.client.Write(ctx, want.namespace))
		return err
	}
	return s, nil
}

// settings are the operator's, for every run: what says so of nothing is left out.
func (p planner) settings(ctx context.Context) ([]step, error) {
	want, err := p.options.Settings.Variable(p.options.Namespaces)
	if err != nil {
		return nil, err
	}
	s := step{Change: Change{Kind: Variable, Name: want.Path, Did: Changed}}
	found, _, err := p.client.Variables().Read(want.Path, p.client.Query(ctx, want.Namespace))
	switch missing := errors.Is(err, api.ErrVariablePathNotFound) || cluster.Is(err, cluster.ErrNotFound); {
	case missing && isEmpty(p.options.Settings):
		return nil, nil
	case missing:
		s.Did = Made
	case err != nil:
		return nil, err
	case maps.Equal(found.Items, want.Items):
		s.Did = Unchanged
		return []step{s}, nil
	default:
		want.ModifyIndex = found.ModifyIndex
	}
	s.do = func(ctx context.Context) error {
		// Checked, so that nobody's change of this moment is overwritten.
		_, _, err := p.client.Variables().CheckedUpdate(want, p.client.Write(ctx, want.Namespace))
		return err
	}
	return []step{s}, nil
}

// ours says whether a job is as it was made here. Nomad keeps the text that a version
// of a job was registered with; a job that somebody read, changed and sent back
// inherits that text, so it is also asked whether the text would change anything.
// Who may not ask that gets an answer by the text alone.
func (p planner) ours(ctx context.Context, job *api.Job) (ours bool, source string, err error) {
	if stopped(job) {
		return job.Meta[definitionKey] != "", "", nil
	}
	submitted, _, err := p.client.Jobs().Submission(*job.ID, int(*job.Version), p.client.Query(ctx, *job.Namespace))
	if cluster.Is(err, cluster.ErrNotFound) {
		return false, "", nil
	}
	if err != nil {
		return false, "", err
	}
	if submitted.Format != "hcl2" || edited(submitted.Source) {
		return false, "", nil
	}
	asMade, err := p.client.Jobs().ParseHCL(submitted.Source, true)
	var planned *api.JobPlanResponse
	if err == nil {
		planned, _, err = p.client.Jobs().Plan(asMade, true, p.client.Write(ctx, *job.Namespace))
	}
	if cluster.Is(err, cluster.ErrForbidden) {
		return true, submitted.Source, nil
	}
	return err == nil && planned.Diff.Type == "None", submitted.Source, err
}

func isEmpty(s cluster.Settings) bool {
	return len(s.Share) == 0 && len(s.BuildEnv) == 0 && s.Vault == ""
}

func stopped(job *api.Job) bool { return job.Stop != nil && *job.Stop }
