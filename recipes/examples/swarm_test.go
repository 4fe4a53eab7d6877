package examples

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/docker/cli/cli/compose/loader"
	"github.com/docker/cli/cli/compose/types"

	"seatrial/recipes/git"
)

// What their files say is read by others; here it is shown that they are what their
// maintainers would publish.
func TestCoopCloudRecipesAreWhole(t *testing.T) {
	for _, tt := range []struct {
		name     string
		overlays []string
		env      map[string]string
		versions []string // the last is the pull request's
	}{
		{"guestbook-swarm", nil, map[string]string{"GUESTBOOK_CONF_VERSION": "v1"}, []string{"1.0.0+1.0.0", "1.1.0+1.1.0", "1.2.0+1.2.0"}},
		{"pocketbase-swarm", nil, map[string]string{"INDEX_VERSION": "v1", "HARBOUR_HOOK_VERSION": "v1"}, []string{"1.0.0+0.28.2", "2.0.0+0.36.8", "2.1.0+0.36.8"}},
		{
			"ledger",
			[]string{"compose.postgres.yml"},
			map[string]string{"PG_BACKUP_VERSION": "v1", "SECRET_DB_PASSWORD_VERSION": "v1", "TIMEOUT": "120"},
			[]string{"1.0.0+1.0.0", "1.0.1+1.0.0", "1.1.0+1.1.0"},
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			maps.Copy(tt.env, map[string]string{"STACK_NAME": "st", "DOMAIN": "x.example.org", "LETS_ENCRYPT_ENV": "production"})
			repo := filepath.Join(t.TempDir(), "repo")
			if err := Write(t.Context(), tt.name, repo); err != nil {
				t.Fatal(err)
			}
			for i, version := range tt.versions {
				rev := version
				if i == len(tt.versions)-1 {
					rev = PullBranch
				}
				dir := checkout(t, repo, rev)
				config := compose(t, dir, append([]string{"compose.yml"}, tt.overlays...), tt.env)
				wholeRecipe(t, dir, version, config)
			}
		})
	}
}

func checkout(t *testing.T, repo, rev string) string {
	t.Helper()
	g := &git.Git{}
	r, err := g.Open(t.Context(), repo)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := r.Resolve(t.Context(), rev)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "recipe")
	if err := r.Checkout(t.Context(), commit, dir); err != nil {
		t.Fatal(err)
	}
	return dir
}

// compose reads the files as `docker stack deploy` does.
func compose(t *testing.T, dir string, files []string, env map[string]string) *types.Config {
	t.Helper()
	details := types.ConfigDetails{WorkingDir: dir, Environment: env}
	for _, name := range files {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		parsed, err := loader.ParseYAML(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		details.ConfigFiles = append(details.ConfigFiles, types.ConfigFile{Filename: name, Config: parsed})
	}
	config, err := loader.Load(details)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func wholeRecipe(t *testing.T, dir, version string, config *types.Config) {
	t.Helper()
	app := slices.IndexFunc(config.Services, func(s types.ServiceConfig) bool { return s.Name == "app" })
	if app < 0 {
		t.Fatalf("%s has no service app", version)
	}
	if got := config.Services[app].Deploy.Labels["coop-cloud.st.version"]; got != version {
		t.Errorf("%s says that it is %s", version, got)
	}
	backedUp := false
	for _, s := range config.Services {
		if !strings.HasPrefix(s.Image, "127.0.0.1:5000/seatrial/") || s.HealthCheck == nil || s.HealthCheck.StartPeriod == nil {
			t.Errorf("%s: %s is %s, with the health check %+v", version, s.Name, s.Image, s.HealthCheck)
		}
		backedUp = backedUp || s.Deploy.Labels["backupbot.backup"] == "true"
	}
	if !backedUp || !config.Networks["proxy"].External.External {
		t.Errorf("%s is not backed up, or not on the proxy's network", version)
	}
	for name, c := range config.Configs {
		if _, err := os.Stat(c.File); err != nil || !strings.HasPrefix(c.Name, "st_"+name+"_v") {
			t.Errorf("%s: the config %s is %s: %v", version, name, c.Name, err)
		}
	}
	for _, file := range []string{".env.sample", "abra.sh", "README.md", "LICENSE", "release/" + version} {
		if _, err := os.Stat(filepath.Join(dir, file)); err != nil {
			t.Error(err)
		}
	}
}
