package bridge_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"seatrial/bridge"
	"seatrial/bridge/forge"
)

// fakeForge is a forge in memory.
type fakeForge struct {
	teams    map[string]int64 // each has one member
	mu       sync.Mutex
	next     int64
	comments []forge.Comment
	eyes     map[int64]int
	pulls    map[string]*forge.PullRequest
	pushes   map[string][]forge.Push
	members  map[int64]bool
	issues   []forge.Issue
	branches map[string]string         // heads
	statuses map[string][]forge.Status // by commit
	copies   []string                  // of private repositories
	calls    []string
	posts    int
	edits    []time.Time
	fail     func(call string) error
}

func newFakeForge() *fakeForge {
	f := &fakeForge{next: 100, eyes: map[int64]int{}, pulls: map[string]*forge.PullRequest{}, pushes: map[string][]forge.Push{},
		members: map[int64]bool{ada.ID: true, grace.ID: true}, statuses: map[string][]forge.Status{},
		branches: map[string]string{"main": oldHead, "empty": ""}}
	for _, repo := range []forge.Repo{guestbook, wiki} {
		f.pulls[key(repo, 7)] = &forge.PullRequest{Repo: repo, Number: 7, Open: true, Head: oldHead, HeadRef: "refs/pull/7/head", Base: "main",
			CloneURL: "https://forge.test/" + repo.String() + ".git", URL: "https://forge.test/" + repo.String() + "/pulls/7"}
	}
	return f
}

func key(repo forge.Repo, pull int) string { return fmt.Sprintf("%s#%d", repo, pull) }

// What people do.

func (f *fakeForge) say(who forge.Person, body string) int64 { return f.sayOn(guestbook, who, body) }

func (f *fakeForge) sayOn(repo forge.Repo, who forge.Person, body string) int64 {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	now := time.Now().Truncate(time.Second)
	f.comments = append(f.comments, forge.Comment{Repo: repo, Pull: 7, ID: f.next, Author: who, Body: body, Created: now, Updated: now})
	return f.next
}

func (f *fakeForge) push(after string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.next++
	pull := f.pulls[key(guestbook, 7)]
	f.pushes[key(guestbook, 7)] = append(f.pushes[key(guestbook, 7)], forge.Push{ID: f.next, At: time.Now().Truncate(time.Second), Before: pull.Head, After: after})
	pull.Head = after
}

func (f *fakeForge) close() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.pulls[key(guestbook, 7)].Open = false
}

// forget loses the pull request.
func (f *fakeForge) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.pulls, key(guestbook, 7))
}

// edited marks a comment as edited.
func (f *fakeForge) edited(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.comments {
		if f.comments[i].ID == id {
			f.comments[i].Updated = time.Now().Add(time.Second)
		}
	}
}

func (f *fakeForge) remove(id int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.comments = slices.DeleteFunc(f.comments, func(c forge.Comment) bool { return c.ID == id })
}

// ours are the comments of the bot.
func (f *fakeForge) ours() []forge.Comment {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(f.comments), func(c forge.Comment) bool { return c.Author != bot })
}

func (f *fakeForge) states(commit string) []forge.StatusState {
	f.mu.Lock()
	defer f.mu.Unlock()
	var states []forge.StatusState
	for _, s := range f.statuses[commit] {
		states = append(states, s.State)
	}
	return states
}

func (f *fakeForge) called() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.calls)
}

// What the bridge asks.

func (f *fakeForge) call(name string) error {
	f.calls = append(f.calls, name)
	if f.fail != nil {
		return f.fail(name)
	}
	return nil
}

func (f *fakeForge) CommentsAfter(_ context.Context, scope forge.Scope, cursor forge.Cursor) ([]forge.Comment, forge.Cursor, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("CommentsAfter"); err != nil {
		return nil, "", err
	}
	next := forge.Cursor(strconv.FormatInt(f.next, 10))
	if cursor == "" {
		return nil, next, nil
	}
	after, err := strconv.ParseInt(string(cursor), 10, 64)
	if err != nil {
		return nil, "", err
	}
	var found []forge.Comment
	for _, c := range f.comments {
		if c.ID >= after && scope.Wants(c.Repo) { // the last one again, as real forges do
			found = append(found, c)
		}
	}
	return found, next, nil
}

func (f *fakeForge) DefaultBranch(context.Context, forge.Repo) (string, []forge.Tree, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return "main", []forge.Tree{{Commit: oldHead, Tree: "tree"}}, f.call("DefaultBranch")
}

func (f *fakeForge) TeamMember(_ context.Context, _, team string, p forge.Person) (bool, error) {
	return f.teams[team] == p.ID && p.ID != 0, nil
}

