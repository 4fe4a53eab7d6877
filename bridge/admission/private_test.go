package admission_test

import (
	"testing"

	"seatrial/bridge/admission"
	"seatrial/bridge/forge"
)

func TestPrivateRepositories(t *testing.T) {
	obstacle := admission.Obstacle{Why: "The runs happen elsewhere.", Next: "Ask an operator."}
	for _, c := range []struct {
		name             string
		private, refused bool
		want             string
	}{
		{"open", false, false, ""},
		{"open, where private ones are refused", false, true, ""},
		{"private", true, false, ""},
		{"private, where they are refused", true, true, "cannot-place The runs happen elsewhere. / Ask an operator."},
	} {
		t.Run(c.name, func(t *testing.T) {
			in := input()
			if c.refused {
				in.CannotFetch = obstacle
			}
			in.Pull.Private = c.private
			pull, err := admission.Decide(t.Context(), in, &members{yes: true})
			if err != nil {
				t.Fatal(err)
			}
			in.Vouched = true
			branch, err := admission.DecideBranch(t.Context(), in, &forge.Branch{Repo: in.Pull.Repo, Name: "main", Head: oldHead, Private: c.private}, &members{})
			if err != nil {
				t.Fatal(err)
			}
			for _, got := range []admission.Decision{pull, branch} {
				switch {
				case got.Refusal != nil:
					if got.Refusal.String() != c.want {
						t.Errorf("got %q, want %q", got.Refusal, c.want)
					}
				case c.want != "" || got.Request.Code.Private != c.private:
					t.Errorf("got %+v, want %q", got.Request.Code, c.want)
				}
			}
		})
	}
}
