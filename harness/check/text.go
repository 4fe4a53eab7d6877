package check

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"seatrial/harness/run"
)

// filler replaces ${name} by captured values and remembers a name that nobody captured.
type filler struct {
	vars    map[string]string
	missing string
}

func (f *filler) text(s string) string {
	if !strings.Contains(s, "${") {
		return s
	}
	var out strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		out.WriteString(before)
		if !found {
			return out.String()
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			out.WriteString("${" + rest)
			return out.String()
		}
		value, known := f.vars[name]
		if !known && f.missing == "" {
			f.missing = name
		}
		out.WriteString(value)
		s = after
	}
}

// value replaces inside of lists and maps, in what they hold and not in their keys.
func (f *filler) value(v any) any {
	switch v := v.(type) {
	case string:
		return f.text(v)
	case []any:
		out := make([]any, len(v))
		for i := range v {
			out[i] = f.value(v[i])
		}
		return out
	case map[string]any:
		out := make(map[string]any, len(v))
		for key := range v {
			out[key] = f.value(v[key])
		}
		return out
	}
	return v
}

func (f *filler) fault() error {
	return &run.Fault{
		Summary: fmt.Sprintf("the step uses ${%s}, which no earlier step captured", f.missing),
		Hint:    "Capture it in an earlier step of the same list, or mend the name.",
	}
}

func clip(s string) string {
	if utf8.RuneCountInString(s) <= evidenceWidth {
		return s
	}
	return string([]rune(s)[:evidenceWidth]) + "…"
}
