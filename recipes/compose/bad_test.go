package compose_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"seatrial/recipes/compose"
)

// good is a recipe in which nothing is wrong.
var good = map[string]string{
	".env.sample": "DOMAIN=x.example.com\nCOMPOSE_FILE=compose.yml\nCOMPOSE_FILE=\"$COMPOSE_FILE:compose.more.yml\"\n",
	"abra.sh":     "export CONF_VERSION=v1\nexport STAMP=$(date)\n",
	"compose.yml": `services:
  app:
    image: example/app:1
    volumes: [data:/data]
    configs: [conf]
    deploy:
      labels:
        - "backupbot.backup=true"
volumes:
  data:
configs:
  conf:
    name: ${STACK_NAME}_conf_${CONF_VERSION}
    file: app.conf
`,
	"compose.more.yml": "services:\n  app:\n    environment: [A=b]\n",
	"app.conf":         "a file\n",
}

func TestBadRecipesAreRefusedWithFileAndLine(t *testing.T) {
	bomb := "x-a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'k'; c++ {
		bomb += fmt.Sprintf("x-%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c,", c-1), 9), ","))
	}
	doubling := "A0=xxxxxxxxxxxxxxxx\n"
	for i := range 60 {
		doubling += fmt.Sprintf("A%d=$A%d$A%d\n", i+1, i, i)
	}
	long := strings.Repeat("n", 70)
	for name, c := range map[string]struct {
		file, text string // replaces or adds
		from, to   string // or an edit of the good file
		make       func(dir string) error
		place      string
		says       string
	}{
		"not YAML":                   {file: "compose.yml", text: "services:\n  app: {image: [\n", place: "compose.yml:2:1", says: "is not YAML"},
		"a tab":                      {file: "compose.yml", text: "services:\n\tapp:\n", place: "compose.yml:2:1", says: "is not YAML"},
		"a picture":                  {file: "compose.yml", text: "\x89PNG\r\n\x1a\n\x00\x00", place: "compose.yml:1:1", says: "not text"},
		"empty":                      {file: "compose.yml", text: "# nothing\n", place: "compose.yml:1:1", says: "empty"},
		"a list":                     {file: "compose.yml", text: "- a\n- b\n", place: "compose.yml:1:1", says: "keys and values"},
		"two documents":              {file: "compose.more.yml", text: "services: {}\n---\nservices: {}\n", place: "compose.more.yml:2:1", says: "second document"},
		"cyclic anchors":             {from: "volumes:\n  data:\n", to: "x-a: &a\n  b:\n    c: *a\nvolumes:\n  data:\n", place: "compose.yml:11:8", says: "&a contains itself"},
		"cyclic in a list":           {file: "compose.more.yml", text: "x-a: &a [1, *a]\n", place: "compose.more.yml:1:13", says: "&a contains itself"},
		"billion laughs":             {file: "compose.more.yml", text: bomb, place: "compose.more.yml:", says: "too much in this file"},
		"merge bomb":                 {file: "compose.more.yml", text: mergeBomb(), place: "compose.more.yml:", says: "too much in this file"},
		"deep nesting":               {file: "compose.more.yml", text: "x-a: " + strings.Repeat("[", 5000) + strings.Repeat("]", 5000), place: "compose.more.yml:1:", says: "nested too deeply"},
		"very deep nesting":          {file: "compose.more.yml", text: "x-a: " + strings.Repeat("[", 500_000), place: "compose.more.yml:1:", says: ""},
		"no such anchor":             {file: "compose.more.yml", text: "x-a:\n  b: *nobody\n", place: "compose.more.yml:", says: "unknown anchor"},
		"a key twice":                {file: "compose.more.yml", text: "services:\n  app: {}\n  app: {}\n", place: "compose.more.yml:3:3", says: "app was said already, in line 2"},
		"a key that is not text":     {file: "compose.more.yml", text: "services:\n  1: {}\n", place: "compose.more.yml:2:3", says: "must be text"},
		"a tag":                      {file: "compose.more.yml", text: "services:\n  app:\n    image: !reset x\n", place: "compose.more.yml:3:12", says: "tags like !reset"},
		"unknown key":                {from: "    image:", to: "    imge:", place: "compose.yml:3:5", says: "unknown key imge; did you mean image?"},
		"unknown key at the top":     {file: "compose.more.yml", text: "service:\n  app: {}\n", place: "compose.more.yml:1:1", says: "unknown key service; did you mean services?"},
		"unknown key far below":      {from: "      labels:", to: "      update_config:\n        ordr: x\n      labels:", place: "compose.yml:8:9", says: "did you mean order?"},
		"a wrong type":               {from: "    image: example/app:1\n", to: "    image: [a]\n", place: "compose.yml:3:5", says: "must be a string"},
		"a wrong number":             {from: "      labels:", to: "      replicas: ${CONF_VERSION}\n      labels:", place: "compose.yml:7:7", says: "replicas"},
		"a wrong duration":           {from: "    deploy:", to: "    stop_grace_period: soon\n    deploy:", place: "compose.yml:6:5", says: "stop_grace_period"},
		"a field that swarm refuses": {from: "    deploy:", to: "    mem_limit: 1g\n    deploy:", place: "compose.yml:6:5", says: "swarm refuses mem_limit"},
		"extends":                    {from: "    deploy:", to: "    extends: {service: x}\n    deploy:", place: "compose.yml:6:5", says: "swarm refuses extends"},
		"services is nothing":        {file: "compose.more.yml", text: "services:\n", place: "compose.more.yml:1:1", says: "services"},
		"a service is nothing":       {file: "compose.more.yml", text: "services:\n  app:\n", place: "compose.more.yml:2:3", says: "app"},
		"other version":              {file: "compose.more.yml", text: "version: '3.8'\nservices: {}\n", place: "compose.more.yml:1:1", says: "loads only one together"},
		"unknown version":            {from: "services:", to: "version: '9.9'\nservices:", place: "compose.more.yml:1:1", says: "version"},
		"no image":                   {from: "    image: example/app:1\n", to: "", place: "compose.yml:2:3", says: "no image"},
		"no reference":               {from: "example/app:1", to: "Example/App:1", place: "compose.yml:3:12", says: "is not an image"},
		"no such network":            {from: "    deploy:", to: "    networks: [proxy]\n    deploy:", place: "compose.yml:6:16", says: "no network proxy"},
		"no such volume":             {from: "[data:/data]", to: "[dat:/data]", place: "compose.yml:4:15", says: "no volume dat under volumes at the top of the files; did you mean data?"},
		"no such config":             {from: "configs: [conf]", to: "configs: [cnf]", place: "compose.yml:5:15", says: "did you mean conf?"},
		"no such secret":             {from: "    deploy:", to: "    secrets:\n      - source: key\n    deploy:", place: "compose.yml:7:9", says: "no secret key"},
		"undefined variable":         {from: "example/app:1", to: "example/app:${APP_VERSION}", place: "compose.yml:3:24", says: "APP_VERSION is not defined"},
		"undefined, without braces":  {from: "example/app:1", to: "example/app:$APP_VERSION", place: "compose.yml:3:24", says: "APP_VERSION is not defined"},
		"undefined in a block":       {from: "    image:", to: "    command: |\n      a\n      b ${NOBODY}\n    image:", place: "compose.yml:5:9", says: "NOBODY is not defined"},
		"required variable":          {from: "example/app:1", to: "example/app:${APP_VERSION:?say it}", place: "compose.yml:3:24", says: "APP_VERSION is not defined"},
		"misspelt variable":          {from: "${CONF_VERSION}", to: "${CONF_VERSON}", place: "compose.yml:13:30", says: "did you mean CONF_VERSION?"},
		"an open brace":              {from: "example/app:1", to: "example/app:${A:-1", place: "compose.yml:3:24", says: "not closed"},
		"an open brace, in env":      {file: ".env.sample", text: "A=1\nB=${A\n", place: ".env.sample:2:1", says: "only ${NAME}"},
		"odd line breaks":            {file: "compose.more.yml", text: "services: {}\nx-a: \u2028 1\n", place: "compose.more.yml:2:1", says: "line break"},
		"a lone dollar":              {from: "example/app:1", to: "example/app:1$", place: "compose.yml:3:25", says: "written $$"},
		"only running would tell":    {from: "${CONF_VERSION}", to: "${STAMP}", place: "compose.yml:13:30", says: "STAMP is set by running a command in line 2 of abra.sh"},
		"off, and part of a name":    {file: ".env.sample", text: "COMPOSE_FILE=compose.off.yml\n#SECRET_KEY_VERSION=v1\n", place: "compose.off.yml:4:13", says: "switched off"},
		"missing overlay":            {file: ".env.sample", text: "A=1\nCOMPOSE_FILE=compose.yml\nCOMPOSE_FILE=\"$COMPOSE_FILE:sub/compose.db.yml\"\n", place: ".env.sample:3:1", says: "sub/compose.db.yml is not there"},
		"no compose file":            {make: func(dir string) error { os.Remove(dir + "/.env.sample"); return os.Remove(dir + "/compose.yml") }, place: "compose.yml: ", says: "is not there"},
		"overlay outside":            {file: ".env.sample", text: "COMPOSE_FILE=compose.yml:../other/compose.yml\n", place: ".env.sample:1:1", says: "outside the recipe's folder"},
		"absolute overlay":           {file: ".env.sample", text: "\nCOMPOSE_FILE=/etc/passwd\n", place: ".env.sample:2:1", says: "absolute path"},
		"overlay is a folder":        {file: ".env.sample", text: "COMPOSE_FILE=compose.yml:.\n", place: ".env.sample:1:1", says: "not a regular file"},
		"hostile overlay":            {file: ".env.sample", text: "COMPOSE_FILE=\"a\\nb\x1b[2J\"\n", place: ".env.sample:1:1", says: "not a path"},
		"no assignment":              {file: ".env.sample", text: "A=1\nthis is not a line\n", place: ".env.sample:2:1", says: "NAME=value"},
		"open quote":                 {file: ".env.sample", text: "A=1\nB=\"two\nC=3\n", place: ".env.sample:2:1", says: "not closed"},
		"behind a quote":             {file: ".env.sample", text: "A='1' 2\n", place: ".env.sample:1:1", says: "something else"},
		"undefined in .env.sample":   {file: ".env.sample", text: "A=$NOBODY\n", place: ".env.sample:1:1", says: "NOBODY is not defined"},
		"later in .env.sample":       {file: ".env.sample", text: "A=$LATER\n#LATER=1\nLATER=1\n", place: ".env.sample:1:1", says: "LATER is not defined"},
		"doubling variables":         {file: ".env.sample", text: doubling, place: ".env.sample:", says: "too l"},
		"expanding variables": {file: "compose.more.yml", text: "x-a: " + strings.Repeat("${BIG}", 2000) + "\n", make: func(dir string) error {
			return os.WriteFile(dir+"/abra.sh", []byte("CONF_VERSION=v1\nBIG="+strings.Repeat("x", 60<<10)), 0o644)
		}, place: "compose.more.yml:1:", says: "too much text"},
		"config ../../etc/shadow":     {from: "file: app.conf", to: "file: ../../etc/shadow", place: "compose.yml:14:5", says: "outside the recipe's folder"},
		"config /etc/shadow":          {from: "file: app.conf", to: "file: /etc/shadow", place: "compose.yml:14:5", says: "absolute path"},
		"config by a variable":        {from: "file: app.conf", to: "file: ${STACK_NAME}/../../../etc/shadow", place: "compose.yml:14:5", says: "outside the recipe's folder"},
		"secret ../../etc/shadow":     {from: "configs:\n  conf:", to: "secrets:\n  key:\n    file: ../../etc/shadow\nconfigs:\n  conf:", place: "compose.yml:13:5", says: "outside the recipe's folder"},
		"no config file":              {from: "    file: app.conf\n", to: "", place: "compose.yml:12:3", says: "has no file"},
		"missing config file":         {from: "file: app.conf", to: "file: other.conf", place: "compose.yml:14:5", says: "other.conf is not there"},
		"env_file outside":            {from: "    deploy:", to: "    env_file: [../../etc/environment]\n    deploy:", place: "compose.yml:6:5", says: "outside the recipe's folder"},
		"missing env_file":            {from: "    deploy:", to: "    env_file: a.env\n    deploy:", place: "compose.yml:6:5", says: "a.env is not there"},
		"bad env_file":                {from: "    deploy:", to: "    env_file: b.env\n    deploy:", file: "b.env", text: "A=1\nB C=2\n", place: "b.env:2:1", says: "NAME=value"},
		"home":                        {from: "[data:/data]", to: "[\"~/.ssh:/data\"]", place: "compose.yml:4:15", says: "~ means"},
		"conf is a link out":          {make: link("app.conf", "/etc/shadow"), place: "compose.yml:14:5", says: "a link that leads out"},
		"conf is a relative link out": {make: link("app.conf", "../../../../../../etc/shadow"), place: "compose.yml:14:5", says: "a link that leads out"},
		"conf through a linked folder": {from: "file: app.conf", to: "file: etc/shadow", make: link("etc", "/etc"),
			place: "compose.yml:14:5", says: "a link that leads out"},
		"compose.yml is a link out": {make: link("compose.yml", "/etc/passwd"), place: ".env.sample:", says: "a link that leads out"},
		".env.sample is a link out": {make: link(".env.sample", "/etc/passwd"), place: ".env.sample: ", says: "a link that leads out"},
		"abra.sh is a link out":     {make: link("abra.sh", "/etc/passwd"), place: "abra.sh: ", says: "a link that leads out"},
		"a link in a circle":        {make: link("app.conf", "app.conf"), place: "compose.yml:14:5", says: "circle"},
		"compose.yml is a pipe":     {make: pipe("compose.yml"), place: ".env.sample:", says: "not a regular file"},
		".env.sample is a pipe":     {make: pipe(".env.sample"), place: ".env.sample: ", says: "not a regular file"},
		"the config is a pipe":      {make: pipe("app.conf"), place: "compose.yml:14:5", says: "not a regular file"},
		"3 GiB of compose.yml":      {make: sparse("compose.yml"), place: ".env.sample:", says: "too large"},
		"3 GiB of .env.sample":      {make: sparse(".env.sample"), place: ".env.sample: ", says: "too large"},
		"3 GiB of a config":         {make: sparse("app.conf"), place: "compose.yml:14:5", says: "too large"},
		"8 MiB together":            {from: "configs:\n  conf:", to: manyConfigs(), make: manyFiles, place: "compose.yml:", says: "too large together"},
		"hostile service":           {file: "compose.more.yml", text: "services:\n  \"a;rm -rf /\\n\": {image: x}\n", place: "compose.more.yml:2:3", says: `"a;rm -rf /\n" is not a name for a service`},
		"control characters":        {file: "compose.more.yml", text: "volumes:\n  \"\\e[2Ja\": {}\n", place: "compose.more.yml:2:3", says: "is not a name for a volume"},
		"a service with a dot":      {file: "compose.more.yml", text: "services:\n  a.b: {image: x}\n", place: "compose.more.yml:2:3", says: "is not a name for a service"},
		"a very long service":       {file: "compose.more.yml", text: "services:\n  " + long + ": {image: x}\n", place: "compose.more.yml:2:3", says: "at most 63"},
		"a long full name":          {file: "compose.more.yml", text: "services:\n  " + long[:55] + ": {image: x}\n", place: "compose.more.yml:2:3", says: "full name"},
		"a long config":             {from: "_conf_${CONF_VERSION}", to: "_" + long + "_${CONF_VERSION}", place: "compose.yml:13:11", says: "at most 64"},
		"a hostile full name":       {from: "_conf_${CONF_VERSION}", to: "_conf_$$(reboot)", place: "compose.yml:13:11", says: "is not a name for a config"},
		"a backup path outside":     {from: "        - \"backupbot.backup=true\"", to: "        - \"backupbot.backup=true\"\n        - backupbot.backup.volumes.data.path=../../etc", place: "compose.yml:9:11", says: "not a path inside the volume data"},
		"a timeout that is none":    {from: "        - \"backupbot.backup=true\"", to: "        - coop-cloud.${STACK_NAME}.timeout=soon", place: "compose.yml:8:11", says: "not a time to wait"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			write := func(name, text string) {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			for name, text := range good {
				write(name, text)
			}
			write("compose.off.yml", "services: {app: {image: x}}\nsecrets:\n  key:\n    name: k_${SECRET_KEY_VERSION}\n    external: true\n")
			if c.file != "" {
				write(c.file, c.text)
			}
			if c.from != "" {
				if !strings.Contains(good["compose.yml"], c.from) {
					t.Fatalf("the good recipe has no %q", c.from)
				}
				write("compose.yml", strings.Replace(good["compose.yml"], c.from, c.to, 1))
			}
			if c.make != nil {
				if err := c.make(dir); err != nil {
					t.Fatal(err)
				}
			}
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := computed(t)
			_, err := compose.Read(t.Context(), dir, options)
			took := computed(t) - began
			runtime.ReadMemStats(&after)
			var problems compose.Problems
			if !errors.As(err, &problems) {
				t.Fatalf("Read returns %v, want problems of the recipe", err)
			}
			if got := problems[0].String(); !strings.HasPrefix(got, c.place) || !strings.Contains(got, c.says) {
				t.Errorf("the problem is\n%s\nwant it at %s, saying %q", got, c.place, c.says)
			}
			if took > 3*time.Second {
				t.Errorf("it took %s", took)
			}
			if grown := (after.TotalAlloc - before.TotalAlloc) >> 20; grown > 200 {
				t.Errorf("it took %d MiB of memory", grown)
			}
			if text := err.Error(); strings.ContainsAny(text, "\x1b\x00") {
				t.Errorf("the recipe's text reaches a terminal: %q", text)
			}
		})
	}
}

