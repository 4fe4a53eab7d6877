package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	answers "seatrial/bridge/answer"
	"seatrial/bridge/token"
	"seatrial/harness/run"
	"seatrial/internal/lazyregexp"
	"seatrial/internal/respond"
)

// RunRequest is the body of POST /api/v1/run.
type RunRequest struct {
	Repo   string   `json:"repo"`             // owner/name
	Forge  string   `json:"forge,omitempty"`  // the forge's id; empty: the one where the repository is enrolled
	Pull   int      `json:"pull,omitempty"`   // 0: a branch
	Branch string   `json:"branch,omitempty"` // empty: the default one
	Commit string   `json:"commit,omitempty"` // if given, it must be the head
	Needs  []string `json:"needs,omitempty"`
	Flavor string   `json:"flavor,omitempty"`
	Key    string   `json:"key,omitempty"` // the same key is the same request, for a day
}

// Accepted is the answer to a request that has a run.
type Accepted struct {
	Run    run.ID `json:"run"`
	URL    string `json:"url"` // the run's page
	Joined bool   `json:"joined"`
}

var (
	fullHash  = lazyregexp.New(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	plainWord = lazyregexp.New(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$`)
	plainKey  = lazyregexp.New(`^[!-~]{1,200}$`)
)

const (
	maxNeeds  = 20
	maxBranch = 250
)

// parseRequest reads a body. Its errors are for whoever wrote it.
func parseRequest(body []byte) (RunRequest, error) {
	var asked RunRequest
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&asked); err != nil {
		return asked, jsonError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return asked, errors.New("there is more than one JSON object")
	}
	owner, name, _ := strings.Cut(asked.Repo, "/")
	switch {
	case asked.Repo == "":
		return asked, errors.New("repo is missing: write for example \"repo\": \"acme/guestbook\"")
	case owner == "" || name == "" || strings.ContainsFunc(asked.Repo, isOdd) || strings.Contains(name, "/"):
		return asked, errors.New("repo is not a repository: write owner/name")
	case asked.Pull < 0:
		return asked, errors.New("pull must be the number of a pull request")
	case asked.Pull != 0 && asked.Branch != "":
		return asked, errors.New("there are both pull and branch: leave one out")
	case len(asked.Branch) > maxBranch || strings.ContainsFunc(asked.Branch, isOdd):
		return asked, errors.New("branch is not the name of a branch")
	case asked.Commit != "" && !fullHash.MatchString(asked.Commit):
		return asked, errors.New("commit must be a whole hash in small letters: 40 or 64 digits")
	case asked.Flavor != "" && !plainWord.MatchString(asked.Flavor):
		return asked, errors.New("flavor is not a label: letters, digits, ., _ and -")
	case asked.Key != "" && !plainKey.MatchString(asked.Key):
		return asked, errors.New("key must be at most 200 characters without spaces")
	}
	return asked, checkNeeds("needs", asked.Needs)
}

func checkNeeds(what string, needs []string) error {
	if len(needs) > maxNeeds {
		return fmt.Errorf("%s names more than %d capabilities", what, maxNeeds)
	}
	for _, need := range needs {
		if !plainWord.MatchString(need) {
			return fmt.Errorf("%s names %q, which is not a capability: letters, digits, ., _ and -", what, respond.Brief(need))
		}
	}
	return nil
}

// isOdd says what no name has: spaces, control characters, and what is no ASCII in a
// repository's name is looked up and not found.
func isOdd(r rune) bool { return r <= ' ' || r == 0x7f || r == 0xfffd }

// jsonError says what is wrong with JSON, in words without Go's types.
func jsonError(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field != "" {
		kinds := map[string]string{"string": "text", "int": "a whole number", "slice": "a list of texts"}
		return fmt.Errorf("%s must be %s", wrong.Field, cmp.Or(kinds[wrong.Type.Kind().String()], "something else"))
	}
	if name, ok := strings.CutPrefix(err.Error(), "json: unknown field "); ok {
		return fmt.Errorf("there is an unknown field %s; known are repo, forge, pull, branch, commit, needs, flavor and key", respond.Brief(name))
	}
	return errors.New("the body is not a JSON object")
}

// post answers POST /api/v1/run.
func (s *Service) post(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		newProblem(http.StatusMethodNotAllowed, "wrong-method", "This address takes requests for runs.", "POST one. A run is at "+RunPath+"/ and its ID.").JSON(w)
		return
	}
	t, p := s.admit(r, token.API, bearer(r))
	var accepted Accepted
	if p == nil {
		accepted, p = s.create(w, r, t)
	}
	if p != nil {
		s.log(r, "a request for a run", t, p.Status, "reason", p.Reason)
		p.JSON(w)
		return
	}
	s.log(r, "a request for a run", t, http.StatusAccepted, "run", accepted.Run, "joined", accepted.Joined)
	w.Header().Set("Location", RunPath+"/"+string(accepted.Run))
	respond.JSON(w, http.StatusAccepted, accepted)
}

func bearer(r *http.Request) string {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

func (s *Service) create(w http.ResponseWriter, r *http.Request, t token.Token) (Accepted, *respond.Problem) {
	body, p := read(w, r, maxRequest)
	if p != nil {
		return Accepted{}, p
	}
	asked, err := parseRequest(body)
	if err != nil {
		return Accepted{}, newProblem(http.StatusUnprocessableEntity, "bad-wish", "The request cannot be read: "+err.Error()+".", "The reference of the API has all fields, with examples.")
	}
	_, repo, err := s.forgeOf(asked.Forge, asked.Repo)
	if err != nil {
		return Accepted{}, newProblem(http.StatusUnprocessableEntity, "bad-wish", "The request cannot be understood: "+err.Error()+".", "Leave forge out, or write the id that the operator gave it.")
	}
	if !t.Allows(repo) {
		return Accepted{}, newProblem(http.StatusForbidden, "not-this-repository", "This token is not for "+repo.String()+".", "Use another token; “seatrial token list” shows what each is for.")
	}
	ask := answers.Ask{
		Repo: repo, Pull: asked.Pull, Branch: asked.Branch, Commit: asked.Commit, Needs: asked.Needs, Flavor: asked.Flavor,
		By: run.Person{Login: "token " + t.Name}, Vouched: true, Via: run.ViaAPI, Secrets: true,
	}
	if asked.Key != "" {
		ask.Key = "api " + t.Name + " " + asked.Key
	}
	return s.ask(r, ask)
}

func (s *Service) ask(r *http.Request, ask answers.Ask) (Accepted, *respond.Problem) {
	answer, err := s.Bridge.Ask(r.Context(), ask)
	switch {
	case err != nil:
		return Accepted{}, s.failed(err)
	case answer.Refusal != nil:
		return Accepted{}, refusal(*answer.Refusal)
	}
	return Accepted{Run: answer.Run, URL: s.page(answer.Run), Joined: answer.Joined}, nil
}

func (s *Service) page(id run.ID) string { return s.PublicURL + "/runs/" + string(id) }

// read reads a JSON body of at most so many bytes.
func read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, *respond.Problem) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, newProblem(http.StatusUnsupportedMediaType, "wrong-type", "Only JSON is read.", "Send it with the content type application/json.")
	}
	// Where deadlines cannot be set, the server's own hold. The server lifts it once the body
	// was read.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readLimit))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		return nil, newProblem(http.StatusRequestEntityTooLarge, "too-big", fmt.Sprintf("The body is larger than %d KiB.", most>>10), "Send less.")
	}
	if err != nil {
		return nil, newProblem(http.StatusBadRequest, "cut-short", "The body did not arrive whole in time.", "Send it again.")
	}
	return body, nil
}
