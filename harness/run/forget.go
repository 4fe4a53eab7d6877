package run

import (
	"encoding/json"
	"strings"
)

// Somebody stands where a person was forgotten.
const Somebody = "somebody"

// Account is what a person is known as on a forge.
type Account struct {
	Forge string // empty: on any
	Person
}

// Accounts are those of one person who is to be forgotten.
type Accounts []Account

// Has says whether somebody on a forge is the person: by the number where both have one,
// because it stays when the login changes, else by the login, in which forges do not tell
// upper from lower case.
func (all Accounts) Has(forge string, p Person) bool {
	for _, a := range all {
		switch {
		case a.Forge != "" && a.Forge != forge:
		case a.ID != 0 && p.ID != 0:
			if a.ID == p.ID {
				return true
			}
		case a.Login != "" && strings.EqualFold(a.Login, p.Login):
			return true
		}
	}
	return false
}

// ForgetIn puts somebody in the person's place in the text of an event, if it names them
// as one who asked, joined or cancelled. forge is that of its run.
func (all Accounts) ForgetIn(e *Event, forge string) (changed bool, err error) {
	switch e.Kind {
	case KindRequested:
		return all.forgetInRequest(e, forge)
	case KindJoined, KindCancelAsked:
		e.Note, changed = all.note(e.Note, forge)
	}
	return changed, nil
}

func (all Accounts) forgetInRequest(e *Event, forge string) (bool, error) {
	var r Request
	if err := e.Into(&r); err != nil || !all.Has(forge, r.AskedBy) {
		return false, err
	}
	var data map[string]json.RawMessage // what another version wrote stays
	if err := e.Into(&data); err != nil {
		return false, err
	}
	data["asked_by"] = Event{}.With(Person{Login: Somebody}).Data
	*e = e.With(data)
	return true, nil
}

// note is a login, or one with a reason after it.
func (all Accounts) note(text, forge string) (string, bool) {
	who, why, reasoned := strings.Cut(text, ": ")
	if !all.Has(forge, Person{Login: who}) {
		return text, false
	}
	if reasoned {
		return Somebody + ": " + why, true
	}
	return Somebody, true
}

// ForgetInRequest puts somebody in the person's place in a request.
func (all Accounts) ForgetInRequest(r *Request) (changed bool) {
	if changed = all.Has(r.Code.Forge, r.AskedBy); changed {
		r.AskedBy = Person{Login: Somebody}
	}
	return changed
}

// ForgetInReport puts somebody in the person's place in a report, wherever it names them
// as one who asked, joined or cancelled.
func (all Accounts) ForgetInReport(r *Report) (changed bool) {
	changed = all.ForgetInRequest(&r.Request)
	for i := range r.Joined {
		text, is := all.note(r.Joined[i], r.Request.Code.Forge)
		r.Joined[i], changed = text, changed || is
	}
	text, is := all.note(r.CancelAsked, r.Request.Code.Forge)
	r.CancelAsked, changed = text, changed || is
	return changed
}
