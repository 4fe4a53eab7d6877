package lint

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"pgregory.net/rapid"

	"seatrial/harness/run"
	"seatrial/recipes"
)

// good is a recipe about which there is nothing to say.
func good() Input {
	step := []recipes.Step{{Request: &recipes.Request{Path: "/"}, Expect: recipes.Expect{Text: []string{"Guestbook"}}}}
	return Input{
		FS: fstest.MapFS{
			"Procfile":  file("# how it starts\nweb: ./app --port $PORT\n"),
			"README.md": file("# Guestbook"),
			"LICENSE":   file("MIT"),
			"app":       {Data: []byte("#!/bin/sh"), Mode: 0o755},
		},
		Enrolment: recipes.Defaults(recipes.Enrolment{
			Health: recipes.Health{Path: "/health"}, Checks: step, Canaries: recipes.Canaries{Seed: step, Expect: step},
		}),
		Versions: []string{"1.0.0"},
	}
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }

func link(to string) *fstest.MapFile {
	return &fstest.MapFile{Data: []byte(to), Mode: 0o777 | fs.ModeSymlink}
}

func set(name string, f *fstest.MapFile) func(*Input) {
	return func(in *Input) { in.FS.(fstest.MapFS)[name] = f }
}

func without(name string) func(*Input) {
	return func(in *Input) { delete(in.FS.(fstest.MapFS), name) }
}

func procfile(text string) func(*Input) { return set("Procfile", file(text)) }

func enrol(change func(*recipes.Enrolment)) func(*Input) {
	return func(in *Input) { change(&in.Enrolment) }
}

func checks(steps ...recipes.Step) func(*Input) {
	return enrol(func(e *recipes.Enrolment) { e.Checks = steps })
}

func build(line string) func(*Input) {
	return enrol(func(e *recipes.Enrolment) { e.Build.Command.Shell = line })
}

func env(name, value string) func(*Input) {
	return enrol(func(e *recipes.Enrolment) { e.Env = map[string]string{name: value} })
}

func published(version string, tags ...string) func(*Input) {
	return func(in *Input) { in.Version, in.Versions = version, tags }
}

func leftOut(tags ...string) func(*Input) { return func(in *Input) { in.Others = tags } }

func all(changes ...func(*Input)) func(*Input) {
	return func(in *Input) {
		for _, change := range changes {
			change(in)
		}
	}
}

// big is a file of more than 10 MiB that begins so.
func big(head string) *fstest.MapFile {
	return &fstest.MapFile{Data: append([]byte(head), make([]byte, maxFileSize+1-len(head)+8000)...), Mode: 0o755}
}

func text(head string) *fstest.MapFile {
	return file(head + strings.Repeat("text\n", maxFileSize/5+1))
}

const githubToken = "ghp_0123456789abcdefghijABCDEFGHIJ012345"

