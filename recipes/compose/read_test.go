package compose_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/recipes/compose"
)

func TestAWikiWithPostgreSQL(t *testing.T) {
	r, err := compose.Read(t.Context(), golden(t, "wiki.txtar"), options)
	if err != nil {
		t.Fatal(err)
	}
	type facts struct {
		Main, Version string
		Timeout       time.Duration
		Files         []string
		Route         compose.Route
		Mounts        []compose.Mount
		App, DB       compose.Backup
		Configs       []compose.Config
		Secrets       []compose.Secret
	}
	got := facts{
		r.Main, r.Version, r.Timeout, r.Files, *r.Services[0].Route, r.Services[0].Mounts,
		*r.Services[0].Backup, *r.Services[1].Backup, r.Configs, r.Secrets,
	}
	want := facts{
		Main: "app", Version: "1.4.0+2.1.0", Timeout: 15 * time.Minute,
		Files:  []string{"compose.yml", "compose.postgres.yml"},
		Route:  compose.Route{Rule: "Host(`wiki-a1b2c3.test`)", Port: 3000, Network: "proxy"},
		Mounts: []compose.Mount{{Volume: "uploads", Target: "/srv/uploads"}, {Volume: "data", Target: "/var/lib/wiki"}},
		App:    compose.Backup{Volumes: []compose.BackupVolume{{Volume: "data"}, {Volume: "uploads", Paths: []string{"files", "avatars/big"}}}},
		DB: compose.Backup{
			PreHook: "/pg_backup.sh backup", RestorePost: "/pg_backup.sh restore",
			Volumes: []compose.BackupVolume{{Volume: "postgres", Paths: []string{"backup.sql"}}},
		},
		Configs: []compose.Config{
			{Name: "entrypoint", Full: "wiki-a1b2c3_entrypoint_v1", File: "entrypoint.sh"},
			{Name: "pg_backup", Full: "wiki-a1b2c3_pg_backup_v2", File: "pg_backup.sh"},
			{Name: "wiki_conf", Full: "wiki-a1b2c3_wiki_conf_v3", File: "wiki.yml.tmpl", Template: true},
		},
		Secrets: []compose.Secret{
			{Name: "db_password", Full: "wiki-a1b2c3_db_password_v1", External: true, Length: 32, Variable: "SECRET_DB_PASSWORD_VERSION"},
			{Name: "session_key", Full: "wiki-a1b2c3_session_key_v2", External: true, Length: 64, Charset: "hex", Variable: "SECRET_SESSION_KEY_VERSION"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the wiki is read otherwise (-want +got):\n%s", diff)
	}
	if _, set := r.Env["NOT_AT_THE_TOP"]; set {
		t.Error("a variable that a function of abra.sh sets is taken for one of its top level")
	}
	if got := *r.Config.Services[0].Environment["DATABASE_URL"]; got != "postgres://wiki@wiki-a1b2c3_db/wiki" {
		t.Errorf("the overlay's variable became %q", got)
	}
}

func TestAt(t *testing.T) {
	r, err := compose.Read(t.Context(), golden(t, "wiki.txtar"), options)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		path []string
		want compose.Place
	}{
		{[]string{"services", "app", "deploy", "labels", "traefik.enable"}, compose.Place{File: "compose.yml", Line: 34}},
		{[]string{"services", "app", "deploy", "labels", "coop-cloud.wiki-a1b2c3.version"}, compose.Place{File: "compose.yml", Line: 40}},
		{[]string{"services", "app", "image"}, compose.Place{File: "compose.yml", Line: 9}},
		{[]string{"services", "app", "volumes", "uploads"}, compose.Place{File: "compose.yml", Line: 24}},
		{[]string{"services", "app", "volumes", "/var/lib/wiki"}, compose.Place{File: "compose.yml", Line: 23}},
		{[]string{"services", "app", "environment", "DATABASE_URL"}, compose.Place{File: "compose.postgres.yml", Line: 8}},
		{[]string{"services", "app", "deploy", "labels", "not.there"}, compose.Place{File: "compose.yml", Line: 33}},
		{[]string{"services", "db", "healthcheck", "interval"}, compose.Place{File: "compose.postgres.yml", Line: 11}},
		{[]string{"services", "nobody"}, compose.Place{File: "compose.yml", Line: 7}},
		{[]string{"elsewhere"}, compose.Place{File: "compose.yml"}},
	} {
		if got := r.At(c.path...); got != c.want {
			t.Errorf("At(%q) is %v, want %v", c.path, got, c.want)
		}
	}
}

func TestAnEnrolmentSwitchesAnOverlayOn(t *testing.T) {
	o := options
	o.Env = map[string]string{
		"COMPOSE_FILE": "$COMPOSE_FILE:overlays/compose.smtp.yml", "SMTP_HOST": "mail.test",
		"SECRET_SMTP_PASSWORD_VERSION": "v7", "DOMAIN": "evil.test", "WIKI_CONF_VERSION": "v9",
	}
	r, err := compose.Read(t.Context(), golden(t, "wiki.txtar"), o)
	if err != nil {
		t.Fatal(err)
	}
	if want := []string{"compose.yml", "compose.postgres.yml", "overlays/compose.smtp.yml"}; !cmp.Equal(r.Files, want) {
		t.Errorf("the files are %q, want %q", r.Files, want)
	}
	secret := r.Secrets[2]
	if secret.Full != "wiki-a1b2c3_smtp_password_v7" || !secret.Manual {
		t.Errorf("the overlay's secret is %+v", secret)
	}
	if r.Env["DOMAIN"] != options.Domain {
		t.Errorf("the enrolment moved the app to %s", r.Env["DOMAIN"])
	}
	if r.Configs[2].Full != "wiki-a1b2c3_wiki_conf_v9" {
		t.Errorf("abra.sh beats the enrolment: %s", r.Configs[2].Full)
	}
}

func TestAForumInOlderForms(t *testing.T) {
	r, err := compose.Read(t.Context(), golden(t, "forum.txtar"), options)
	if err != nil {
		t.Fatal(err)
	}
	db, web := r.Services[0], r.Services[1]
	if r.Main != "web" {
		t.Errorf("the main service is %q, want web, the only one that Traefik is told of", r.Main)
	}
	if diff := cmp.Diff(&compose.Route{Rule: "Host(`wiki-a1b2c3.test`)", Port: 8080, Network: "proxy"}, web.Route); diff != "" {
		t.Errorf("the route (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&compose.Backup{Volumes: []compose.BackupVolume{{Volume: "avatars"}}}, web.Backup); diff != "" {
		t.Errorf("the backup of web (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&compose.Backup{
		PreHook: "mariadb-dump --all-databases > /var/lib/mysql/dump.sql", PostHook: "rm /var/lib/mysql/dump.sql",
		RestorePre: "mkdir -p /var/lib/mysql", RestorePost: "mariadb < /var/lib/mysql/dump.sql",
		Volumes: []compose.BackupVolume{{Volume: "mariadb", Paths: []string{"dump.sql"}}}, Outside: []string{"/tmp/other"},
	}, db.Backup); diff != "" {
		t.Errorf("the backup of db (-want +got):\n%s", diff)
	}
	if web.ContainerLabels["backupbot.backup"] != "true" {
		t.Error("labels beside deploy are lost: lint needs them")
	}
	env := map[string]string{}
	for name, value := range r.Config.Services[1].Environment {
		if value != nil {
			env[name] = *value
		}
	}
	if diff := cmp.Diff(map[string]string{
		"DOMAIN": "wiki-a1b2c3.test", "MOTTO": "Say\n\"hello\"", "PRICE": "5$", "SMTP_PORT": "587",
		"GREETING": `hello $DOMAIN "you"`, "FORUM_ADMIN": "admin $HOME",
	}, env); diff != "" {
		t.Errorf("the environment (-want +got):\n%s", diff)
	}
	if r.Env["APP_CONF_VERSION"] != "v4" || r.Env["DB_CONF_VERSION"] != "v1" {
		t.Errorf("abra.sh is read as %q and %q", r.Env["APP_CONF_VERSION"], r.Env["DB_CONF_VERSION"])
	}
	for _, name := range []string{"HIDDEN", "SSO_VERSION", "UNUSED"} {
		if value, set := r.Env[name]; set {
			t.Errorf("%s became %q, which only running abra.sh would tell", name, value)
		}
	}
	if diff := cmp.Diff([]compose.Secret{
		{Name: "db_password", Full: "wiki-a1b2c3_db_password_v3", External: true, Variable: "SECRET_DB_PASSWORD_VERSION"},
		{Name: "db_root_password", Full: "wiki-a1b2c3_db_root_password_v1", External: true, Length: 20, Variable: "SECRET_DB_ROOT_PASSWORD_VERSION"},
	}, r.Secrets); diff != "" {
		t.Errorf("the secrets (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]compose.Volume{{Name: "avatars", Full: "wiki-a1b2c3_avatars"}, {Name: "mariadb", Full: "wiki-a1b2c3_mysql"}}, r.Volumes); diff != "" {
		t.Errorf("the volumes (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]compose.Network{{Name: "backend", Full: "wiki-a1b2c3_backend"}, {Name: "proxy", Full: "proxy", External: true}}, r.Networks); diff != "" {
		t.Errorf("the networks (-want +got):\n%s", diff)
	}
	var ignored []string
	for _, i := range r.Ignored {
		ignored = append(ignored, i.Service+" "+i.Key+" "+i.Place.String())
	}
	if want := []string{"web container_name compose.yaml:4", "web depends_on compose.yaml:6", "web restart compose.yaml:5"}; !cmp.Equal(ignored, want) {
		t.Errorf("what swarm ignores is %q, want %q", ignored, want)
	}
}

func TestNotesCoverAVolumeOnce(t *testing.T) {
	r, err := compose.Read(t.Context(), golden(t, "notes.txtar"), options)
	if err != nil {
		t.Fatal(err)
	}
	app, worker := r.Services[0], r.Services[1]
	if diff := cmp.Diff(&compose.Backup{Volumes: []compose.BackupVolume{{Volume: "data", Paths: []string{"notes.db", "attachments"}}}}, app.Backup); diff != "" {
		t.Errorf("the backup of app (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(&compose.Backup{PreHook: "/worker pause", PostHook: "/worker resume"}, worker.Backup); diff != "" {
		t.Errorf("the backup of worker (-want +got):\n%s", diff)
	}
	if r.Timeout != 150*time.Second || r.Version != "0.1.0+0.9" {
		t.Errorf("the labels say %s and %s", r.Timeout, r.Version)
	}
	if at := r.At("services", "app", "deploy", "update_config", "order"); at.Line != 3 {
		t.Errorf("what << brings is at %s, want line 3", at)
	}
	if got := r.Config.Services[0].Deploy.UpdateConfig.Order; got != "start-first" {
		t.Errorf("<< brings %q", got)
	}
}

// Releases of one recipe are read at once, by several stages.
func TestRecipesAreReadAtOnce(t *testing.T) {
	dirs := []string{golden(t, "wiki.txtar"), golden(t, "forum.txtar"), golden(t, "notes.txtar")}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			r, err := compose.Read(t.Context(), dirs[i%3], options)
			if err != nil {
				t.Error(err)
				return
			}
			if denied := r.Policy(nil); len(denied) > 0 {
				t.Errorf("refused: %+v", denied)
			}
		})
	}
	all.Wait()
}
