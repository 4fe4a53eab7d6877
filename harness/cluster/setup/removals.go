package setup

import (
	"context"
	"slices"
	"strings"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// removal is the step that removes an object, which is left alone while runs need it.
func removal(kind Kind, name string, busy bool, do func(context.Context) error) step {
	if busy {
		const why = "no such recipe is enrolled any more, but runs of it are under way: it goes another time"
		return step{Change: Change{Kind: kind, Name: name, Did: InUse, Why: why}}
	}
	return step{Change{Kind: kind, Name: name, Did: Removed}, do}
}

// removals are the jobs and policies of recipes that are enrolled no more, and that
// nobody edited. While a run of one is under way it needs both.
func (p planner) removals(ctx context.Context, acls bool) ([]step, error) {
	busy := map[string]bool{}
	jobs, err := p.unneededJobs(ctx, busy)
	if err != nil || !acls {
		return jobs, err
	}
	policies, err := p.unneededPolicies(ctx, busy)
	return append(jobs, policies...), err
}

func (p planner) wanted(kind Kind, name string) bool {
	return slices.ContainsFunc(p.objects, func(o object) bool { return o.Kind == kind && o.name == name })
}

// unneededJobs also notes which jobs have runs under way.
func (p planner) unneededJobs(ctx context.Context, busy map[string]bool) ([]step, error) {
	namespace := p.options.Namespaces.Runs
	q := p.client.Query(ctx, namespace)
	q.Prefix = cluster.RecipeJob("")
	found, _, err := p.client.Jobs().List(q)
	if err != nil {
		return nil, err
	}
	for _, job := range found {
		if job.ParentID != "" && job.Status != "dead" {
			busy[job.ParentID] = true
		}
	}
	var steps []step
	for _, stub := range found {
		if stub.ParentID != "" || !stub.ParameterizedJob || p.wanted(Job, stub.ID) {
			continue
		}
		job, _, err := p.client.Jobs().Info(stub.ID, p.client.Query(ctx, namespace))
		if cluster.Is(err, cluster.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if ours, _, err := p.ours(ctx, job); err != nil || !ours {
			if err != nil {
				return nil, err
			}
			continue
		}
		steps = append(steps, removal(Job, stub.ID, busy[stub.ID], func(ctx context.Context) error {
			_, _, err := p.client.Jobs().DeregisterOpts(stub.ID, &api.DeregisterOptions{Purge: true}, p.client.Write(ctx, namespace))
			return err
		}))
	}
	return steps, nil
}

func (p planner) unneededPolicies(ctx context.Context, busy map[string]bool) ([]step, error) {
	stubs, _, err := p.client.ACLPolicies().List(p.client.Query(ctx, ""))
	if err != nil {
		return nil, err
	}
	var steps []step
	for _, stub := range stubs {
		if !strings.HasPrefix(stub.Name, p.options.policyName("harness-")) || p.wanted(Policy, stub.Name) {
			continue
		}
		policy, _, err := p.client.ACLPolicies().Info(stub.Name, p.client.Query(ctx, ""))
		if err != nil {
			return nil, err
		}
		if edited(policy.Rules) || policy.JobACL == nil || policy.JobACL.Namespace != p.options.Namespaces.Runs {
			continue
		}
		steps = append(steps, removal(Policy, stub.Name, busy[policy.JobACL.JobID], func(ctx context.Context) error {
			_, err := p.client.ACLPolicies().Delete(stub.Name, p.client.Write(ctx, ""))
			return err
		}))
	}
	return steps, nil
}
