package cluster

import (
	"context"
	"fmt"
	"path"
	"strconv"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

// KindLease is the kind of a lease, seen as an object of a place.
const KindLease = "lease"

// Leases are the leases of a cluster as a place: they outlive their attempts until
// somebody removes them.
type Leases struct {
	Client     *Client
	Namespaces Namespaces
}

var leaseForm = lazyregexp.New(`^` + path.Join("seatrial", "leases") + `/([0-9a-z]{26})-([0-9]+)$`)

// Objects lists the leases. One whose content cannot be read has no expiry.
func (p Leases) Objects(ctx context.Context) ([]app.Object, error) {
	query := p.Client.Query(ctx, p.Namespaces.Runs)
	list, _, err := p.Client.Variables().PrefixList(path.Join("seatrial", "leases"), query)
	if err != nil {
		return nil, Explain("list the leases", err)
	}
	var objects []app.Object
	for _, v := range list {
		m := leaseForm.FindStringSubmatch(v.Path)
		if m == nil {
			continue
		}
		attempt, _ := strconv.Atoi(m[2])
		o := app.Object{Kind: KindLease, ID: v.Path, Labels: run.Labels{Run: run.ID(m[1]), Attempt: attempt}}
		items, _, err := p.Client.Variables().GetVariableItems(v.Path, query)
		if Is(err, ErrNotFound) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, Explain("read the lease "+v.Path, err)
		}
		o.Labels.Instance, o.Detail = items[leaseInstance], "held by allocation "+items[LeaseAlloc]
		o.Labels.Expires, _ = time.Parse(time.RFC3339, items[leaseExpires])
		objects = append(objects, o)
	}
	return objects, nil
}

// Remove removes one.
func (p Leases) Remove(ctx context.Context, o app.Object) error {
	if o.Kind != KindLease || !leaseForm.MatchString(o.ID) {
		return fmt.Errorf("cannot remove %s: it is no lease", o.ID)
	}
	_, err := p.Client.Variables().Delete(o.ID, p.Client.Write(ctx, p.Namespaces.Runs))
	if Is(err, ErrNotFound) {
		return nil
	}
	return Explain("remove the lease "+o.ID, err)
}

var _ app.Place = Leases{}
