package nomadfake

import (
	"net/http"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// clause is a comparison of a filter expression: Status != "dead".
var clause = regexp.MustCompile(`^\s*([A-Z][A-Za-z]*) (==|!=|contains|not contains|matches|not matches) ("(?:[^"\\]|\\.)*")\s*(?:and\s+(.*))?$`)

// filtered leaves of a list what the question's filter expression names. It understands
// comparisons of fields that are texts with texts, joined by "and"; of others it complains.
func filtered[T any](f *Fake, q *ask, list []*T) (any, error) {
	rest := q.param("filter")
	for rest != "" {
		m := clause.FindStringSubmatch(rest)
		if m == nil {
			f.complain("no such filter is understood: %s", rest)
			return nil, refuse(http.StatusBadRequest, "failed to read filter expression: %s", rest)
		}
		holds, err := comparison(m[2], m[3])
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "failed to read filter expression: %v", err)
		}
		kept := []*T{}
		for _, item := range list {
			field := reflect.ValueOf(item).Elem().FieldByName(m[1])
			if !field.IsValid() || field.Kind() != reflect.String {
				f.complain("a filter asks for %s, which is no text", m[1])
				return nil, refuse(http.StatusBadRequest, "failed to read filter expression: %s", rest)
			}
			if holds(field.String()) {
				kept = append(kept, item)
			}
		}
		list, rest = kept, m[4]
	}
	return list, nil
}

func comparison(operator, quoted string) (func(string) bool, error) {
	text, err := strconv.Unquote(quoted)
	if err != nil {
		return nil, err
	}
	operator, negated := strings.CutPrefix(operator, "not ")
	holds := func(s string) bool { return s == text }
	switch operator {
	case "!=":
		negated = true
	case "contains":
		holds = func(s string) bool { return strings.Contains(s, text) }
	case "matches":
		form, err := regexp.Compile(text)
		if err != nil {
			return nil, err
		}
		holds = form.MatchString
	}
	return func(s string) bool { return holds(s) != negated }, nil
}
