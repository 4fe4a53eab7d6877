package recipes

import (
	"encoding/json"
	"fmt"
)

// Format is a kind of file that an operator writes, in YAML or JSON, described by a
// JSON Schema. What is wrong with one is said as with an enrolment: file, line and
// column, the line itself, and the nearest real word for a misspelt one. The schema's
// x-wants says in words what a value must be. It is safe for concurrent use.
type Format struct{ schema *schema }

// NewFormat compiles a schema. The noun is what such a file is called in messages: "a
// list of forges". Nothing is fetched from the address.
func NewFormat(noun, address string, schema []byte) (*Format, error) {
	s, err := compile(noun, address, schema)
	if err != nil {
		return nil, err
	}
	return &Format{s}, nil
}

// Text is a file that was read, to say more about it.
type Text struct{ doc *document }

// Problem says something about the value at a JSON pointer, such as /forges/0/url.
func (t Text) Problem(at, format string, args ...any) Problem {
	return t.doc.problem(at, false, format, args...)
}

// Read decodes a text into a value, by its json tags. With problems the value is of no use.
func (f *Format) Read(file string, text []byte, into any) (Text, []Problem) {
	doc, problem := readDocument(f.schema.noun, file, text)
	if problem != nil {
		return Text{}, []Problem{*problem}
	}
	if problems := f.schema.check(doc); len(problems) > 0 {
		return Text{}, sortProblems(problems)
	}
	raw, err := json.Marshal(doc.value)
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		return Text{}, []Problem{doc.problem("", false, "%s", fmt.Sprintf("the file cannot be understood: %v", err))}
	}
	return Text{doc}, nil
}
