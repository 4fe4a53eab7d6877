package recipes

import (
	"encoding/json"
	"strconv"
	"strings"

	"github.com/goccy/go-yaml"
)

// Account is somebody on a forge: by a login, or by a number, which stays when the login
// changes and cannot be taken over by somebody who takes a login that became free. Among
// approvers it may be a team, that is everybody in it. One of the fields is set.
type Account struct {
	Login string
	ID    int64
	Team  string // of the organisation; written team/NAME
}

// teamPrefix marks a team. No login has a slash.
const teamPrefix = "team/"

// Is says whether it is that account. Forges do not tell upper from lower case. Who is in
// a team only the forge knows: a team is nobody's account.
func (a Account) Is(login string, id int64) bool {
	if a.ID != 0 {
		return a.ID == id
	}
	return a.Login != "" && strings.EqualFold(a.Login, login)
}

// String is the login, #number or team/NAME.
func (a Account) String() string {
	switch {
	case a.ID != 0:
		return "#" + strconv.FormatInt(a.ID, 10)
	case a.Team != "":
		return teamPrefix + a.Team
	}
	return a.Login
}

func (a Account) value() any {
	if a.ID != 0 {
		return a.ID
	}
	return a.String()
}

// MarshalJSON writes the form that was read.
func (a Account) MarshalJSON() ([]byte, error) { return json.Marshal(a.value()) }

// UnmarshalJSON reads either form.
func (a *Account) UnmarshalJSON(b []byte) error { return a.read(b, json.Unmarshal) }

// MarshalYAML writes the form that was read.
func (a Account) MarshalYAML() (any, error) { return a.value(), nil }

// UnmarshalYAML reads either form.
func (a *Account) UnmarshalYAML(b []byte) error {
	return a.read(b, func(b []byte, v any) error { return yaml.Unmarshal(b, v) })
}

func (a *Account) read(b []byte, unmarshal func([]byte, any) error) error {
	*a = Account{}
	if err := unmarshal(b, &a.ID); err == nil {
		return nil
	}
	a.ID = 0
	var text string
	if err := unmarshal(b, &text); err != nil {
		return err
	}
	if team, ok := strings.CutPrefix(text, teamPrefix); ok {
		a.Team = team
		return nil
	}
	a.Login = text
	return nil
}
