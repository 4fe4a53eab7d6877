package recipes

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// The schema and the types say the same keys; the schema's defaults are the ones
// that are filled in.
func TestSchemaMatchesTheTypes(t *testing.T) {
	s, err := compileSchema()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[reflect.Type]bool{}
	var compare func(t *testing.T, url string, typ reflect.Type)
	compare = func(t *testing.T, url string, typ reflect.Type) {
		for typ.Kind() == reflect.Pointer || typ.Kind() == reflect.Slice {
			typ = typ.Elem()
		}
		if typ.Kind() != reflect.Struct || typ == reflect.TypeFor[CommandLine]() || typ == reflect.TypeFor[Account]() || seen[typ] {
			return
		}
		seen[typ] = true
		if ref := s.text(url, "items", "$ref"); ref != "" {
			url = ref
		}
		if ref := s.text(url, "$ref"); ref != "" {
			url = ref
		}
		if ref := s.text(url, "items", "$ref"); ref != "" {
			url = ref
		}
		var fields []string
		for i := range typ.NumField() {
			name, _, _ := strings.Cut(typ.Field(i).Tag.Get("json"), ",")
			if name == "-" {
				continue
			}
			fields = append(fields, name)
			if s.at(url, "properties", name) == nil {
				t.Errorf("%s: the schema does not know %s", url, name)
				continue
			}
			compare(t, url+"/properties/"+name, typ.Field(i).Type)
		}
		for _, name := range s.properties(url) {
			if !slices.Contains(fields, name) {
				t.Errorf("%s: there is no field for %s", url, name)
			}
			if s.text(url, "properties", name, "description") == "" {
				t.Errorf("%s: %s has no description", url, name)
			}
		}
	}
	compare(t, "#", reflect.TypeFor[Enrolment]())
	for _, typ := range []reflect.Type{reflect.TypeFor[Request](), reflect.TypeFor[Expect](), reflect.TypeFor[Restore]()} {
		if !seen[typ] {
			t.Errorf("%s was not compared", typ)
		}
	}
}

func TestSchemaNamesTheDefaults(t *testing.T) {
	s, err := compileSchema()
	if err != nil {
		t.Fatal(err)
	}
	raw, err := json.Marshal(Defaults(Enrolment{}))
	if err != nil {
		t.Fatal(err)
	}
	var filled map[string]any
	if err := json.Unmarshal(raw, &filled); err != nil {
		t.Fatal(err)
	}
	compared := 0
	var compare func(url string, filled map[string]any)
	compare = func(url string, filled map[string]any) {
		for key, value := range filled {
			if group, ok := value.(map[string]any); ok {
				compare(url+"/properties/"+key, group)
				continue
			}
			want := s.at(url, "properties", key, "default")
			if key == "version" || key == "repo" {
				continue
			}
			compared++
			if want == nil {
				t.Errorf("%s: %s defaults to %v, which the schema does not say", url, key, value)
				continue
			}
			if !sameDefault(want, value) {
				t.Errorf("%s: %s defaults to %v, but the schema says %v", url, key, value, want)
			}
		}
	}
	compare("#", filled)
	if compared < 12 {
		t.Errorf("only %d defaults were compared", compared)
	}
}

func sameDefault(want, got any) bool {
	a, b := toText(want), toText(got)
	if a == b {
		return true
	}
	var x, y Duration
	return x.UnmarshalText([]byte(a)) == nil && y.UnmarshalText([]byte(b)) == nil && x == y
}

func toText(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return strings.Trim(string(raw), `"`)
}
