// Package forges reads which forges a server listens to, and as whom: a file that an
// operator writes, in YAML or JSON.
//
// It opens no secret and asks no forge; it promises that what it returns is whole: every
// forge has an id of its own, an address, and either a token or, on GitHub, apps.
// Everything that is wrong with a file is said at once, with file, line and column.
package forges

import (
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	"seatrial/internal/lazyregexp"
	"seatrial/recipes"
	"seatrial/secrets"
)

//go:embed schema.json
var schemaJSON []byte

const schemaAddress = "https://seatrial.example/schema/forges-1.json"

// Kind is what is spoken at a forge.
type Kind string

// The kinds.
const (
	Gitea   Kind = "gitea"
	Forgejo Kind = "forgejo"
	GitHub  Kind = "github"
)

// GitHubURL is where GitHub is unless the file says otherwise.
const GitHubURL = "https://github.com"

// Forge is one to listen to.
type Forge struct {
	ID          string        `json:"id"`
	Kind        Kind          `json:"kind"`
	URL         string        `json:"url"`
	Org         string        `json:"org"`
	TokenFile   string        `json:"token_file"`
	Token       secrets.Value `json:"-"` // where there is no file
	Apps        []App         `json:"apps"`
	Webhook     Webhook       `json:"webhook"`
	Permissions Permissions   `json:"permissions"`
}

var idForm = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]*$`)

// IsID says whether a forge can have this id: it is one word, and stands in the
// addresses of webhooks.
func IsID(id string) bool { return idForm.MatchString(id) }

// App is a GitHub App.
type App struct {
	ID      int64  `json:"id"`
	KeyFile string `json:"key_file"`
}

// Webhook says how the forge's webhooks are known to be its own.
type Webhook struct {
	SecretFiles []string `json:"secret_files"` // none: the one that this program keeps
	SHA1        bool     `json:"sha1"`
}

// Permissions are globs; no globs mean everything.
type Permissions struct {
	Repos    []string `json:"repos"`
	Branches []string `json:"branches"`
}

// Load reads a file. The error is a recipes.Problem, or several joined.
func Load(file string) ([]Forge, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("cannot read the list of forges: %w", err)
	}
	return Parse(file, text)
}

// Parse reads a text. Paths in it that are not absolute begin at the file's folder.
func Parse(file string, text []byte) ([]Forge, error) {
	format, err := recipes.NewFormat("a list of forges", schemaAddress, schemaJSON)
	if err != nil {
		return nil, err
	}
	var list struct {
		Forges []Forge `json:"forges"`
	}
	read, problems := format.Read(file, text, &list)
	if len(problems) > 0 {
		return nil, joined(problems)
	}
	first := map[string]int{}
	for i := range list.Forges {
		f := &list.Forges[i]
		at := fmt.Sprintf("/forges/%d", i)
		if f.Kind == GitHub && f.URL == "" {
			f.URL = GitHubURL
		}
		f.URL = strings.TrimRight(f.URL, "/")
		if before, taken := first[f.ID]; taken {
			problems = append(problems, read.Problem(at+"/id", "entry %d is called %s already: every forge needs an id of its own", before+1, f.ID))
		} else {
			first[f.ID] = i
		}
		problems = append(problems, check(*f, at, read)...)
		f.resolve(filepath.Dir(file))
	}
	return list.Forges, joined(problems)
}

func joined(problems []recipes.Problem) error {
	errs := make([]error, len(problems))
	for i, p := range problems {
		errs[i] = p
	}
	return errors.Join(errs...)
}

// check says what a schema cannot.
func check(f Forge, at string, read recipes.Text) (problems []recipes.Problem) {
	say := func(key, format string, args ...any) {
		problems = append(problems, read.Problem(at+key, format, args...))
	}
	switch why := CheckURL(f.URL); {
	case f.URL == "":
		say("", "url is missing: write for example url: https://git.example.org")
	case why != "":
		// At the entry, whose line is shown: the address may hold a password.
		say("", "url %s", why)
	}
	switch {
	case f.Kind != GitHub && len(f.Apps) > 0:
		say("/apps", "apps are GitHub's; %s takes a token_file", f.Kind)
	case len(f.Apps) > 0 && f.TokenFile != "":
		say("/token_file", "a forge has either apps or a token_file: remove one of them")
	case len(f.Apps) == 0 && f.TokenFile == "" && f.Kind == GitHub:
		say("", "there is no token_file, and there are no apps: name the file of the bot's token, or an App and its key_file")
	case len(f.Apps) == 0 && f.TokenFile == "":
		say("", "token_file is missing: name the file that holds the bot's token")
	}
	for key, globs := range map[string][]string{"/permissions/repos": f.Permissions.Repos, "/permissions/branches": f.Permissions.Branches} {
		for i, glob := range globs {
			if !doublestar.ValidatePattern(glob) {
				say(fmt.Sprintf("%s/%d", key, i), "%s is not a glob: a [ or { is not closed", recipes.Quote(glob))
			}
		}
	}
	return problems
}

// CheckURL says what is wrong with a forge's address, to be read after "url"; empty where
// nothing is. It does not repeat the address, which may hold a password.
func CheckURL(address string) string {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "is not an address: write it like https://git.example.org"
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return "holds more than an address: write it without a user, a question mark and a #; the token has its own place"
	}
	return ""
}

// resolve lets paths begin at a folder.
func (f *Forge) resolve(folder string) {
	fix := func(path *string) {
		if *path != "" && !filepath.IsAbs(*path) {
			*path = filepath.Join(folder, *path)
		}
	}
	fix(&f.TokenFile)
	for i := range f.Apps {
		fix(&f.Apps[i].KeyFile)
	}
	for i := range f.Webhook.SecretFiles {
		fix(&f.Webhook.SecretFiles[i])
	}
}
