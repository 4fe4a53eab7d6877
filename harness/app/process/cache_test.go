package process

import (
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A run's builds share what they compiled, over the destruction of everything else.
func TestBuildsOfARunShareTheirCaches(t *testing.T) {
	// The read-only folder is like those of Go's modules.
	const build = `cd "$XDG_CACHE_HOME" && echo x >> compiled && cat compiled | tr -d '\n' && echo " in the cache" && mkdir -p ro/in && chmod 500 ro
		test ! -e "$HOME/seen" || echo home kept; touch "$HOME/seen"`
	inBothModes(t, func(t *testing.T, m mode) {
		cache := filepath.Join(t.TempDir(), "cache")
		f := newApp(t, m, shellBuild(build), func(c *Config) { c.Cache = cache })
		must(t, f.Deploy(t.Context(), release(t, "1.0.0", nil)))
		line := `test -z "$XDG_CACHE_HOME"`
		if m == isolated {
			line += " && test ! -e /cache"
		}
		if said := f.ask(t, "/run?line="+url.QueryEscape(line)); said != "" {
			t.Errorf("the app sees the cache: %q", said)
		}
		must(t, f.Destroy(t.Context()))
		if _, err := os.Stat(filepath.Join(cache, "compiled")); err != nil {
			t.Error(err)
		}
		must(t, f.Deploy(t.Context(), release(t, "2.0.0", nil)))
		if log := f.log.String(); !strings.Contains(log, "build: x in the cache") || !strings.Contains(log, "build: xx in the cache") || strings.Contains(log, "home kept") {
			t.Errorf("got:\n%s", log)
		}
		must(t, f.Destroy(t.Context()))
		must(t, RemoveCache(cache))
		must(t, RemoveCache(cache))
		if _, err := os.Lstat(cache); !os.IsNotExist(err) {
			t.Errorf("the cache is still there: %v", err)
		}

		other := newApp(t, m, shellBuild(build), func(c *Config) { c.Cache = filepath.Join(t.TempDir(), "cache") })
		must(t, other.Deploy(t.Context(), release(t, "1.0.0", nil)))
		if log := other.log.String(); strings.Contains(log, "xx in the cache") {
			t.Error("another run's cache was used")
		}
	})
}