func (f *fakeForge) Member(_ context.Context, _ string, p forge.Person) (bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.members[p.ID], f.call("Member")
}

func (f *fakeForge) PullRequest(_ context.Context, repo forge.Repo, number int) (forge.PullRequest, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("PullRequest"); err != nil {
		return forge.PullRequest{}, err
	}
	pull := f.pulls[key(repo, number)]
	if pull == nil {
		return forge.PullRequest{}, forge.ErrNotFound
	}
	return *pull, nil
}

func (f *fakeForge) Branch(_ context.Context, repo forge.Repo, name string) (forge.Branch, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("Branch"); err != nil {
		return forge.Branch{}, err
	}
	name = cmp.Or(name, "main")
	head, ok := f.branches[name]
	if !ok {
		return forge.Branch{}, forge.ErrNotFound
	}
	return forge.Branch{Repo: repo, Name: name, Head: head, CloneURL: "https://forge.test/" + repo.String() + ".git", URL: "https://forge.test/" + repo.String() + "/src/branch/" + name}, nil
}

func (f *fakeForge) CreateIssue(_ context.Context, repo forge.Repo, title, body string) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issues = append(f.issues, forge.Issue{Repo: repo, Number: len(f.issues) + 1, Title: title, Body: body, Open: true})
	return len(f.issues), f.call("CreateIssue")
}

func (f *fakeForge) EditIssue(_ context.Context, _ forge.Repo, number int, title, body string, open bool) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	i := &f.issues[number-1]
	i.Title, i.Body, i.Open = title, body, open
	return f.call("EditIssue")
}

func (f *fakeForge) FindIssue(_ context.Context, repo forge.Repo, marker string, _ forge.Person) (forge.Issue, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, i := range slices.Backward(f.issues) {
		if i.Repo == repo && strings.Contains(i.Body, marker) {
			return i, true, f.call("FindIssue")
		}
	}
	return forge.Issue{}, false, f.call("FindIssue")
}

func (f *fakeForge) Pushes(_ context.Context, repo forge.Repo, number int, since time.Time) ([]forge.Push, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	pushes := slices.DeleteFunc(slices.Clone(f.pushes[key(repo, number)]), func(p forge.Push) bool { return p.At.Before(since) })
	return pushes, f.call("Pushes")
}

func (f *fakeForge) Self(context.Context) (forge.Person, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return bot, f.call("Self")
}

func (f *fakeForge) React(_ context.Context, _ forge.Repo, comment int64, reaction string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("React"); err != nil {
		return err
	}
	if !slices.ContainsFunc(f.comments, func(c forge.Comment) bool { return c.ID == comment }) {
		return fmt.Errorf("cannot react to comment %d: %w", comment, forge.ErrNotFound)
	}
	f.eyes[comment]++
	return nil
}

func (f *fakeForge) CreateComment(_ context.Context, repo forge.Repo, pull int, body string) (int64, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("CreateComment"); err != nil {
		return 0, err
	}
	f.next++
	f.posts++
	now := time.Now()
	f.comments = append(f.comments, forge.Comment{Repo: repo, Pull: pull, ID: f.next, Author: bot, Body: body, Created: now, Updated: now})
	return f.next, nil
}

func (f *fakeForge) EditComment(_ context.Context, _ forge.Repo, id int64, body string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("EditComment"); err != nil {
		return err
	}
	for i := range f.comments {
		if f.comments[i].ID == id {
			if f.comments[i].Body == body {
				f.calls = append(f.calls, "an edit that changes nothing")
			}
			f.comments[i].Body, f.comments[i].Updated = body, time.Now()
			f.edits = append(f.edits, time.Now())
			return nil
		}
	}
	return forge.ErrNotFound
}

func (f *fakeForge) FindComment(_ context.Context, repo forge.Repo, pull int, marker string, author forge.Person) (int64, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("FindComment"); err != nil {
		return 0, false, err
	}
	for _, c := range f.comments {
		if c.Repo == repo && c.Pull == pull && c.Author == author && strings.Contains(c.Body, marker) {
			return c.ID, true, nil
		}
	}
	return 0, false, nil
}

func (f *fakeForge) SetStatus(_ context.Context, _ forge.Repo, commit string, s forge.Status) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("SetStatus"); err != nil {
		return err
	}
	f.statuses[commit] = append(f.statuses[commit], s)
	return nil
}

func (f *fakeForge) LastStatus(_ context.Context, _ forge.Repo, commit, _ string) (forge.Status, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.call("LastStatus"); err != nil {
		return forge.Status{}, false, err
	}
	all := f.statuses[commit]
	if len(all) == 0 {
		return forge.Status{}, false, nil
	}
	return all[len(all)-1], true, nil
}

var _ bridge.Client = (*fakeForge)(nil)
