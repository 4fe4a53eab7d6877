package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"seatrial/harness/run"
)

// Forgotten is what Forget changed, or would change.
type Forgotten struct {
	Accounts run.Accounts // what the person is known as, here and in files beside the journal
	Runs     []run.ID     // that the person asked for, joined or cancelled
	Comments int
	Asks     int // requests without a comment
	Audit    int // lines of the audit journal

	// What is not over yet was left as it is.
	OpenRuns     []run.ID
	OpenComments int
}

// Forges are those on which the person is known.
func (f *Forgotten) Forges() (forges []string) {
	for _, a := range f.Accounts {
		if a.Forge != "" && !slices.Contains(forges, a.Forge) {
			forges = append(forges, a.Forge)
		}
	}
	slices.Sort(forges)
	return forges
}

// Forget puts "somebody" in a person's place everywhere: a login, which leads to numbers and
// through them to the logins that the person had before, or a number. Runs and comments that
// are not over keep the name, because they are still answered: ask again once they are. With
// dry nothing is changed. It may be done while a bridge runs.
func (db *DB) Forget(ctx context.Context, who run.Account, now time.Time, dry bool) (Forgotten, error) {
	const doing = "forget a person"
	var f *forgetting
	err := db.write(ctx, doing, func(tx *transaction) error {
		f = &forgetting{transaction: tx, forgotten: Forgotten{Accounts: run.Accounts{who}}, forgeOf: map[run.ID]string{}, open: map[run.ID]bool{}}
		err := f.all(now)
		if err == nil && dry {
			err = errDry
		}
		return err
	})
	if errors.Is(err, errDry) {
		return f.forgotten, nil
	}
	if err != nil {
		return Forgotten{}, err
	}
	return f.forgotten, db.failed(ctx, doing, db.emptyLog(ctx))
}

// errDry takes back what was done to see what there is to do.
var errDry = errors.New("nothing is to be changed")

// forgetting is one person's.
type forgetting struct {
	*transaction
	forgotten Forgotten
	forgeOf   map[run.ID]string
	open      map[run.ID]bool // runs that have not ended
	guard     string          // the statement that makes it again, while it is lifted
}

func (f *forgetting) all(now time.Time) error {
	if err := f.identify(); err != nil {
		return err
	}
	for _, chapter := range []func() error{f.runs, f.comments, f.asks, f.audit} {
		if err := chapter(); err != nil {
			return err
		}
	}
	return f.finish(now)
}

