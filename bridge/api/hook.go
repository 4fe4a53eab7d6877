package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"

	answers "seatrial/bridge/answer"
	"seatrial/bridge/hook"
	"seatrial/bridge/token"
	"seatrial/harness/run"
	"seatrial/internal/respond"
)

// hookAddress is what the address of a repository's webhook asks for.
type hookAddress struct {
	flavor   string
	hints    []string
	branches []string // globs over the branches whose pushes count; none: the default branch
}

// parseHookAddress reads an address. Hints stand in the query or in the path.
func parseHookAddress(path string, q url.Values) (hookAddress, error) {
	words := func(s string) []string {
		return strings.FieldsFunc(s, func(r rune) bool { return r == '+' || r == ' ' || r == ',' })
	}
	w := hookAddress{flavor: q.Get("flavor"), branches: words(q.Get("branches"))}
	w.hints = append(words(path), words(q.Get("hints"))...)
	if w.flavor != "" && !plainWord.MatchString(w.flavor) {
		return w, errors.New("flavor is not a label: letters, digits, ., _ and -")
	}
	for _, glob := range w.branches {
		if !doublestar.ValidatePattern(glob) {
			return w, errors.New("branches is not a list of globs, joined by +")
		}
	}
	return w, checkNeeds("hints", w.hints)
}

// hook answers POST /hook?token=…, and with hints in the path.
func (s *Service) hook(w http.ResponseWriter, r *http.Request, path string) {
	if slices.ContainsFunc(s.Forges, func(h hook.Forge) bool { return h.ID == path }) {
		newProblem(http.StatusNotFound, "no-secret", "No webhooks of this forge are received: there is no secret that they could be signed with.",
			"An operator makes one with “seatrial webhook secret --forge "+path+"” and starts the server anew.").Text(w)
		return
	}
	if r.Method != http.MethodPost {
		newProblem(http.StatusMethodNotAllowed, "wrong-method", "This address receives webhooks.", "POST them.").Text(w)
		return
	}
	t, p := s.admit(r, token.Hook, r.URL.Query().Get("token"))
	var accepted Accepted
	var nothing string
	if p == nil {
		accepted, nothing, p = s.deliver(w, r, t, path)
	}
	switch {
	case p != nil:
		if p.Reason == "wrong-signature" {
			s.callers.Of(r).Charge(s.Now())
		}
		s.log(r, "a repository's hook", t, p.Status, "reason", p.Reason)
		p.Text(w)
	case nothing != "":
		s.log(r, "a repository's hook", t, http.StatusOK, "why", nothing)
		respond.Text(w, http.StatusOK, "Nothing follows: "+nothing+".\n")
	default:
		s.log(r, "a repository's hook", t, http.StatusAccepted, "run", accepted.Run, "joined", accepted.Joined)
		w.Header().Set("Location", RunPath+"/"+string(accepted.Run))
		if strings.Contains(r.Header.Get("Accept"), "json") {
			respond.JSON(w, http.StatusAccepted, accepted)
			return
		}
		respond.Text(w, http.StatusAccepted, string(accepted.Run)) // and nothing else: programs take it for the job's ID
	}
}

// deliver reads a hook and asks for the run that it wants. nothing says why it wants none.
func (s *Service) deliver(w http.ResponseWriter, r *http.Request, t token.Token, path string) (accepted Accepted, nothing string, p *respond.Problem) {
	wanted, err := parseHookAddress(path, r.URL.Query())
	if err != nil {
		return accepted, "", newProblem(http.StatusUnprocessableEntity, "bad-address", "The hook's address cannot be read: "+err.Error()+".", "Change the address in the hook's settings.")
	}
	body, p := read(w, r, maxHook)
	if p != nil {
		return accepted, "", p
	}
	from, _, err := s.forgeOf(t.Forge, t.Repos[0])
	if err != nil {
		return accepted, "", newProblem(http.StatusNotFound, "no-forge", "The hook's token is for a forge that is no longer served: "+err.Error()+".", "An operator makes a new token.")
	}
	if _, err := from.CheckSignature(r.Header, body); err != nil {
		return accepted, "", newProblem(http.StatusUnauthorized, "wrong-signature", "The hook is not accepted: "+err.Error()+".", "Compare the secret in the hook's settings.")
	}
	e, err := hook.Parse(from, r.Header, body)
	if err != nil {
		return accepted, "", newProblem(http.StatusBadRequest, "bad-payload", "The hook cannot be read: "+err.Error()+".", "Post the hooks of this kind of forge: "+from.Kind+".")
	}
	if e.Repo.Name != "" && !t.Allows(e.Repo) {
		return accepted, "", newProblem(http.StatusNotFound, "not-this-repository", "The token is not for "+e.Repo.String()+".", "Each repository has a token of its own: “seatrial token hook "+e.Repo.String()+"” makes one.")
	}
	ask, nothing := wanted.ask(e)
	if nothing != "" {
		return accepted, nothing, nil
	}
	ask.Secrets = e.Action != "reopened" && s.Bridge.Trusts(r.Context(), e.Repo, e.Sender)
	if e.Delivery != "" {
		ask.Key = strings.Join([]string{"hook", t.Name, e.Delivery}, " ")
	}
	if accepted, p = s.ask(r, ask); p != nil && p.Reason == "needs-unmet" {
		p.Status = http.StatusForbidden // as CI systems that know hints have it
	}
	return accepted, "", p
}

// ask is what a hook asks for; nothing says why it asks for none.
func (w hookAddress) ask(e hook.Event) (ask answers.Ask, nothing string) {
	ask = answers.Ask{
		Repo: e.Repo, Commit: e.Commit, Needs: w.hints, Flavor: w.flavor,
		By: run.Person{Login: cmp.Or(e.Sender.Login, "somebody"), ID: e.Sender.ID}, Vouched: true, Via: run.ViaHook,
	}
	branch, isBranch := strings.CutPrefix(e.Ref, "refs/heads/")
	switch {
	case e.Kind == hook.Ping:
		return ask, "the hook works"
	case e.Pull != 0 && e.CommentID == 0 && slices.Contains([]string{"opened", "synchronize", "synchronized", "reopened"}, e.Action):
		ask.Pull = e.Pull
		return ask, ""
	case isBranch && !e.Deleted && e.Kind != hook.MergeGroup && w.counts(branch, e.Base):
		ask.Branch = branch
		return ask, ""
	case isBranch && !e.Deleted:
		return ask, fmt.Sprintf("pushes to %q do not count here; branches= in the hook's address names others than the default one", respond.Brief(branch))
	case e.Reason != "":
		return ask, e.Reason
	}
	return ask, "runs begin when a pull request is opened or changed, and with pushes"
}

func (w hookAddress) counts(branch, byDefault string) bool {
	if len(w.branches) == 0 {
		return branch == byDefault
	}
	return slices.ContainsFunc(w.branches, func(glob string) bool {
		ok, err := doublestar.Match(glob, branch)
		return ok && err == nil
	})
}
