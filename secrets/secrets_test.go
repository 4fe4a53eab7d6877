package secrets_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"seatrial/secrets"
)

func TestAValueCannotBePrinted(t *testing.T) {
	v := secrets.New("correct horse")
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("hello", "token", v, "deep", struct{ T secrets.Value }{v})
	encoded, err := json.Marshal(map[string]any{"a": v, "b": &v, "c": []secrets.Value{v}})
	if err != nil {
		t.Fatal(err)
	}
	hidden := struct {
		v  secrets.Value
		vs []secrets.Value
	}{v, []secrets.Value{v}}
	all := ""
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x", "%q"} {
		all += fmt.Sprintf(verb, hidden) + fmt.Sprintf(verb, &hidden)
	}
	all += fmt.Sprintf("%s %v %+v %#v %q %x %d", v, v, v, v, v, v, v) + fmt.Sprint(v, &v, struct{ V secrets.Value }{v}) + log.String() + string(encoded)
	if strings.Contains(all, "horse") || strings.Contains(all, fmt.Sprintf("%x", "horse")) {
		t.Fatal("the secret shows in: " + all)
	}
	if v.Reveal() != "correct horse" {
		t.Fatal("the secret is lost")
	}
}

func TestEqual(t *testing.T) {
	if !secrets.New("a").Equal(secrets.New("a")) || secrets.New("a").Equal(secrets.New("b")) || !(secrets.Value{}).Equal(secrets.New("")) {
		t.Fatal("equal texts are not equal, or others are")
	}
	if !(secrets.Value{}).Empty() || secrets.New("a").Empty() {
		t.Fatal("emptiness is mistaken")
	}
}

func TestHoldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "token")
	for _, c := range []struct {
		content string
		mode    os.FileMode
		want    string
		warns   bool
		fails   string
	}{
		{content: "abc\n", mode: 0o600, want: "abc"},
		{content: "abc\r\n\n", mode: 0o600, want: "abc"},
		{content: "abc", mode: 0o644, want: "abc", warns: true},
		{content: "\n", mode: 0o600, fails: "the file is empty"},
	} {
		os.Remove(path)
		if err := os.WriteFile(path, []byte(c.content), c.mode); err != nil {
			t.Fatal(err)
		}
		held, warning, err := secrets.HoldFile(path)
		if c.fails != "" {
			if err == nil || !strings.Contains(err.Error(), c.fails) {
				t.Errorf("%q: got %v", c.content, err)
			}
			continue
		}
		if err != nil || held.Get().Reveal() != c.want || (warning != "") != c.warns {
			t.Errorf("%q: got %q, %v", c.content, warning, err)
		}
	}
	if _, _, err := secrets.HoldFile(path + "-missing"); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("missing file: %v", err)
	}
}