// rulesTable has for each rule changes that trip it, with the place, and changes that do not.
var rulesTable = map[string]struct {
	trips map[string]func(*Input) // "place: what"
	quiet []func(*Input)
}{
	"procfile-missing": {
		map[string]func(*Input){
			"Procfile: none":      without("Procfile"),
			"Procfile: a folder":  all(without("Procfile"), set("Procfile/web", file("x"))),
			"Procfile: too large": procfile("web: ./app\n" + strings.Repeat("# long\n", 10_000)),
		}, []func(*Input){set("other", file("x"))},
	},
	"procfile-bad-line": {
		map[string]func(*Input){
			"Procfile:2: no colon":   procfile("web: ./app\nworker ./app\n"),
			"Procfile:2: no command": procfile("web: ./app\nworker:\n"),
			"Procfile:2: NUL":        procfile("web: ./app\nworker: a\x00b\n"),
		}, []func(*Input){procfile("\ufeffweb: ./app\r\n\r\n# a: comment\r\n  \r\n")},
	},
	"procfile-duplicate": {
		map[string]func(*Input){"Procfile:3: twice": procfile("web: ./app\nworker: ./app w\nweb: ./app 2\n")},
		[]func(*Input){procfile("web: ./app\nweb2: ./app\n")},
	},
	"procfile-missing-web": {
		map[string]func(*Input){"Procfile: only a worker": procfile("worker: ./app\n"), "Procfile: empty": procfile("")},
		[]func(*Input){without("Procfile")},
	},
	"command-missing": {
		map[string]func(*Input){"Procfile:1: not there": procfile("web: ./bin/server --port $PORT\n")},
		[]func(*Input){
			all(procfile("web: ./bin/server\n"), build("make")),
			procfile("release: make\nweb: ./bin/server\n"),
			procfile("web: cd sub && ./server\n"),
			procfile("web: python3 -m http.server $PORT\n"),
			procfile("web: ./../elsewhere\n"),
		},
	},
	"command-not-executable": {
		map[string]func(*Input){"Procfile:2: 644": set("app", file("#!/bin/sh"))},
		[]func(*Input){all(set("app", file("#!/bin/sh")), procfile("web: sh ./app\n"))},
	},
	"command-in-volume": {
		map[string]func(*Input){
			"Procfile:1: data":   procfile("web: $DATA_DIR/bin/app\n"),
			"Procfile:1: quoted": procfile(`web: exec "${DATA_DIR}"/bin/app` + "\n"),
			"Procfile:1: another": all(procfile("web: ${UPLOADS_DIR}/app\n"),
				enrol(func(e *recipes.Enrolment) { e.Volumes = []string{"data", "uploads"} })),
		}, []func(*Input){procfile("web: ./app --dir $DATA_DIR/db\n"), procfile("web: $HOME/app\n")},
	},
	"port-hard-coded": {
		map[string]func(*Input){
			"Procfile:1: --port":   procfile("web: ./app --port 8080\n"),
			"Procfile:1: --port=":  procfile("web: ./app --port=8080 -v\n"),
			"Procfile:1: -p":       procfile("web: ./app -p 8080\n"),
			"Procfile:1: address":  procfile("web: ./app --listen 0.0.0.0:8080\n"),
			"Procfile:1: variable": procfile("web: PORT=8080 ./app\n"),
		}, []func(*Input){
			procfile("web: ./app --port ${PORT:-8080}\n"),
			procfile("web: ./app\nworker: ./app --port 8080\n"),
			procfile("web: ./app --upstream http://example.org:8080\n"),
			procfile("web: ./app -p production\n"),
		},
	},
	"unpinned-input": {
		map[string]func(*Input){
			"recipe.yaml: curl | sh":   build("curl -fsSL https://example.org/i.sh | sh"),
			"recipe.yaml: wget | bash": build("wget -qO- https://example.org/i.sh | sudo /bin/bash -s"),
			"recipe.yaml: bash <(curl": build("bash <(curl -s https://example.org/i.sh)"),
			"recipe.yaml: newest":      build("curl -LO https://github.com/a/b/releases/latest/download/b.tgz"),
			"recipe.yaml: latest":      build("go install example.org/app@latest"),
			"Procfile:1: latest":       procfile("web: npx serve@latest\n"),
		}, []func(*Input){
			build("go install example.org/app@v1.2.3"),
			build("curl -fo app https://example.org/app && sha256sum -c sums"),
			build("curl https://example.org/list | sort"),
		},
	},
	"no-health-path": {
		map[string]func(*Input){"recipe.yaml: default": enrol(func(e *recipes.Enrolment) { e.Health.Path = "/" })},
		[]func(*Input){enrol(func(e *recipes.Enrolment) { e.Health.Path, e.Health.Text = "/", "Guestbook" })},
	},
	"no-own-checks": {
		map[string]func(*Input){"recipe.yaml: none": enrol(func(e *recipes.Enrolment) { e.Checks = nil })}, nil,
	},
	"no-seed": {
		map[string]func(*Input){
			"recipe.yaml: none":        enrol(func(e *recipes.Enrolment) { e.Canaries = recipes.Canaries{} }),
			"recipe.yaml: not expects": enrol(func(e *recipes.Enrolment) { e.Canaries.Expect = nil }),
		}, nil,
	},
	"blind-check": {
		map[string]func(*Input){
			"recipe.yaml: it answers": checks(recipes.Step{Name: "up", Request: &recipes.Request{Path: "/up"}, Expect: recipes.Expect{Status: 200}}),
		}, []func(*Input){
			checks(recipes.Step{Request: &recipes.Request{Path: "/nowhere"}, Expect: recipes.Expect{Status: 404}}),
			checks(recipes.Step{Request: &recipes.Request{Path: "/", Form: map[string]string{"text": ""}}}),
			checks(recipes.Step{Request: &recipes.Request{Path: "/${id}"}}),
			checks(recipes.Step{Exec: recipes.CommandLine{Shell: "true"}}),
		},
	},
	"secret-in-plain-env": {
		map[string]func(*Input){
			"recipe.yaml: enrolment": env("UPSTREAM", githubToken),
			"Procfile:1: Procfile":   procfile("web: UPSTREAM=" + githubToken + " ./app\n"),
			".env:2: .env":           set(".env", file("A=1\nexport UPSTREAM='"+githubToken+"'\n")),
		}, []func(*Input){env("UPSTREAM", "ghp_short"), set(".env", file("# "+githubToken+"\n"))},
	},
	"secret-like-env": {
		map[string]func(*Input){
			"recipe.yaml: drawn":    env("ADMIN_PASSWORD", "k3j9d8f7s6a5q1w2e3r4t5"),
			".env.production:1: it": set(".env.production", file("API_KEY=k3j9d8f7s6a5q1w2e3r4t5\n")),
		}, []func(*Input){
			env("ADMIN_PASSWORD", "a-password-for-tests-1234"),
			env("ADMIN_PASSWORD_FILE", "k3j9d8f7s6a5q1w2e3r4t5"),
			env("MONKEY", "k3j9d8f7s6a5q1w2e3r4t5"),
			env("SECRET", "$k3j9d8f7s6a5q1w2e3r4t5"),
		},
	},
	"link-leaves-repository": {
		map[string]func(*Input){
			"passwd: absolute":   set("passwd", link("/etc/passwd")),
			"a/b/out: relative":  set("a/b/out", link("../../../etc")),
			"up: the parent":     set("up", link("..")),
			"Procfile: Procfile": set("Procfile", link("/etc/hostname")),
		}, []func(*Input){set("a/b/in", link("../../README.md"))},
	},
	"broken-link": {
		map[string]func(*Input){"a/gone: gone": set("a/gone", link("nothing"))},
		[]func(*Input){set("a/there", link("../LICENSE")), all(set("dist", link("out/dist")), build("make"))},
	},
	"committed-binary": {
		map[string]func(*Input){"server: large": set("server", big("\x7fELF\x00"))},
		[]func(*Input){set("small", file("\x00")), set("data.json", text("{"))},
	},
	"no-readme": {
		map[string]func(*Input){": none": without("README.md"), ": elsewhere": all(without("README.md"), set("docs/README.md", file("x")))},
		[]func(*Input){all(without("README.md"), set("readme", file("x")))},
	},
	"no-licence": {
		map[string]func(*Input){": none": without("LICENSE")},
		[]func(*Input){all(without("LICENSE"), set("COPYING", file("x"))), all(without("LICENSE"), set("LICENSES/MIT.txt", file("x")))},
	},
	"version-not-semver": {
		map[string]func(*Input){": a date": published("", "1.0.0", "2024-spring"), ": the head": published("1.2", "1.0.0"), ": short": published("", "1.0"), ": zeros": published("", "2024.11.02"), ": half": published("", "1.0+2.3.4")},
		[]func(*Input){published("v2.0.0-rc.1", "v1.0.0", "1.0.0+2.3.4", "release/2.0.0", "app-1.9.3"), published("")},
	},
	"no-release-note": {
		map[string]func(*Input){": no file": published("2.0.0", "1.9.0"), ": published so": published("", "1.9.0", "2.0.0", "1.8.0"), ": not named": all(published("2.0.0", "1.9.0"), set("CHANGELOG.md", file("1.9.0")))},
		[]func(*Input){
			published("1.10.0", "1.9.0"), published("2.0.0"), published("", "2.1.0", "2.0.0", "1.9.0"), published("", "2.0.0-rc.1", "1.9.0", "1.8.0"), published("1.0.1", "1.0.0", "2.0.0"), published("2.1.0", "1.9.0", "2.0.0"),
			all(published("2.0.0", "1.9.0"), set("CHANGELOG.md", file("## 2.0.0\n"))),
			all(published("v2.0.0", "v1.9.0"), set("release/2.0.0.md", file("x"))),
			all(published("2.0.0", "1.9.0"), set("release/2.0.0", file("x"))),
		},
	},
	"no-published-version": {
		map[string]func(*Input){": none": published("")},
		[]func(*Input){published("1.0.0"), published("", "nightly"), all(published(""), leftOut("1.0.0")), all(published(""), func(in *Input) { in.Unknown = true })},
	},
	"every-tag-left-out": {
		map[string]func(*Input){": all": all(published(""), leftOut("release/1.0.0"))},
		[]func(*Input){published(""), all(published("1.0.0"), leftOut("nightly"))},
	},
}

