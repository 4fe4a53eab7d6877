package announce

import (
	"context"
	"errors"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
)

// forbiddenFor is how long a forge that does not let us comment is asked again: long
// enough for somebody who is just putting the token right. A locked conversation stays.
const forbiddenFor = 15 * time.Minute

// mayNotComment says whether it is time to stop trying to comment, because the forge has not let
// us for a while.
func (a *Announcer) mayNotComment(w *worker, err error) bool {
	if !errors.Is(err, forge.ErrForbidden) {
		w.forbidden = time.Time{}
		return false
	}
	if w.forbidden.IsZero() {
		w.forbidden = a.Now()
	}
	return a.Now().Sub(w.forbidden) >= forbiddenFor
}

// giveUpCommenting gives up the comment and nothing else: the eyes and the commit's status say what
// can be said. The audit journal has what was not.
func (a *Announcer) giveUpCommenting(ctx context.Context, n *ledger.Announcement, why error) error {
	a.Log.Warn("the forge does not let us comment; the status says the rest", "what", n.Key, "err", why)
	entry := ledger.AuditEntry{At: a.Now(), Who: "bridge", What: "mute", Subject: n.Key, Why: why.Error()}
	if err := a.Memory.Record(ctx, entry); err != nil {
		return err
	}
	n.CommentID, n.Intent, n.Tries = 0, false, maxPosts
	return a.remember(ctx, n)
}
