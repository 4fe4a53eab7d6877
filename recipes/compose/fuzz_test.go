package compose_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/txtar"

	"seatrial/recipes/compose"
)

// fuzzed reads a recipe, and holds what comes of it against the promises: a bounded time, a
// word with a place for whoever wrote it, names that swarm takes, and no file from outside.
func fuzzed(t *testing.T, files map[string]string) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	began := time.Now()
	r, err := compose.Read(ctx, dir, options)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	var problems compose.Problems
	switch {
	case err == nil:
	case !errors.As(err, &problems):
		t.Fatalf("the recipe's fault is taken for ours: %v", err)
	case len(problems) == 0:
		t.Fatal("it is refused without a reason")
	default:
		for _, p := range problems {
			if p.File == "" || p.Message == "" {
				t.Errorf("a problem without a place or a word: %+v", p)
			}
			if lines := strings.Count(files[p.File], "\n") + 1; p.Line > lines {
				t.Errorf("%s has %d lines, and a problem is in line %d", p.File, lines, p.Line)
			}
		}
		if strings.ContainsAny(err.Error(), "\x00\x1b\r\x07") {
			t.Errorf("the recipe's text reaches a terminal: %q", err)
		}
		return
	}
	if r.Env["STACK_NAME"] != options.Stack || r.Env["DOMAIN"] != options.Domain {
		t.Errorf("the recipe moved itself to %s at %s", r.Env["STACK_NAME"], r.Env["DOMAIN"])
	}
	for _, s := range r.Services {
		if !strings.HasPrefix(s.Full, options.Stack+"_") || len(s.Full) > 63 {
			t.Errorf("a service is called %q", s.Full)
		}
		if s.Backup == nil {
			continue
		}
		for _, v := range s.Backup.Volumes {
			for _, p := range v.Paths {
				if !filepath.IsLocal(p) {
					t.Errorf("the backup of %s leaves the volume: %q", v.Volume, p)
				}
			}
		}
	}
	for _, c := range r.Configs {
		if c.File != "" && !filepath.IsLocal(c.File) {
			t.Errorf("the config %s is read from %q", c.Name, c.File)
		}
	}
	for _, d := range r.Policy(nil) {
		if d.Place.File == "" || d.Text == "" {
			t.Errorf("a refusal without a place or a word: %+v", d)
		}
	}
}

// seeds are the files of the golden recipes with a name.
func seeds(f *testing.F, named func(string) bool) {
	archives, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("there are no seeds: %v", err)
	}
	for _, name := range archives {
		a, err := txtar.ParseFile(name)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range a.Files {
			if named(file.Name) {
				f.Add(string(file.Data))
			}
		}
	}
}

func FuzzEnv(f *testing.F) {
	seeds(f, func(name string) bool { return name == ".env.sample" })
	f.Add("A=\"$A\\\"\\n\"\nB='$A' # length=3\n#C=1\nexport D=${A}${B}x # c\nE=\n")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzed(t, map[string]string{".env.sample": text, "compose.yml": "services: {app: {image: \"x:${A:-1}\"}}\n"})
	})
}

func FuzzAbra(f *testing.F) {
	seeds(f, func(name string) bool { return name == "abra.sh" })
	f.Add("export A=1 B=\"$A-${C:-x}\"'y'\\z; D=`x`\nf() { E=1\n}\ncat <<X\nF=1\nX\nif true; then G=1; fi\n")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzed(t, map[string]string{"abra.sh": text, "compose.yml": "services: {app: {image: \"x:${A:-1}\"}}\n"})
	})
}

func FuzzRead(f *testing.F) {
	seeds(f, func(name string) bool { return strings.HasPrefix(filepath.Base(name), "compose") })
	f.Add("services: {app: {image: x, volumes: [{type: bind, source: ~/x, target: /x}], deploy: {labels: [\"traefik.http.routers.x.rule=Host(`a`)\"]}}}\nx-a: &a [*a]\n")
	f.Fuzz(func(t *testing.T, text string) {
		fuzzed(t, map[string]string{
			".env.sample": "LETS_ENCRYPT_ENV=x\n#SMTP_HOST=\nCOMPOSE_FILE=compose.yml\nSECRET_DB_PASSWORD_VERSION=v1 # length=9\nA=b\n",
			"abra.sh":     "export APP_CONF_VERSION=v1\n",
			"compose.yml": text, "app.conf": "x\n", "pg_backup.sh": "x\n",
		})
	})
}
