package nomad

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app"
)

func TestAReleaseHasOneJobFile(t *testing.T) {
	for name, c := range map[string]struct {
		files []string
		says  string
	}{
		"none":    {[]string{"README.md", "app.hcl"}, "there is no job file"},
		"one":     {[]string{"README.md", "app.nomad.hcl"}, ""},
		"several": {[]string{"a.nomad.hcl", "b.nomad.hcl"}, "more than one job file: a.nomad.hcl, b.nomad.hcl"},
		"a link":  {[]string{"link.nomad.hcl"}, "there is no job file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for _, f := range c.files {
				if strings.HasPrefix(f, "link") {
					if err := os.Symlink("/etc/passwd", filepath.Join(dir, f)); err != nil {
						t.Fatal(err)
					}
					continue
				}
				if err := os.WriteFile(filepath.Join(dir, f), []byte("job"), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			file, text, err := findJobFile(dir)
			if c.says == "" {
				if err != nil || file != "app.nomad.hcl" || text != "job" {
					t.Errorf("%s, %s, %v", file, text, err)
				}
				return
			}
			if fault, ok := errors.AsType[*app.Fault](err); !ok || !strings.Contains(fault.Summary, c.says) {
				t.Errorf("want a fault that says %q, got %v", c.says, err)
			}
		})
	}
}

func TestDeclaredVariablesAreFound(t *testing.T) {
	got := declared(`
# variable "comment" {}
variable "version" { type = string }
variable plain {
  description = "a default = in a string, and a }"
  type        = object({ a = string })
}
  variable "colour" {
    default = "green"
  }
variable "nested" {
  validation {
    condition = length("${var.nested}") > 0 // default = 1
  }
}
variable "short" { default = "x" }
job "x" {
  template { data = <<EOT
variable "heredoc" {}
EOT
  }
}
variable "last" {}
`)
	want := []variable{{"version", 3, false}, {"plain", 4, false}, {"colour", 8, true}, {"nested", 11, false}, {"short", 16, true}, {"last", 23, false}}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(variable{})); diff != "" {
		t.Error(diff)
	}
}

func TestOnlyDeclaredVariablesAreGiven(t *testing.T) {
	values := map[string]string{"version": "1.0.0", "colour": "${green}", "other": "x"}
	got, err := assign("a.nomad.hcl", "variable \"version\" {}\nvariable \"colour\" { default = \"\" }\nvariable \"free\" { default = 1 }\n", values, app.Release{Name: "1.0.0"})
	if want := "version = \"1.0.0\"\ncolour = \"$${green}\"\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	_, err = assign("a.nomad.hcl", "\nvariable \"missing\" {}", values, app.Release{})
	if fault, ok := errors.AsType[*app.Fault](err); !ok || !strings.Contains(fault.Summary, `a.nomad.hcl:2: the variable "missing" has no default`) {
		t.Errorf("got %v", err)
	}
	for _, name := range []string{"${env[\"X\"]}", "1.0.0{{ key }}", "a\nb"} {
		if _, err := assign("a.nomad.hcl", "", values, app.Release{Name: name}); err == nil {
			t.Errorf("%q was given to a job file", name)
		}
	}
}

func TestAParsersComplaintHasAPlace(t *testing.T) {
	f := parseFault("app.nomad.hcl", `Failed to parse job: input.hcl:4,5-8: Unsupported block type; Blocks of type "tsk" are not expected here. Did you mean "task"?, and 1 other diagnostic(s)`)
	if f.Summary != `app.nomad.hcl:4:5: Unsupported block type; Blocks of type "tsk" are not expected here. Did you mean "task"?` || len(f.Evidence) != 1 || strings.Contains(f.Evidence[0], "input.hcl") {
		t.Errorf("%+v", f)
	}
	if f := parseFault("app.nomad.hcl", "something else\nmore"); f.Summary != "app.nomad.hcl: something else" || len(f.Evidence) != 2 {
		t.Errorf("%+v", f)
	}
}
