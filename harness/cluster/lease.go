package cluster

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/hashicorp/nomad/api"

	"seatrial/harness/run"
)

// The items of a lease.
const (
	LeaseAlloc    = "alloc" // who holds it
	leaseInstance = "instance"
	leaseExpires  = "expires" // RFC 3339
)

// ErrTaken says that another allocation performs the attempt.
var ErrTaken = errors.New("another allocation performs this attempt")

// TakeLease makes the lease of an attempt, with the allocation's ID as the fencing
// token: a cluster that lost sight of a node may start an attempt a second time, and
// only one of the two may go on. Taking one's own lease again is no error.
func TakeLease(ctx context.Context, client *Client, n Namespaces, l run.Labels, alloc string) error {
	lease := &api.Variable{
		Namespace: n.Runs, Path: LeasePath(l.Run, l.Attempt),
		Items: api.VariableItems{LeaseAlloc: alloc, leaseInstance: l.Instance, leaseExpires: l.Expires.UTC().Format(time.RFC3339)},
	}
	_, _, err := client.Variables().CheckedCreate(lease, client.Write(ctx, n.Runs))
	var taken api.ErrCASConflict
	if !errors.As(err, &taken) {
		return Explain("take the lease of "+lease.Path, err)
	}
	if taken.Conflict != nil && taken.Conflict.Items[LeaseAlloc] == alloc {
		return nil
	}
	holder := "unknown"
	if taken.Conflict != nil {
		holder = taken.Conflict.Items[LeaseAlloc]
	}
	return fmt.Errorf("cannot take the lease of %s: %w: %s", lease.Path, ErrTaken, holder)
}