// identify finds the person's numbers, and by them the logins that they had before.
func (f *forgetting) identify() error {
	for known := 0; known < len(f.forgotten.Accounts); {
		known = len(f.forgotten.Accounts)
		err := f.each(`SELECT forge, author_id, author, '', 0 FROM comments WHERE author <> '' UNION ALL
			SELECT coalesce(json_extract(e.body, '$.data.code.forge'), ''), coalesce(json_extract(e.body, '$.data.asked_by.id'), 0),
			coalesce(json_extract(e.body, '$.data.asked_by.login'), ''), e.run, r.state <> 'ended'
			FROM events e JOIN runs r ON r.id = e.run WHERE e.kind = 'requested'`, func(rows *sql.Rows) error {
			var a run.Account
			var id run.ID
			var open bool
			if err := rows.Scan(&a.Forge, &a.ID, &a.Login, &id, &open); err != nil {
				return err
			}
			if id != "" {
				f.forgeOf[id], f.open[id] = a.Forge, open
			}
			if f.forgotten.Accounts.Has(a.Forge, a.Person) && !slices.Contains(f.forgotten.Accounts, a) {
				f.forgotten.Accounts = append(f.forgotten.Accounts, a)
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// each calls see for every row, before anything is written.
func (f *forgetting) each(query string, see func(*sql.Rows) error) error {
	rows, err := f.QueryContext(f.ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := see(rows); err != nil {
			return err
		}
	}
	return rows.Err()
}

func (f *forgetting) runs() error {
	entries, err := queryEntries(f.ctx, f, `SELECT `+entryColumns+` FROM events WHERE kind IN ('requested', 'joined', 'cancel-asked') ORDER BY position`)
	if err != nil {
		return err
	}
	changed := map[run.ID]bool{}
	for _, entry := range entries {
		e := entry.Event
		is, err := f.forgotten.Accounts.ForgetIn(&e, f.forgeOf[e.Run])
		if err != nil {
			return err
		}
		if !is {
			continue
		}
		if f.open[e.Run] {
			if !slices.Contains(f.forgotten.OpenRuns, e.Run) {
				f.forgotten.OpenRuns = append(f.forgotten.OpenRuns, e.Run)
			}
			continue
		}
		if f.guard == "" {
			if err := f.allowChanges(); err != nil {
				return err
			}
		}
		raw, err := encodeBody(e)
		if err != nil {
			return err
		}
		if _, err := f.ExecContext(f.ctx, `UPDATE events SET body = ? WHERE position = ?`, raw, entry.Position); err != nil {
			return err
		}
		if !changed[e.Run] {
			changed[e.Run] = true
			f.forgotten.Runs = append(f.forgotten.Runs, e.Run)
		}
	}
	return nil
}

// allowChanges lifts what keeps events from being changed by anybody; finish puts it back
// within the same transaction.
func (f *forgetting) allowChanges() error {
	const guard = "events_never_change"
	if err := f.QueryRowContext(f.ctx, `SELECT sql FROM sqlite_schema WHERE name = ?`, guard).Scan(&f.guard); err != nil {
		return err
	}
	_, err := f.ExecContext(f.ctx, `DROP TRIGGER `+guard)
	return err
}

func (f *forgetting) comments() error {
	type key struct {
		forge string
		id    int64
	}
	var found []key
	refusals := map[key]string{}
	err := f.each(`SELECT forge, id, author_id, author, refusal, state = 'open' OR refusal <> '' AND announced = 0 FROM comments
		WHERE author <> '' OR refusal <> ''`, func(rows *sql.Rows) error {
		var k key
		var p run.Person
		var refusal string
		var open bool
		if err := rows.Scan(&k.forge, &k.id, &p.ID, &p.Login, &refusal, &open); err != nil {
			return err
		}
		theirs := f.forgotten.Accounts.Has(k.forge, p)
		text, named := f.refusal(k.forge, refusal)
		switch {
		case open && (theirs || named):
			f.forgotten.OpenComments++
		case theirs:
			found = append(found, k)
		}
		if !open && named {
			refusals[k] = text
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, k := range found {
		if _, err := f.ExecContext(f.ctx, eraseComments+`forge = ? AND id = ?`, k.forge, k.id); err != nil {
			return err
		}
	}
	for k, text := range refusals {
		if _, err := f.ExecContext(f.ctx, `UPDATE comments SET refusal = ? WHERE forge = ? AND id = ?`, text, k.forge, k.id); err != nil {
			return err
		}
		if !slices.Contains(found, k) {
			found = append(found, k)
		}
	}
	f.forgotten.Comments = len(found)
	return nil
}

// approvalNeeded begins a refusal that names those who may approve.
const approvalNeeded = "approval-needed"

// refusal is the text of one without the person.
func (f *forgetting) refusal(forge, text string) (string, bool) {
	words, changed := strings.Fields(text), false
	if len(words) == 0 || words[0] != approvalNeeded {
		return text, false
	}
	for i, word := range words[1:] {
		who := run.Person{Login: word}
		if _, err := fmt.Sscanf(word, "#%d", &who.ID); err == nil {
			who.Login = ""
		}
		if f.forgotten.Accounts.Has(forge, who) {
			words[i+1], changed = run.Somebody, true
		}
	}
	return strings.Join(words, " "), changed
}

func (f *forgetting) asks() (err error) {
	f.forgotten.Asks, err = f.named(`SELECT key, what, who, refusal FROM asks`, `UPDATE asks SET who = ?, refusal = ? WHERE key = ?`)
	return err
}

func (f *forgetting) audit() (err error) {
	f.forgotten.Audit, err = f.named(`SELECT id, subject, who, why FROM audit`, `UPDATE audit SET who = ?, why = ? WHERE id = ?`)
	return err
}

// named takes the person out of a table's rows: of a key, a text that begins with the
// forge, a login, and a text that may be a refusal.
func (f *forgetting) named(query, update string) (n int, err error) {
	type row struct {
		key      any
		who, why string
	}
	var changed []row
	err = f.each(query, func(rows *sql.Rows) error {
		var r row
		var about string
		if err := rows.Scan(&r.key, &about, &r.who, &r.why); err != nil {
			return err
		}
		forge, _, _ := strings.Cut(about, " ")
		theirs, named := f.forgotten.Accounts.Has(forge, run.Person{Login: r.who}), false
		if theirs {
			r.who = run.Somebody
		}
		if r.why, named = f.refusal(forge, r.why); theirs || named {
			changed = append(changed, r)
		}
		return nil
	})
	for _, r := range changed {
		if err == nil {
			_, err = f.ExecContext(f.ctx, update, r.who, r.why, r.key)
		}
	}
	return len(changed), err
}

// finish folds the runs anew. The event that says so raises their position, so that no
// process goes on with what it knew of them.
func (f *forgetting) finish(now time.Time) error {
	for _, id := range f.forgotten.Runs {
		entries, err := queryEntries(f.ctx, f, `SELECT `+entryColumns+` FROM events WHERE run = ? ORDER BY position`, id)
		if err != nil {
			return err
		}
		r := &folded{}
		for _, entry := range entries {
			if err := r.report.Apply(entry.Event); err != nil {
				return err
			}
		}
		f.transaction.runs[id] = r
		if err := f.append(run.Event{Run: id, Source: run.Bridge, At: now, Kind: run.KindForgotten}); err != nil {
			return err
		}
	}
	if f.guard == "" {
		return nil
	}
	_, err := f.ExecContext(f.ctx, f.guard)
	return err
}