func checked(change func(*Input)) []run.Finding {
	in := good()
	change(&in)
	return Check(in)
}

func TestThereIsNothingToSayAboutAGoodRecipe(t *testing.T) {
	if findings := Check(good()); len(findings) > 0 {
		t.Errorf("found %+v", findings)
	}
}

func TestEachRule(t *testing.T) {
	for _, rule := range rulesFor("process") {
		t.Run(rule.id, func(t *testing.T) {
			fixtures, ok := rulesTable[rule.id]
			if !ok || len(fixtures.trips) == 0 {
				t.Fatal("no fixture trips it")
			}
			is := func(f run.Finding) bool { return f.ID == rule.id }
			for name, change := range fixtures.trips {
				findings := checked(change)
				i := slices.IndexFunc(findings, is)
				if i < 0 {
					t.Errorf("%s: nothing found in %+v", name, findings)
					continue
				}
				f := findings[i]
				place := f.File
				if f.Line > 0 {
					place = fmt.Sprintf("%s:%d", place, f.Line)
				}
				if !strings.HasPrefix(name, place+": ") || f.Severity != rule.severity {
					t.Errorf("%s: found %+v", name, f)
				}
			}
			for i, change := range fixtures.quiet {
				if findings := checked(change); slices.ContainsFunc(findings, is) {
					t.Errorf("the quiet fixture %d trips it: %+v", i, findings)
				}
			}
		})
	}
}

