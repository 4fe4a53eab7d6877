package recipes

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

//go:generate go run ./internal/reference ../docs/reference/enrolment.md
//go:generate cp schema.json ../tests/schema.json

//go:embed schema.json
var schemaJSON []byte

// SchemaURL is the address by which an enrolment may name its schema. Nothing is
// fetched from there: the schema is part of this program.
const SchemaURL = "https://seatrial.example/schema/enrolment-1.json"

// Schema is the JSON Schema of an enrolment.
func Schema() []byte { return bytes.Clone(schemaJSON) }

// schema is the compiled form, with the source at hand for what messages need.
type schema struct {
	noun     string // what a file is, such as "an enrolment"
	compiled *jsonschema.Schema
	source   any
}

func compileSchema() (*schema, error) { return compile("an enrolment", SchemaURL, schemaJSON) }

func compile(noun, address string, text []byte) (*schema, error) {
	source, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		return nil, fmt.Errorf("cannot read the schema of %s: %w", noun, err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource(address, source); err != nil {
		return nil, fmt.Errorf("cannot read the schema of %s: %w", noun, err)
	}
	compiled, err := compiler.Compile(address)
	if err != nil {
		return nil, fmt.Errorf("cannot compile the schema of %s: %w", noun, err)
	}
	return &schema{noun: noun, compiled: compiled, source: source}, nil
}

// check holds a document against the schema.
func (s *schema) check(d *document) []Problem {
	raw, err := json.Marshal(d.value)
	if err != nil {
		return []Problem{d.problem("", false, "the file cannot be understood: %v", err)}
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return []Problem{d.problem("", false, "the file cannot be understood: %v", err)}
	}
	err = s.compiled.Validate(value)
	if invalid, ok := errors.AsType[*jsonschema.ValidationError](err); ok {
		return s.problems(d, invalid)
	}
	return nil
}

func (s *schema) problems(d *document, e *jsonschema.ValidationError) []Problem {
	if len(e.Causes) > 0 {
		var all []Problem
		for _, cause := range e.Causes {
			all = append(all, s.problems(d, cause)...)
		}
		return all
	}
	at := pointer(e.InstanceLocation)
	switch k := e.ErrorKind.(type) {
	case *kind.AdditionalProperties:
		return s.unknown(d, e, k.Properties)
	case *kind.Required:
		var all []Problem
		for _, missing := range k.Missing {
			all = append(all, d.problem(at, true, "%s is missing%s", missing, s.forExample(missing)))
		}
		return all
	}
	return []Problem{d.problem(at, false, "%s", s.message(d, at, e))}
}

// unknown names each key that nobody knows, and the nearest real one.
func (s *schema) unknown(d *document, e *jsonschema.ValidationError, keys []string) []Problem {
	known := s.properties(e.SchemaURL)
	var all []Problem
	names := s.text(e.SchemaURL, "x-names")
	for _, key := range keys {
		if names != "" {
			all = append(all, d.problem(pointer(append(slices.Clone(e.InstanceLocation), key)), true, "%q is not %s", key, names))
			continue
		}
		p := d.problem(pointer(append(slices.Clone(e.InstanceLocation), key)), true, "unknown key %s", quoteOdd(key))
		if p.Nearest = nearest(key, known); p.Nearest == "" && len(known) > 0 {
			p.Message += "; known here: " + strings.Join(known, ", ")
		}
		all = append(all, p)
	}
	return all
}

func (s *schema) message(d *document, at string, e *jsonschema.ValidationError) string {
	name := at[strings.LastIndexByte(at, '/')+1:]
	wants := s.text(e.SchemaURL, "x-wants")
	switch k := e.ErrorKind.(type) {
	case *kind.Type:
		if wants == "" {
			wants = kinds(k.Want)
		}
		wants, hint, _ := strings.Cut(wants, "; ")
		if hint != "" {
			hint = ": " + hint
		}
		return fmt.Sprintf("%s must be %s, not %s%s", s.label(name), wants, kinds([]string{k.Got}), hint)
	case *kind.Const:
		return fmt.Sprintf("version %v of this format is not known; this program reads version %v", k.Got, k.Want)
	case *kind.Enum:
		return s.enum(name, k)
	case *kind.Pattern:
		if wants != "" {
			return fmt.Sprintf("%q is not %s", k.Got, wants)
		}
	case *kind.MinLength, *kind.MinItems, *kind.MinProperties:
		return s.label(name) + " must not be empty"
	case *kind.MaxLength:
		return fmt.Sprintf("%s is too long: at most %d characters", s.label(name), k.Want)
	case *kind.MaxItems:
		return fmt.Sprintf("%s is too long: at most %d", s.label(name), k.Want)
	case *kind.MaxProperties:
		return fmt.Sprintf("%s is too long: at most %d", s.label(name), k.Want)
	case *kind.Minimum:
		return fmt.Sprintf("%s must be at least %s", s.label(name), decimal(k.Want))
	case *kind.Maximum:
		return fmt.Sprintf("%s must be at most %s", s.label(name), decimal(k.Want))
	case *kind.UniqueItems:
		return fmt.Sprintf("%s names something twice", s.label(name))
	}
	return fmt.Sprintf("%s: %s", s.label(name), strings.TrimSpace(e.Error()))
}

func (s *schema) enum(name string, k *kind.Enum) string {
	var words []string
	for _, w := range k.Want {
		words = append(words, fmt.Sprint(w))
	}
	message := fmt.Sprintf("%s cannot be %v; it can be %s", s.label(name), quoteOdd(fmt.Sprint(k.Got)), strings.Join(words, ", "))
	if near := nearest(fmt.Sprint(k.Got), words); near != "" && len(words) > 1 {
		message += "; did you mean " + near + "?"
	}
	return message
}

// at finds a part of the schema's source by the address that an error carries.
func (s *schema) at(address string, path ...string) any {
	_, fragment, _ := strings.Cut(address, "#")
	here := s.source
	for _, step := range append(strings.Split(strings.TrimPrefix(fragment, "/"), "/"), path...) {
		if step == "" {
			continue
		}
		m, ok := here.(map[string]any)
		if !ok {
			return nil
		}
		if plain, err := url.PathUnescape(step); err == nil {
			step = plain
		}
		here = m[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]
	}
	return here
}

func (s *schema) text(address string, path ...string) string {
	text, _ := s.at(address, path...).(string)
	return text
}

func (s *schema) properties(address string) []string {
	m, _ := s.at(address, "properties").(map[string]any)
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func (s *schema) forExample(key string) string {
	examples, _ := s.at("#/properties", key, "examples").([]any)
	if len(examples) == 0 {
		return ""
	}
	return fmt.Sprintf(": write for example %s: %v", key, examples[0])
}

// nearest is the word that was probably meant, or nothing.
func nearest(word string, known []string) string {
	const farthest = 3
	best, distance := "", farthest+1
	plain := strings.NewReplacer("-", "_", " ", "_").Replace(strings.ToLower(word))
	for _, k := range known {
		if n := levenshtein.Distance(plain, strings.ToLower(k), nil); n < distance && 2*n <= max(len(k), 2) {
			best, distance = k, n
		}
	}
	return best
}

func decimal(r *big.Rat) string {
	f, _ := r.Float64()
	return strconv.FormatFloat(f, 'g', -1, 64)
}

func (s *schema) label(name string) string {
	if name == "" {
		return s.noun
	}
	if n, err := strconv.Atoi(name); err == nil {
		return fmt.Sprintf("entry %d", n+1)
	}
	return quoteOdd(strings.NewReplacer("~1", "/", "~0", "~").Replace(name))
}

// quoteOdd quotes what is not a plain word.
func quoteOdd(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) || s == "" {
		return strconv.QuoteToASCII(s)
	}
	return s
}

func kinds(names []string) string {
	words := map[string]string{
		"object": "keys and values", "array": "a list", "string": "text", "number": "a number",
		"integer": "a whole number", "boolean": "true or false", "null": "nothing",
	}
	var said []string
	for _, n := range names {
		if w, ok := words[n]; ok {
			n = w
		}
		said = append(said, n)
	}
	return strings.Join(said, " or ")
}
