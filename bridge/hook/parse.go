package hook

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"seatrial/bridge/forge"
	"seatrial/internal/lazyregexp"
	"seatrial/internal/respond"
)

// headers are where each kind of forge says what happened, the one that counts first.
func headers(kind, what string) []string {
	switch kind {
	case GitHub:
		return []string{"X-Github-" + what}
	case Forgejo:
		return []string{"X-Forgejo-" + what, "X-Gitea-" + what}
	}
	return []string{"X-Gitea-" + what}
}

func header(f Forge, h http.Header, what string) string {
	for _, name := range headers(f.Kind, what) {
		if value := h.Get(name); value != "" {
			return value
		}
	}
	return ""
}

// deliveryOf is the forge's id of a delivery, as long as a log can bear.
func deliveryOf(f Forge, h http.Header) string { return respond.Brief(header(f, h, "Delivery")) }

// Parse reads the body of a hook, which must have been verified. The event's name comes
// from the forge's header. What nobody acts upon is an event of the kind Ignored; an
// error means that the body is not what the forge's documentation says.
func Parse(f Forge, h http.Header, body []byte) (Event, error) {
	name := header(f, h, "Event")
	if name == "" {
		return Event{}, fmt.Errorf("it has no %s header, so this may be the address of another forge", headers(f.Kind, "Event")[0])
	}
	e := Event{Forge: f.ID, Kind: Ignored, Delivery: deliveryOf(f, h)}
	read, known := readers[name]
	if !known {
		err := readUnknown(&e, name, body)
		return e, err
	}
	var p payload
	if err := json.Unmarshal(body, &p); err != nil {
		return Event{}, shape(err)
	}
	e.Action, e.Sender = p.Action, forge.Person{ID: p.Sender.ID, Login: p.Sender.Login}
	switch {
	case p.Repo != nil:
		var ok bool
		if e.Repo, ok = repoOf(f.ID, p.Repo.FullName); !ok {
			return Event{}, errors.New("its repository has no name, or none that a forge lets it have")
		}
	case name != "ping": // an organisation's own has none
		return Event{}, errors.New("it names no repository")
	}
	if err := read(&e, p); err != nil {
		return Event{}, err
	}
	return e, nil
}

// readUnknown reads whose event it is, if it says so: nothing else of it is known.
func readUnknown(e *Event, name string, body []byte) error {
	e.Reason = fmt.Sprintf("events of the kind %q are not read", respond.Brief(name))
	if !json.Valid(body) {
		return errNoJSON
	}
	var p struct {
		Repo repo `json:"repository"`
	}
	if json.Unmarshal(body, &p) == nil {
		e.Repo, _ = repoOf(e.Forge, p.Repo.FullName)
	}
	return nil
}

// plainName is what forges let owners and repositories be called. It is shown to people, and
// stands in lines that they copy into a shell.
var plainName = lazyregexp.New(`^[A-Za-z0-9_.][A-Za-z0-9_.-]{0,99}$`)

func repoOf(forgeID, fullName string) (forge.Repo, bool) {
	repo, err := forge.ParseRepo(forgeID, fullName)
	if err != nil || !plainName.MatchString(repo.Owner) || !plainName.MatchString(repo.Name) {
		return forge.Repo{}, false
	}
	return repo, true
}

var errNoJSON = errors.New("its body is not a whole JSON object")

// shape says what is wrong with JSON without repeating it.
func shape(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if wrong.Field != "" {
			return fmt.Errorf("its field %q has an unexpected shape", respond.Brief(wrong.Field))
		}
	}
	return errNoJSON
}
