package process

import (
	"strings"
	"testing"
)

func TestAnAppLives(t *testing.T) {
	inBothModes(t, func(t *testing.T, m mode) {
		f := newApp(t, m)
		one := release(t, "1.0.0", nil)
		must(t, f.Deploy(t.Context(), one))
		if got := f.ask(t, "/version"); got != "1.0.0" {
			t.Errorf("version %q", got)
		}
		must(t, f.Alive(t.Context()))
		running, err := f.Running(t.Context())
		must(t, err)
		if running != one {
			t.Errorf("running %+v", running)
		}
		must(t, f.Stop(t.Context()))
		must(t, f.Start(t.Context()))
		two := release(t, "2.0.0", nil)
		f.ask(t, "/count")
		must(t, f.Upgrade(t.Context(), two))
		if got := f.ask(t, "/version"); got != "2.0.0" {
			t.Errorf("version %q", got)
		}
		if got := f.ask(t, "/count"); got != "xx" {
			t.Errorf("the volume was not kept over the upgrade: %q", got)
		}
		running, err = f.Running(t.Context())
		must(t, err)
		if running != two {
			t.Errorf("running %+v", running)
		}
		if env := f.ask(t, "/env"); !strings.Contains(env, "COLOUR=green") {
			t.Errorf("environment: %s", env)
		}
	})
}
