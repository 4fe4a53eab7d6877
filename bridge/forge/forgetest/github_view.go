package forgetest

import (
	"slices"

	"seatrial/bridge/forge"
)

// CheckRun is one as a test sees it.
type CheckRun struct {
	ID                 int64
	App                string
	Name, ExternalID   string
	Status, Conclusion string // as GitHub calls them; Conclusion is empty until the end
	DetailsURL         string
	Title              string
	Summary, Text      string
	Notes              int // annotations
}

// Checks lists a commit's check runs, newest first.
func (s *Server) Checks(at forge.Repo, commit string) (list []CheckRun, err error) {
	err = s.inRepo(at, func(r *repo) error {
		for _, k := range slices.Backward(r.checks) {
			if k.commit == commit {
				list = append(list, CheckRun{
					ID: k.id, App: k.app.slug, Name: k.name, ExternalID: k.external, Status: k.status, Conclusion: k.conclusion,
					DetailsURL: k.details, Title: k.title, Summary: k.summary, Text: k.text, Notes: len(k.annotations),
				})
			}
		}
		return nil
	})
	return list, err
}

// asStatusOf says in the words of a status what a check run says.
func (k *check) asStatusOf() forge.Status {
	state, known := map[string]forge.StatusState{"": forge.StatusPending, "success": forge.StatusSuccess, "failure": forge.StatusFailure}[k.conclusion]
	if !known {
		state = forge.StatusError
	}
	return forge.Status{State: state, Context: k.name, Description: k.title, TargetURL: k.details}
}

// forget lets an account ask again that was told to wait.
func (s *Server) forget(login string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.hub.accounts, caller{user: s.users[login]}.account())
}
