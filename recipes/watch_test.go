package recipes

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatcherKeepsTheLastGoodVersion(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		file := filepath.Join(dir, "blog", "recipe.yaml")
		write(t, file, "version: 1\nrepo: acme/blog\nhealth: {path: /one}\n")
		w, err := Watch(dir, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- w.Run(ctx) }()
		settle := func() {
			time.Sleep(ReloadEvery + time.Millisecond)
			synctest.Wait()
		}
		expect := func(when, path string, problems int) {
			t.Helper()
			settle()
			b := w.Book()
			e, ok := b.ByName("blog")
			if got := e.Health.Path; got != path || ok != (path != "") || len(b.Problems) != problems {
				t.Errorf("%s: path %q, enrolled %v, problems %v", when, got, ok, b.Problems)
			}
		}
		expect("at first", "/one", 0)
		write(t, file, "version: 1\nrepo: acme/blog\nhealth: {path: /second}\n")
		expect("changed", "/second", 0)
		write(t, file, "version: 1\nrepo: acme/blog\nhealth: {pth: /third}\n")
		expect("gone bad", "/second", 1)
		write(t, filepath.Join(dir, "news", "recipe.yaml"), "version: 1\nrepo: acme/news\n")
		expect("another one was added meanwhile", "/second", 1)
		if _, ok := w.Book().ByName("news"); !ok {
			t.Error("the other one is not enrolled")
		}
		write(t, filepath.Join(dir, "twin", "recipe.yaml"), "version: 1\nrepo: acme/news\n")
		expect("a twin of it was added", "/second", 3)
		if e, ok := w.Book().ByRepo("", "acme/news"); !ok || e.Name != "news" {
			t.Errorf("the one that was there first is not what stays: %v", e.Name)
		}
		write(t, file, "version: 1\nrepo: acme/blog\nhealth: {path: /good-again}\n")
		expect("good again", "/good-again", 2)
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			t.Fatal(err)
		}
		expect("removed", "", 2)
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