func mergeBomb() string {
	text := "x-m0: &m0 {a: 1, b: 2}\n"
	for i := range 30 {
		text += fmt.Sprintf("x-m%d: &m%d {<<: [*m%d, *m%d], c%d: 1}\n", i+1, i+1, i, i, i)
	}
	return text
}

func manyConfigs() string {
	var b strings.Builder
	b.WriteString("configs:\n")
	for i := range 10 {
		fmt.Fprintf(&b, "  c%d: {file: c%d}\n", i, i)
	}
	return b.String() + "  conf:"
}

func manyFiles(dir string) error {
	for i := range 10 {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("c%d", i)), make([]byte, 1<<20), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func link(name, to string) func(string) error {
	return func(dir string) error {
		os.Remove(filepath.Join(dir, name))
		return os.Symlink(to, filepath.Join(dir, name))
	}
}

func pipe(name string) func(string) error {
	return func(dir string) error {
		os.Remove(filepath.Join(dir, name))
		return syscall.Mkfifo(filepath.Join(dir, name), 0o644)
	}
}

func sparse(name string) func(string) error {
	return func(dir string) error { return os.Truncate(filepath.Join(dir, name), 3<<30) }
}

// What is not the recipe's doing is not a problem of it.
func TestTroubleOfOursIsNoProblemOfTheRecipe(t *testing.T) {
	var problems compose.Problems
	if _, err := compose.Read(t.Context(), filepath.Join(t.TempDir(), "nowhere"), options); err == nil || errors.As(err, &problems) {
		t.Errorf("a folder that is not there gives %v", err)
	}
	if _, err := compose.Read(t.Context(), t.TempDir(), compose.Options{Stack: "a b"}); err == nil || errors.As(err, &problems) {
		t.Errorf("a stack's name that is none gives %v", err)
	}
}

func TestLinksInsideTheFolderAreFollowed(t *testing.T) {
	dir := t.TempDir()
	for name, text := range good {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(filepath.Join(dir, "app.conf"), filepath.Join(dir, "real.conf")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real.conf", filepath.Join(dir, "app.conf")); err != nil {
		t.Fatal(err)
	}
	if _, err := compose.Read(t.Context(), dir, options); err != nil {
		t.Errorf("a recipe with a link inside its folder is refused: %v", err)
	}
}
