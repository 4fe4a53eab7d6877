package forges_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/forges"
)

func TestAListOfForges(t *testing.T) {
	got, err := forges.Parse("/etc/seatrial/forges.yaml", []byte(`version: 1
forges:
  - id: gitea
    kind: gitea
    url: https://git.example.org/
    org: acme
    token_file: gitea-token
    webhook: {secret_files: [one, /run/two], sha1: true}
    permissions: {repos: ["acme/*"], branches: [main, "release/**"]}
  - id: hub
    kind: github
    org: acme-inc
    apps:
      - {id: 7, key_file: app.pem}
`))
	if err != nil {
		t.Fatal(err)
	}
	want := []forges.Forge{
		{ID: "gitea", Kind: forges.Gitea, URL: "https://git.example.org", Org: "acme", TokenFile: "/etc/seatrial/gitea-token",
			Webhook:     forges.Webhook{SecretFiles: []string{"/etc/seatrial/one", "/run/two"}, SHA1: true},
			Permissions: forges.Permissions{Repos: []string{"acme/*"}, Branches: []string{"main", "release/**"}}},
		{ID: "hub", Kind: forges.GitHub, URL: "https://github.com", Org: "acme-inc", Apps: []forges.App{{ID: 7, KeyFile: "/etc/seatrial/app.pem"}}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsWrongIsSaidWithItsPlace(t *testing.T) {
	const gitea = "version: 1\nforges:\n  - id: gitea\n    kind: gitea\n    org: acme\n"
	for text, want := range map[string]string{
		"":                              "f.yaml:1:1: a list of forges must be keys and values, not nothing",
		"version: 1\n":                  "forges is missing",
		"version: 2\nforges: []\n":      "version 2 of this format is not known",
		"version: 1\nforges: []\n":      "forges must not be empty",
		"a: [":                          "f.yaml:1:",
		gitea:                           "f.yaml:3:5: url is missing: write for example url: https://git.example.org",
		gitea + "    url: https://x\n":  "token_file is missing",
		gitea + "    urll: https://x\n": "f.yaml:6:5: unknown key urll; did you mean url?",
		gitea + "    url: git.example.org\n    token_file: t\n":                                                    `f.yaml:3:5: url is not an address`,
		gitea + "    url: https://me@x\n    token_file: t\n":                                                       "holds more than an address",
		gitea + "    url: https://x\n    apps: [{id: 1, key_file: k}]\n":                                           "apps are GitHub's; gitea takes a token_file",
		gitea + "    url: https://x\n    apps: [{id: 0, key_file: k}]\n":                                           "id must be at least 1",
		strings.Replace(gitea, "kind: gitea", "kind: gitae", 1):                                                    "kind cannot be gitae; it can be gitea, forgejo, github; did you mean gitea?",
		strings.Replace(gitea, "id: gitea", "id: Gitea", 1):                                                        `"Gitea" is not a name of small letters, digits and -`,
		strings.Replace(gitea, "kind: gitea", "kind: github", 1):                                                   "there is no token_file, and there are no apps",
		gitea + "    url: https://x\n    token_file: t\n" + gitea[19:] + "    url: https://y\n    token_file: t\n": "entry 1 is called gitea already",
		gitea + "    url: https://x\n    token_file: t\n    permissions: {repos: [\"acme/[a\"]}\n":                 "is not a glob",
	} {
		got, err := forges.Parse("f.yaml", []byte(text))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q gives %v, %v; want an error that says %q", text, got, err, want)
		}
	}
}

func TestAFileThatIsNotThere(t *testing.T) {
	if _, err := forges.Load(filepath.Join(t.TempDir(), "none.yaml")); err == nil || !strings.Contains(err.Error(), "cannot read the list of forges") {
		t.Errorf("got %v", err)
	}
}

// The page is for people; what it must not do is leave something out.
func TestThePageNamesEveryKey(t *testing.T) {
	page, err := os.ReadFile("../../docs/reference/forges.md")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("schema.json")
	if err != nil {
		t.Fatal(err)
	}
	var schema map[string]any
	if err := json.Unmarshal(text, &schema); err != nil {
		t.Fatal(err)
	}
	var walk func(node any)
	walk = func(node any) {
		m, _ := node.(map[string]any)
		properties, _ := m["properties"].(map[string]any)
		for key, value := range properties {
			if !strings.Contains(string(page), "`"+key+"`") {
				t.Errorf("docs/reference/forges.md does not name `%s`", key)
			}
			walk(value)
		}
		if m["items"] != nil {
			walk(m["items"])
		}
	}
	walk(schema)
}

// FuzzParse: whatever is in the file, there is an answer, and a good one is whole.
func FuzzParse(f *testing.F) {
	f.Add([]byte("version: 1\nforges:\n  - {id: a, kind: gitea, url: https://x, org: o, token_file: t}\n"))
	f.Add([]byte("version: 1\nforges:\n  - &a {id: a, kind: github, org: o, apps: [{id: 1, key_file: k}]}\n  - *a\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := forges.Parse("f.yaml", text)
		if err != nil {
			return
		}
		for _, one := range list {
			if one.ID == "" || one.Org == "" || forges.CheckURL(one.URL) != "" || one.TokenFile == "" && len(one.Apps) == 0 {
				t.Errorf("%q is accepted: %+v", text, one)
			}
		}
	})
}
