package recipes

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/goccy/go-yaml"

	"seatrial/internal/lazyregexp"
)

//go:embed new.yaml.tmpl
var newTemplate string

// New is the text of a first enrolment for the repository owner/name: valid as it
// is, with the settings that are asked for next as comments. Editors that know the
// YAML language server complete it.
func New(repo string) ([]byte, error) {
	const name = "the enrolment"
	e, problems, err := Parse(name, fmt.Appendf(nil, "version: 1\nrepo: %q\n", repo))
	if err != nil {
		return nil, err
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: write it for example recipes/guestbook", problems[0].Message)
	}
	quoted, err := yaml.Marshal(e.Repo)
	if err != nil {
		return nil, fmt.Errorf("cannot write the enrolment: %w", err)
	}
	t, err := template.New("").Parse(newTemplate)
	if err != nil {
		return nil, fmt.Errorf("cannot write the enrolment: %w", err)
	}
	var b bytes.Buffer
	err = t.Execute(&b, map[string]string{"Repo": strings.TrimSpace(string(quoted)), "Schema": SchemaFile})
	if err != nil {
		return nil, fmt.Errorf("cannot write the enrolment: %w", err)
	}
	return b.Bytes(), nil
}

// SchemaFile is where an enrolment's editor line looks for the schema, seen from
// tests/<recipe>/. Whoever makes the first enrolment writes Schema there.
const SchemaFile = "../schema.json"

var notInName = lazyregexp.New(`[^a-z0-9]+`)

// CheckName says whether a recipe may be called so.
func CheckName(name string) error {
	if !folderName.MatchString(name) {
		return fmt.Errorf("%q is not a name for a recipe: write it with small letters, digits and -, such as guestbook", name)
	}
	return nil
}

// NameFor is the folder's name for a repository: its last part, in the letters that
// a folder may have.
func NameFor(repo string) string {
	_, name, _ := strings.Cut(repo, "/")
	name = strings.Trim(notInName.ReplaceAllString(strings.ToLower(name), "-"), "-")
	if name == "" {
		return "recipe"
	}
	return name[:min(len(name), 63)]
}
