package ledger

import (
	"strconv"
	"strings"

	"seatrial/harness/run"
)

// The beginnings of announcements' keys.
const (
	runPrefix     = "run:"
	commentPrefix = "comment:"
)

// RunKey is the key of a run's announcement.
func RunKey(id run.ID) string { return runPrefix + string(id) }

// RunOfKey is the run that the key is about, if it is about one.
func RunOfKey(key string) (run.ID, bool) {
	id, ok := strings.CutPrefix(key, runPrefix)
	return run.ID(id), ok
}

// CommentKey is the key of the announcement that answers a comment.
func CommentKey(forgeID string, comment int64) string {
	return commentPrefix + forgeID + ":" + strconv.FormatInt(comment, 10)
}

// CommentOfKey is the comment that the key is about, if it is about one.
func CommentOfKey(key string) (forgeID string, comment int64, ok bool) {
	rest, ok := strings.CutPrefix(key, commentPrefix)
	colon := strings.LastIndexByte(rest, ':')
	if !ok || colon < 0 {
		return "", 0, false
	}
	comment, err := strconv.ParseInt(rest[colon+1:], 10, 64)
	return rest[:colon], comment, err == nil
}
