package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/ohler55/ojg/jp"
	"github.com/ohler55/ojg/oj"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// compare holds the answer against what was expected.
func (a answer) compare(want recipes.Expect, fill *filler) error {
	if err := a.compareEnd(want); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(want.Headers)) {
		value := fill.text(want.Headers[name])
		if got := strings.Join(a.header.Values(name), ", "); !strings.Contains(got, value) || got == "" {
			return a.fault("expected the header %s to contain %q, got %q", name, value, clean(got))
		}
	}
	for _, text := range want.Text {
		if text = fill.text(text); !strings.Contains(a.body, text) {
			return a.fault("expected %q in the answer, and it is not there", text)
		}
	}
	for _, text := range want.NotText {
		if text = fill.text(text); strings.Contains(a.body, text) {
			return a.fault("expected no %q in the answer, and it is there", text)
		}
	}
	if err := a.compareJSON(want.JSON, fill); err != nil {
		return err
	}
	if fill.missing != "" {
		return fill.fault()
	}
	return nil
}

// compareEnd looks at the status or the exit code.
func (a answer) compareEnd(want recipes.Expect) error {
	switch {
	case !a.isHTTP() && a.exit != 0:
		return a.fault("the command ended with exit code %d", a.exit)
	case !a.isHTTP():
		return nil
	case want.Status != 0 && a.status != want.Status:
		return a.fault("expected status %d, got %d %s", want.Status, a.status, http.StatusText(a.status))
	case want.Status == 0 && a.status >= http.StatusBadRequest:
		return a.fault("expected a status below 400, got %d %s", a.status, http.StatusText(a.status))
	}
	return nil
}

func (a answer) compareJSON(want map[string]any, fill *filler) error {
	if len(want) == 0 {
		return nil
	}
	document, err := oj.ParseString(a.body)
	if err != nil {
		return a.fault("expected JSON, and the answer is none: %s", clean(err.Error()))
	}
	for _, path := range slices.Sorted(maps.Keys(want)) {
		found, err := find(path, document)
		if err != nil {
			return err
		}
		expected := fill.value(want[path])
		if len(found) == 0 {
			return a.fault("expected %s to be %s, and there is nothing at that path", path, show(expected))
		}
		if !slices.ContainsFunc(found, func(v any) bool { return same(v, expected) }) {
			return a.fault("expected %s to be %s, got %s", path, show(expected), show(found[0]))
		}
	}
	return nil
}

// capture puts what the paths find into vars, as text.
func (a answer) capture(paths map[string]string, vars map[string]string) error {
	if len(paths) == 0 {
		return nil
	}
	document, err := oj.ParseString(a.body)
	if err != nil {
		return a.fault("cannot capture anything: the answer is not JSON: %s", clean(err.Error()))
	}
	for name, path := range paths {
		found, err := find(path, document)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			return a.fault("cannot capture %s: there is nothing at %s", name, path)
		}
		if text, ok := found[0].(string); ok {
			vars[name] = text
		} else {
			vars[name] = show(found[0])
		}
	}
	return nil
}

func find(path string, document any) ([]any, error) {
	expression, err := jp.ParseString(path)
	if err != nil {
		return nil, fmt.Errorf("cannot read the JSON path %q: %w", path, err)
	}
	return expression.Get(document), nil
}

// same compares values that came through different decoders: numbers by value.
func same(a, b any) bool {
	x, errX := normal(a)
	y, errY := normal(b)
	return errX == nil && errY == nil && reflect.DeepEqual(x, y)
}

func normal(v any) (out any, err error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	err = json.Unmarshal(b, &out)
	return out, err
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return clip(string(b))
}

// fault is a *run.Fault with what was asked in front and the answer as evidence.
func (a answer) fault(format string, args ...any) error {
	evidence := []string{}
	if a.isHTTP() {
		evidence = append(evidence, "HTTP "+strconv.Itoa(a.status)+" "+http.StatusText(a.status))
	}
	lines := strings.Split(strings.TrimRight(a.body, "\n"), "\n")
	for i, line := range lines {
		if i == evidenceLines {
			evidence = append(evidence, fmt.Sprintf("... and %d more lines", len(lines)-i))
			break
		}
		evidence = append(evidence, clip(clean(line)))
	}
	if a.cut {
		evidence = append(evidence, "(the answer is longer than 4 MiB; only its beginning was read)")
	}
	return &run.Fault{Summary: a.asked + ": " + fmt.Sprintf(format, args...), Evidence: evidence}
}
