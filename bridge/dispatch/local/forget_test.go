package local_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"seatrial/bridge/dispatch"
	"seatrial/bridge/dispatch/local"
	"seatrial/harness/run"
	"seatrial/recipes"
)

func TestAPersonIsForgottenInAJob(t *testing.T) {
	root, ada, grace := t.TempDir(), recipes.Account{Login: "Ada"}, recipes.Account{ID: 9}
	e := recipes.Enrolment{Name: "guestbook", Repo: "org/guestbook"}
	e.Who.People, e.Who.Approvers = []recipes.Account{ada, grace}, []recipes.Account{{ID: 7}, {Team: "owners"}}
	e.Trusted.Senders = []recipes.Account{ada}
	job := dispatch.NewJob(run.Request{ID: "x", Code: run.Code{Forge: "gitea"}, AskedBy: run.Person{Login: "ada", ID: 7}}, 1, run.Lease{}, "i", e)
	job.Deps = []dispatch.Dep{{Name: "mail", Enrolment: recipes.Enrolment{Name: "mail", Who: recipes.Who{People: []recipes.Account{ada}}}}}
	if _, err := local.Prepare(root, job); err != nil {
		t.Fatal(err)
	}
	folder, who := dispatch.Folder(root, "x", 1), run.Accounts{{Forge: "gitea", Person: run.Person{Login: "ada", ID: 7}}}
	before, err := local.ReadJob(folder)
	if err != nil {
		t.Fatal(err)
	}
	if found, err := local.Forget(folder, who, true); err != nil || !found {
		t.Errorf("to see whether: %v, %v", found, err)
	}
	if after, err := local.ReadJob(folder); err != nil || !cmp.Equal(before, after) {
		t.Errorf("to see whether changed the job: %v", err)
	}
	for _, want := range []bool{true, false} {
		if found, err := local.Forget(folder, who, false); err != nil || found != want {
			t.Errorf("forgotten: %v, %v; want %v", found, err, want)
		}
	}
	want := before
	want.Request.AskedBy = run.Person{Login: "somebody"}
	want.Enrolment.Who.People, want.Enrolment.Who.Approvers, want.Enrolment.Trusted.Senders = []recipes.Account{grace}, []recipes.Account{{Team: "owners"}}, nil
	want.Deps[0].Enrolment.Who.People = nil
	after, err := local.ReadJob(folder)
	if diff := cmp.Diff(want, after); err != nil || diff != "" {
		t.Errorf("the job (-want +got), %v:\n%s", err, diff)
	}
	if found, err := local.Forget(t.TempDir(), who, false); err != nil || found {
		t.Errorf("without a job: %v, %v", found, err)
	}
}
