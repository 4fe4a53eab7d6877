package dispatch_test

import (
	"testing"

	"seatrial/bridge/dispatch"
	"seatrial/harness/run"
)

func TestACopyLiesInAFolderOfItsOwn(t *testing.T) {
	for _, test := range []struct{ forge, repo, want string }{
		{"gitea", "Coop/Secret", "/state/private/gitea/coop/secret.git"},
		{"gitea", "coop/.profile", "/state/private/gitea/coop/.profile.git"},
		{"gitea", "../coop", ""},
		{"gitea", "coop/..", "/state/private/gitea/coop/...git"},
		{"gitea", "coop/a/b", ""},
		{"gitea", "coop", ""},
		{"gitea", "/secret", ""},
		{"", "coop/secret", ""},
		{"..", "coop/secret", ""},
	} {
		got, err := dispatch.CopyFolder("/state/private", run.Code{Forge: test.forge, Repo: test.repo, Private: true})
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%s %s: %q, %v", test.forge, test.repo, got, err)
		}
	}
	if got, err := dispatch.CopyFolder("", run.Code{Forge: "gitea", Repo: "coop/open"}); got != "" || err != nil {
		t.Errorf("what everybody can read has a copy: %q, %v", got, err)
	}
	if got, err := dispatch.CopyFolder("", run.Code{Forge: "gitea", Repo: "coop/secret", Private: true}); err == nil {
		t.Errorf("a copy lies nowhere: %q", got)
	}
}