func TestTheReferenceExplainsEachRule(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "reference", "lint.md"))
	if err != nil {
		t.Fatal(err)
	}
	var explained, want []string
	for _, m := range regexp.MustCompile("(?m)^### `([a-z-]+)` \\(([a-z]+)\\)$").FindAllStringSubmatch(string(page), -1) {
		explained = append(explained, m[1]+" "+m[2])
	}
	// Every rule, in the order of the page.
	for _, r := range slices.Concat(programRules(), commonRules(), swarmRules()) {
		want = append(want, r.id+" "+string(r.severity))
	}
	if !slices.Equal(want, explained) {
		t.Errorf("docs/reference/lint.md explains\n%v\nand the rules are\n%v", explained, want)
	}
}

func TestASecretIsNeverRepeated(t *testing.T) {
	for _, change := range []func(*Input){env("ADMIN_TOKEN", githubToken), env("ADMIN_TOKEN", "k3j9d8f7s6a5q1w2e3r4t5"), procfile("web: T=" + githubToken + " ./app\nx " + githubToken)} {
		if text := fmt.Sprint(checked(change)); strings.Contains(text, githubToken) || strings.Contains(text, "k3j9d8") {
			t.Errorf("a finding repeats the secret: %s", text)
		}
	}
}

func TestTheGravestComesFirstAndTooManyAreCounted(t *testing.T) {
	changes := []func(*Input){without("LICENSE"), procfile("nothing\nweb: ./app\n")}
	for i := range perRule + 5 {
		changes = append(changes, set(fmt.Sprintf("link%02d", i), link("/x")))
	}
	findings := checked(all(changes...))
	if findings[0].ID != "procfile-bad-line" || findings[len(findings)-1].ID != "no-licence" {
		t.Errorf("not sorted by severity: %+v", findings)
	}
	last := findings[len(findings)-2]
	if len(findings) != perRule+3 || last.Text != "and 5 more of this kind" {
		t.Errorf("%d findings, the last of the links: %+v", len(findings), last)
	}
}

func TestHostileTrees(t *testing.T) {
	outside := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(outside, []byte("web: stolen\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for name, target := range map[string]string{"Procfile": outside, "loop": "loop", "LICENSE": "/dev/zero", ".env": "/dev/zero", "x\n\u202e\x1b[2J": "/"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	findings := Check(Input{FS: root.FS(), Enrolment: good().Enrolment})
	all := fmt.Sprintf("%+v", findings)
	if !strings.Contains(all, "procfile-missing") || strings.Contains(all, "stolen") {
		t.Errorf("a Procfile that leads out of the tree is not refused: %s", all)
	}
	if strings.ContainsAny(all, "\n\x1b\u202e") {
		t.Errorf("a name is shown as it is: %q", all)
	}
}

func TestNothingInAProcfileMakesItPanic(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		line := rapid.StringMatching(`[a-z \n:$"{}/.=|\x00-]{0,60}`)
		for _, f := range checked(all(procfile(line.Draw(r, "procfile")), build(line.Draw(r, "build")), set(".env", file(line.Draw(r, "env"))))) {
			if f.ID == "" || f.Text == "" || strings.ContainsAny(f.Text, "\n\x00") {
				r.Fatalf("a finding that cannot be shown: %+v", f)
			}
		}
	})
}
