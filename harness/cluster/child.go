package cluster

import (
	"fmt"
	"strconv"
	"strings"

	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
)

func childPrefix(id run.ID, attempt int) string { return fmt.Sprintf("%s-%d", id, attempt) }

// ChildTemplate is the ID prefix template of a dispatch, so that an attempt is found
// by its job's ID whatever its builder declares.
func ChildTemplate(id run.ID, attempt int) string { return childPrefix(id, attempt) }

// ChildMarker is in the ID of every child that is this attempt, and of no other's.
func ChildMarker(id run.ID, attempt int) string {
	return "/dispatch-" + childPrefix(id, attempt) + "-"
}

// A dispatched job's ID is <job>/dispatch-<prefix>-<unix>-<8 hex>: Nomad,
// structs.DispatchedID.
var childForm = lazyregexp.New(`^(.+)/dispatch-([0-9a-z]{26})-([0-9]+)-[0-9]+-[0-9a-f]{8}$`)

// ParseChild reads builder, run and attempt from a dispatched job's ID. ok is false
// for jobs that are no attempts.
func ParseChild(jobID string) (builder string, id run.ID, attempt int, ok bool) {
	m := childForm.FindStringSubmatch(jobID)
	if m == nil {
		return "", "", 0, false
	}
	id, err := run.ParseID(m[2])
	attempt, err2 := strconv.Atoi(m[3])
	if err != nil || err2 != nil || attempt < 1 {
		return "", "", 0, false
	}
	// One spelling only: who looks for the attempt by its marker would not find another.
	return m[1], id, attempt, strings.Contains(jobID, ChildMarker(id, attempt))
}
