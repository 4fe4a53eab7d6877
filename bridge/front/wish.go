package front

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"regexp"
	"strings"
	"time"

	"seatrial/bridge/answer"
	"seatrial/bridge/token"
	"seatrial/harness/run"
)

// Wish is the body of POST /api/v1/run.
type Wish struct {
	Repo   string   `json:"repo"`             // owner/name
	Forge  string   `json:"forge,omitempty"`  // the forge's id; empty: the one where the repository is enrolled
	Pull   int      `json:"pull,omitempty"`   // 0: a branch
	Branch string   `json:"branch,omitempty"` // empty: the default one
	Commit string   `json:"commit,omitempty"` // if given, it must be the head
	Needs  []string `json:"needs,omitempty"`
	Flavor string   `json:"flavor,omitempty"`
	Key    string   `json:"key,omitempty"` // the same key is the same wish, for a day
}

// Promise is the answer to a wish that is fulfilled.
type Promise struct {
	Run    run.ID `json:"run"`
	URL    string `json:"url"` // the run's page
	Joined bool   `json:"joined"`
}

var (
	fullHash  = regexp.MustCompile(`^([0-9a-f]{40}|[0-9a-f]{64})$`)
	plainWord = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,59}$`)
	plainKey  = regexp.MustCompile(`^[!-~]{1,200}$`)
)

const (
	maxNeeds  = 20
	maxBranch = 250
)

// parseWish reads a body. Its errors are for whoever wrote it.
func parseWish(body []byte) (Wish, error) {
	var wish Wish
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&wish); err != nil {
		return wish, jsonError(err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return wish, errors.New("there is more than one JSON object")
	}
	owner, name, _ := strings.Cut(wish.Repo, "/")
	switch {
	case wish.Repo == "":
		return wish, errors.New("repo is missing: write for example \"repo\": \"acme/guestbook\"")
	case owner == "" || name == "" || strings.ContainsFunc(wish.Repo, isOdd) || strings.Contains(name, "/"):
		return wish, errors.New("repo is not a repository: write owner/name")
	case wish.Pull < 0:
		return wish, errors.New("pull must be the number of a pull request")
	case wish.Pull != 0 && wish.Branch != "":
		return wish, errors.New("there are both pull and branch: leave one out")
	case len(wish.Branch) > maxBranch || strings.ContainsFunc(wish.Branch, isOdd):
		return wish, errors.New("branch is not the name of a branch")
	case wish.Commit != "" && !fullHash.MatchString(wish.Commit):
		return wish, errors.New("commit must be a whole hash in small letters: 40 or 64 digits")
	case wish.Flavor != "" && !plainWord.MatchString(wish.Flavor):
		return wish, errors.New("flavor is not a label: letters, digits, ., _ and -")
	case wish.Key != "" && !plainKey.MatchString(wish.Key):
		return wish, errors.New("key must be at most 200 characters without spaces")
	}
	return wish, checkNeeds("needs", wish.Needs)
}

func checkNeeds(what string, needs []string) error {
	if len(needs) > maxNeeds {
		return fmt.Errorf("%s names more than %d capabilities", what, maxNeeds)
	}
	for _, need := range needs {
		if !plainWord.MatchString(need) {
			return fmt.Errorf("%s names %q, which is not a capability: letters, digits, ., _ and -", what, brief(need))
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
		return fmt.Errorf("there is an unknown field %s; known are repo, forge, pull, branch, commit, needs, flavor and key", brief(name))
	}
	return errors.New("the body is not a JSON object")
}

// wish answers POST /api/v1/run.
func (f *Front) wish(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		bad(http.StatusMethodNotAllowed, "wrong-method", "This address takes wishes for runs.", "POST one. A run is at "+RunPath+"/ and its ID.").send(w)
		return
	}
	t, p := f.admit(r, token.API, bearer(r))
	var promise Promise
	if p == nil {
		promise, p = f.grant(w, r, t)
	}
	if p != nil {
		f.log(r, "a wish for a run", t, p.Status, "reason", p.Reason)
		p.send(w)
		return
	}
	f.log(r, "a wish for a run", t, http.StatusAccepted, "run", promise.Run, "joined", promise.Joined)
	w.Header().Set("Location", RunPath+"/"+string(promise.Run))
	send(w, http.StatusAccepted, "application/json", promise)
}

func bearer(r *http.Request) string {
	kind, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(kind, "Bearer") {
		return ""
	}
	return strings.TrimSpace(secret)
}

func (f *Front) grant(w http.ResponseWriter, r *http.Request, t token.Token) (Promise, *problem) {
	body, p := read(w, r, maxWish)
	if p != nil {
		return Promise{}, p
	}
	wish, err := parseWish(body)
	if err != nil {
		return Promise{}, bad(http.StatusUnprocessableEntity, "bad-wish", "The wish cannot be read: "+err.Error()+".", "The reference of the API has all fields, with examples.")
	}
	_, repo, err := f.forgeOf(wish.Forge, wish.Repo)
	if err != nil {
		return Promise{}, bad(http.StatusUnprocessableEntity, "bad-wish", "The wish cannot be understood: "+err.Error()+".", "Leave forge out, or write the id that the operator gave it.")
	}
	if !t.Allows(repo) {
		return Promise{}, bad(http.StatusForbidden, "not-this-repository", "This token is not for "+repo.String()+".", "Use another token; “seatrial token list” shows what each is for.")
	}
	ask := answer.Ask{
		Repo: repo, Pull: wish.Pull, Branch: wish.Branch, Commit: wish.Commit, Needs: wish.Needs, Flavor: wish.Flavor,
		By: run.Person{Login: "token " + t.Name}, Vouched: true, Via: run.ViaAPI, Secrets: true,
	}
	if wish.Key != "" {
		ask.Key = "api " + t.Name + " " + wish.Key
	}
	return f.ask(r, ask)
}

func (f *Front) ask(r *http.Request, ask answer.Ask) (Promise, *problem) {
	answered, err := f.Bridge.Ask(r.Context(), ask)
	switch {
	case err != nil:
		return Promise{}, f.failed(err)
	case answered.Refusal != nil:
		return Promise{}, refused(*answered.Refusal)
	}
	return Promise{Run: answered.Run, URL: f.page(answered.Run), Joined: answered.Joined}, nil
}

func (f *Front) page(id run.ID) string { return f.PublicURL + "/runs/" + string(id) }

// read reads a JSON body of at most so many bytes.
func read(w http.ResponseWriter, r *http.Request, most int64) ([]byte, *problem) {
	if kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type")); err != nil || kind != "application/json" {
		return nil, bad(http.StatusUnsupportedMediaType, "wrong-type", "Only JSON is read.", "Send it with the content type application/json.")
	}
	// Where deadlines cannot be set, the server's own hold.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readLimit))
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, most))
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		return nil, bad(http.StatusRequestEntityTooLarge, "too-big", fmt.Sprintf("The body is larger than %d KiB.", most>>10), "Send less.")
	}
	if err != nil {
		return nil, bad(http.StatusBadRequest, "cut-short", "The body did not arrive whole in time.", "Send it again.")
	}
	return body, nil
}
