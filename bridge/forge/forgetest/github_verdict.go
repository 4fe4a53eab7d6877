package forgetest

import (
	"slices"

	"seatrial/bridge/forge"
)

// checkedBy are a commit's check runs as statuses, newest first. What was said by one
// that was changed since is not there any more.
func checkedBy(r *repo, commit string) (list []forge.Status) {
	for _, k := range slices.Backward(r.checks) {
		if k.commit != commit {
			continue
		}
		state := forge.StatusPending
		switch {
		case k.status != "completed":
		case k.conclusion == "success":
			state = forge.StatusSuccess
		case k.conclusion == "failure":
			state = forge.StatusFailure
		default:
			state = forge.StatusError
		}
		list = append(list, forge.Status{State: state, Context: k.name, Description: k.title, TargetURL: k.details})
	}
	return list
}
