package setup

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/hashicorp/nomad/api"

	"seatrial/harness/cluster"
)

// dismantleWithin is for a namespace to become empty: what was stopped ends first.
const dismantleWithin = time.Minute

// Dismantle removes from a cluster what Apply made, with everything in the two
// namespaces. It is for installations that were made for a time, such as a demo's; it
// refuses the default one. Removing what is gone is no error.
func Dismantle(ctx context.Context, client *cluster.Client, o Options) error {
	if o.Namespaces.Runs == cluster.DefaultRuns || o.Namespaces.Runs == "" {
		return errors.New("cannot dismantle the installation of this cluster: it is no temporary one")
	}
	objects, err := render(o)
	if err != nil {
		return err
	}
	pauses := backoff.NewConstantBackOff(500 * time.Millisecond)
	_, err = backoff.Retry(ctx, func() (struct{}, error) {
		var failed []error
		for _, namespace := range []string{o.Namespaces.Runs, o.Namespaces.Apps} {
			failed = append(failed, empty(ctx, client, namespace))
		}
		return struct{}{}, errors.Join(failed...)
	}, backoff.WithBackOff(pauses), backoff.WithMaxElapsedTime(dismantleWithin))
	failed := []error{err}
	for _, object := range objects {
		if object.Kind == Policy {
			_, err := client.ACLPolicies().Delete(object.name, client.Write(ctx, ""))
			failed = append(failed, unlessGone(err))
		}
	}
	return errors.Join(append(failed, revoke(ctx, client, o.policyName("bridge")))...)
}

// revoke removes the tokens that were made for a policy alone.
func revoke(ctx context.Context, client *cluster.Client, policy string) error {
	tokens, _, err := client.ACLTokens().List(client.Query(ctx, ""))
	if err != nil {
		return cluster.Explain("list the tokens", err)
	}
	var failed []error
	for _, token := range tokens {
		if slices.Equal(token.Policies, []string{policy}) {
			_, err := client.ACLTokens().Delete(token.AccessorID, client.Write(ctx, ""))
			failed = append(failed, unlessGone(err))
		}
	}
	return errors.Join(failed...)
}

// empty removes a namespace and all that is in it.
func empty(ctx context.Context, client *cluster.Client, namespace string) error {
	if _, _, err := client.Namespaces().Info(namespace, client.Query(ctx, "")); cluster.Is(err, cluster.ErrNotFound) {
		return nil
	}
	jobs, _, err := client.Jobs().List(client.Query(ctx, namespace))
	if err != nil {
		return cluster.Explain("list the jobs of namespace "+namespace, err)
	}
	for _, job := range jobs {
		if _, _, err := client.Jobs().Deregister(job.ID, true, client.Write(ctx, namespace)); unlessGone(err) != nil {
			return cluster.Explain("remove the job "+job.ID, err)
		}
	}
	volumes, _, err := client.HostVolumes().List(nil, client.Query(ctx, namespace))
	if err != nil {
		return cluster.Explain("list the volumes of namespace "+namespace, err)
	}
	for _, v := range volumes {
		if _, _, err := client.HostVolumes().Delete(&api.HostVolumeDeleteRequest{ID: v.ID}, client.Write(ctx, namespace)); unlessGone(err) != nil {
			return cluster.Explain("remove the volume "+v.Name, err)
		}
	}
	variables, _, err := client.Variables().PrefixList("seatrial/", client.Query(ctx, namespace))
	if err != nil {
		return cluster.Explain("list the variables of namespace "+namespace, err)
	}
	for _, v := range variables {
		if _, err := client.Variables().Delete(v.Path, client.Write(ctx, namespace)); unlessGone(err) != nil {
			return cluster.Explain("remove the variable "+v.Path, err)
		}
	}
	if _, err := client.Namespaces().Delete(namespace, client.Write(ctx, "")); unlessGone(err) != nil {
		return fmt.Errorf("cannot remove the namespace %s: %w", namespace, err)
	}
	return nil
}

func unlessGone(err error) error {
	if cluster.Is(err, cluster.ErrNotFound) {
		return nil
	}
	return err
}
