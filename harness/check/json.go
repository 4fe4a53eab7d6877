package check

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"seatrial/internal/hidden"

	"github.com/ohler55/ojg/jp"
)

func (a answer) compareJSON(want map[string]any, fill *filler) error {
	if len(want) == 0 {
		return nil
	}
	document, err := decode(a.body)
	if err != nil {
		return a.fault("expected JSON, and the answer is none: %s", hidden.Blot(err.Error()))
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
	if vars == nil {
		return fmt.Errorf("cannot capture anything: there is nothing to capture into")
	}
	document, err := decode(a.body)
	if err != nil {
		return a.fault("cannot capture anything: the answer is not JSON: %s", hidden.Blot(err.Error()))
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		path := paths[name]
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
			b, err := json.Marshal(found[0])
			if err != nil {
				return a.fault("cannot capture %s: %v", name, err)
			}
			vars[name] = string(b)
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

func normal(v any) (any, error) {
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	return decode(string(b))
}

// decode reads one JSON document. encoding/json bounds how deep it may be nested,
// which matters: an app that answers with a million brackets must not end us.
func decode(text string) (any, error) {
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.UseNumber()
	var document any
	if err := decoder.Decode(&document); err != nil {
		return nil, err
	}
	if decoder.More() {
		return nil, fmt.Errorf("something follows the document")
	}
	return exact(document), nil
}

// exact makes whole numbers of those that are, so that long ones keep every digit.
func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		if n, err := v.Int64(); err == nil {
			return n
		}
		f, err := strconv.ParseFloat(v.String(), 64)
		switch {
		case err != nil:
			return v.String()
		case f == float64(int64(f)) && f < 1<<53 && f > -1<<53:
			return int64(f)
		}
		return f
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for key := range v {
			v[key] = exact(v[key])
		}
	}
	return v
}

func show(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return clip(hidden.Blot(fmt.Sprint(v)))
	}
	return clip(hidden.Blot(string(b)))
}
