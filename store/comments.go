package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/ledger"
	"seatrial/harness/run"
)

func (db *DB) See(ctx context.Context, c forge.Comment, s ledger.State) (isNew bool, err error) {
	if err := ledger.CheckSeen(c, s); err != nil {
		return false, err
	}
	doing := fmt.Sprintf("record comment %d of %s", c.ID, c.Repo.Forge)
	// Polling brings every comment many times: most are known, and cost no write.
	var known bool
	err = db.pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM comments WHERE forge = ? AND id = ?)`, c.Repo.Forge, c.ID).Scan(&known)
	if err != nil || known {
		return false, db.failed(ctx, doing, err)
	}
	c = ledger.Kept(c, s)
	err = db.write(ctx, doing, func(tx *transaction) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO comments
			(forge, id, owner, name, pull, author_id, author, body, created, updated, url, state, announced)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, EXISTS (SELECT 1 FROM announcements WHERE key = ? AND done = 1))
			ON CONFLICT (forge, id) DO NOTHING`,
			c.Repo.Forge, c.ID, c.Repo.Owner, c.Repo.Name, c.Pull, c.Author.ID, c.Author.Login, c.Body,
			encodeTime(c.Created), encodeTime(c.Updated), c.URL, s, ledger.CommentKey(c.Repo.Forge, c.ID))
		if err != nil {
			return err
		}
		n, err := result.RowsAffected()
		isNew = n == 1
		return err
	})
	return isNew && err == nil, err
}

func (db *DB) Reacted(ctx context.Context, forgeID string, comment int64) error {
	return db.change(ctx, forgeID, comment, `reacted = 1`)
}

func (db *DB) Postpone(ctx context.Context, forgeID string, comment int64, until time.Time) error {
	return db.change(ctx, forgeID, comment, `tries = tries + (state = 'open'), not_before = iif(state = 'open', ?, not_before)`, encodeTime(until))
}

// change sets columns of a comment that was seen.
func (db *DB) change(ctx context.Context, forgeID string, comment int64, set string, args ...any) error {
	return db.write(ctx, "record what became of a comment", func(tx *transaction) error {
		result, err := tx.ExecContext(ctx, `UPDATE comments SET `+set+` WHERE forge = ? AND id = ?`, append(args, forgeID, comment)...)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n > 0 {
			return err
		}
		return ledger.Unseen(forgeID, comment)
	})
}

func (db *DB) Decide(ctx context.Context, forgeID string, comment int64, d ledger.Decision, events ...run.Event) (done bool, err error) {
	if err := d.Check(); err != nil {
		return false, err
	}
	err = db.write(ctx, "record a decision", func(tx *transaction) error {
		var state ledger.State
		err := tx.QueryRowContext(ctx, `SELECT state FROM comments WHERE forge = ? AND id = ?`, forgeID, comment).Scan(&state)
		if errors.Is(err, sql.ErrNoRows) {
			return ledger.Unseen(forgeID, comment)
		}
		if err != nil || state != ledger.Open {
			return err
		}
		if err := tx.append(events...); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `UPDATE comments SET state = ?, run = ?, refusal = ?,
			starter = ? AND NOT EXISTS (SELECT 1 FROM comments WHERE run = ? AND starter = 1) WHERE forge = ? AND id = ?`,
			ledger.Decided, d.Run, d.Refusal, d.Starts(events), d.Run, forgeID, comment)
		done = true
		return err
	})
	return done && err == nil, err
}

func (db *Reader) CommentOf(ctx context.Context, id run.ID) (ledger.Comment, bool, error) {
	found, err := db.comments(ctx, `starter = 1 AND run = ?`, id)
	if err != nil || len(found) == 0 {
		return ledger.Comment{}, false, err
	}
	return found[0], true, nil
}

func (db *Reader) OpenComments(ctx context.Context) ([]ledger.Comment, error) {
	return db.comments(ctx, `state = 'open'`)
}

func (db *Reader) RefusedComments(ctx context.Context) ([]ledger.Comment, error) {
	return db.comments(ctx, `refusal <> '' AND announced = 0`)
}

func (db *Reader) comments(ctx context.Context, where string, args ...any) ([]ledger.Comment, error) {
	const doing = "read comments that were seen"
	rows, err := db.pool.QueryContext(ctx, `SELECT forge, id, owner, name, pull, author_id, author, body, created, updated, url,
		state, reacted, tries, not_before, run, refusal FROM comments WHERE `+where+` ORDER BY created, forge, id`, args...)
	if err != nil {
		return nil, db.failed(ctx, doing, err)
	}
	defer rows.Close()
	var found []ledger.Comment
	for rows.Next() {
		var c ledger.Comment
		err := rows.Scan(&c.Repo.Forge, &c.ID, &c.Repo.Owner, &c.Repo.Name, &c.Pull, &c.Author.ID, &c.Author.Login, &c.Body,
			timeColumn{&c.Created}, timeColumn{&c.Updated}, &c.URL, &c.State, &c.Reacted, &c.Tries, timeColumn{&c.NotBefore}, &c.Run, &c.Refusal)
		if err != nil {
			return nil, db.failed(ctx, doing, err)
		}
		found = append(found, c)
	}
	return found, db.failed(ctx, doing, rows.Err())
}

// eraseComments is what is erased of comments: whose they are and what they say.
const eraseComments = `UPDATE comments SET author_id = 0, author = '', body = '' WHERE `

// ForgetComments erases author and text of the commands from before a time that were
// decided about and answered, and says of how many. What became of them stays.
func (db *DB) ForgetComments(ctx context.Context, before time.Time) (n int64, err error) {
	const doing = "erase whose old comments are"
	const old = `state = 'decided' AND author || body <> '' AND created < ? AND (refusal = '' OR announced = 1)`
	var some bool
	err = db.pool.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM comments WHERE `+old+`)`, encodeTime(before)).Scan(&some)
	if err != nil || !some {
		return 0, db.failed(ctx, doing, err)
	}
	err = db.write(ctx, doing, func(tx *transaction) error {
		result, err := tx.ExecContext(ctx, eraseComments+old, encodeTime(before))
		if err == nil {
			n, err = result.RowsAffected()
		}
		return err
	})
	if err != nil {
		return 0, err
	}
	return n, db.failed(ctx, doing, db.emptyLog(ctx))
}
