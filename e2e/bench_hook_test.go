package e2e_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/forge/forgetest"
)

// hookSecret has the program make a secret for the webhooks of the yard's forge.
func (y *yard) hookSecret(b *testing.B) string {
	b.Helper()
	out, err := exec.Command(y.program, "--state", y.state, "webhook", "secret").Output()
	if err != nil {
		b.Fatalf("cannot make a secret: %v", err)
	}
	return strings.TrimSpace(string(out))
}

// hookOf is the webhook that a Gitea sends about a comment.
func hookOf(b *testing.B, url, secret string, repo forge.Repo, pull int, comment int64) *http.Request {
	b.Helper()
	body := fmt.Appendf(nil, `{"action":"created","is_pull":true,"issue":{"number":%d,"pull_request":{}},"comment":{"id":%d,"body":"!testme"},"repository":{"full_name":%q,"default_branch":"main"},"sender":{"id":1,"login":"ada"}}`, pull, comment, repo.String())
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, url+"/hook/gitea", bytes.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Gitea-Event", "issue_comment")
	r.Header.Set("X-Gitea-Delivery", fmt.Sprintf("%d-%d", pull, comment))
	r.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
	return r
}

// open opens a pull request without a change.
func (y *yard) open(b *testing.B, repo forge.Repo) int {
	b.Helper()
	n, err := y.forge.OpenPull(forgetest.NewPull{Repo: repo, Author: yardMember, Title: "A change", Dir: y.source, Ref: "HEAD"})
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// BenchmarkHook measures how long after a webhook the eyes are there, with a forge that
// takes 20 ms for every answer: what is not waiting for the forge is ours.
func BenchmarkHook(b *testing.B) {
	for b.Loop() {
		eyes(b)
	}
}

const forgeTakes = 20 * time.Millisecond

func eyes(b *testing.B) {
	y := newYard(b, 1, "")
	repo := y.repos[0]
	secret := y.hookSecret(b)
	pull := y.open(b, repo)
	s := y.serve(b, "--poll", "1h", "--sweep", "1h")
	eventually(b, s, time.Minute, "the first looks", func() bool {
		return slices.ContainsFunc(y.forge.Requests(), isSweep) && len(y.forge.Requests()) > 4
	})
	time.Sleep(2 * time.Second) // a comment is as old as a second tells
	y.forge.Fail(forgetest.Failure{Kind: forgetest.Slow, Delay: forgeTakes})
	var ratios, receiving, deciding, reacting []float64
	asked := 0
	for range 15 {
		id, err := y.forge.Comment(repo, pull, yardMember, "!testme")
		if err != nil {
			b.Fatal(err)
		}
		before := len(y.forge.Requests())
		hook := hookOf(b, s.url, secret, repo, pull, id)
		began := time.Now()
		answer, err := http.DefaultClient.Do(hook)
		if err != nil || answer.StatusCode/100 != 2 {
			b.Fatalf("the hook was not taken: %v, %v\n%s", answer, err, s.said())
		}
		answer.Body.Close()
		for began := time.Now(); ; time.Sleep(100 * time.Microsecond) {
			if seen, err := y.forge.Reactions(repo, id); err == nil && len(seen) > 0 {
				break
			}
			if time.Since(began) > 20*time.Second {
				b.Fatalf("no eyes after 20 s; the server's log ends:\n%s", s.said())
			}
		}
		seen := time.Now()
		took := seen.Sub(began)
		requests := y.forge.Requests()[before:]
		end := slices.IndexFunc(requests, func(r forgetest.Request) bool { return strings.HasSuffix(r.Route, "/reactions") })
		asked = end + 1
		ratios = append(ratios, float64(took)/float64(time.Duration(asked)*forgeTakes))
		receiving = append(receiving, milliseconds(requests[0].Came.Sub(began)))
		deciding = append(deciding, milliseconds(requests[end].Came.Sub(requests[0].Came)-time.Duration(end)*forgeTakes))
		reacting = append(reacting, milliseconds(seen.Sub(requests[end].Came)-forgeTakes))
		time.Sleep(1200 * time.Millisecond) // its answer is written, and the next one is of another second
	}
	figure(b, "requests from a webhook to the eyes", "requests", float64(asked), &bound{"<=", 2})
	figure(b, "webhook to eyes ÷ the forge's own time, median of 15", "times", median(ratios), &bound{"<=", 1.15})
	figure(b, "  received, verified, and the forge asked", "ms to ask", median(receiving), nil)
	figure(b, "  read, written, and the reaction asked for", "ms to react", median(deciding), nil)
	figure(b, "  of the stand-in for the forge, beyond its 20 ms", "ms of the stand-in", median(reacting), nil)
}

func milliseconds(d time.Duration) float64 { return d.Seconds() * 1000 }

func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	return sorted[len(sorted)/2]
}

const (
	hooksAtOnce = 2000
	forgedEach  = 10 // one in so many
	senders     = 16
)

// BenchmarkHooks sends two thousand webhooks in a burst, of which every tenth is forged:
// a comment that nobody made, signed with another secret.
func BenchmarkHooks(b *testing.B) {
	for b.Loop() {
		burst(b)
	}
}

func burst(b *testing.B) {
	y := newYard(b, 20, "")
	secret := y.hookSecret(b)
	y.read(b)
	if _, err := y.forge.AddUser("stranger"); err != nil {
		b.Fatal(err)
	}
	s := y.serve(b, "--poll", "1h", "--sweep", "1h")
	eventually(b, s, time.Minute, "the first look", func() bool { return len(y.forge.Requests()) > 1 })
	time.Sleep(2 * time.Second)
	idle := s.memory(b, "VmRSS")

	// A stranger's command is answered at once, by a refusal; so answers are counted, not runs.
	var hooks []*http.Request
	pulls := map[forge.Repo]int{}
	for i := range hooksAtOnce {
		repo := y.repos[i%len(y.repos)]
		if pulls[repo] == 0 {
			pulls[repo] = y.open(b, repo)
		}
		if i%forgedEach == forgedEach-1 {
			hooks = append(hooks, hookOf(b, s.url, "guessed", repo, pulls[repo], int64(1_000_000+i)))
			continue
		}
		id, err := y.forge.Comment(repo, pulls[repo], "stranger", "!testme")
		if err != nil {
			b.Fatal(err)
		}
		hooks = append(hooks, hookOf(b, s.url, secret, repo, pulls[repo], id))
	}
	began := time.Now()
	taken, refused := send(b, hooks)
	sent := time.Since(began)
	answered := map[string]int{} // by the comment that it answers
	eventually(b, s, 10*time.Minute, "every true one to be answered", func() bool {
		answered = map[string]int{}
		for repo, pull := range pulls {
			comments, err := y.forge.Comments(repo, pull)
			if err != nil {
				return false
			}
			for _, c := range comments {
				if marker := inMarker(c.Body); c.Author.Login == yardBot && marker != "" {
					answered[marker]++
				}
			}
		}
		return len(answered) >= hooksAtOnce-hooksAtOnce/forgedEach
	})
	took := time.Since(began)
	most := 0
	for _, n := range answered {
		most = max(most, n)
	}
	figure(b, "2000 hooks in a burst: forged ones that were taken", "hooks", float64(hooksAtOnce/forgedEach-refused), &bound{"=", 0})
	figure(b, "  commands answered, of 1800", "commands", float64(len(answered)), &bound{"=", hooksAtOnce - hooksAtOnce/forgedEach})
	figure(b, "  the most answers that one command got", "answers", float64(most), &bound{"=", 1})
	figure(b, "  memory: the most ÷ idle before", "times idle", s.memory(b, "VmHWM")/idle, &bound{"<=", 2})
	figure(b, "  hooks that were told to come later", "hooks later", float64(hooksAtOnce-taken-refused), nil)
	figure(b, "  taking them", "s", sent.Seconds(), nil)
	figure(b, "  until the last was answered", "s in all", took.Seconds(), nil)
}

// inMarker is what a reply's marker says that it answers; the refused comments' own.
func inMarker(body string) string {
	_, rest, ok := strings.Cut(body, "<!-- seatrial comment=")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, " ")
	return id
}

// send posts all of them, many at once, and counts those that were taken and those that
// were refused for their signature.
func send(b *testing.B, hooks []*http.Request) (taken, refused int) {
	var yes, no atomic.Int64
	todo := make(chan *http.Request)
	var g sync.WaitGroup
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: senders}}
	for range senders {
		g.Go(func() {
			for hook := range todo {
				answer, err := client.Do(hook)
				if err != nil {
					b.Errorf("a hook got no answer: %v", err)
					continue
				}
				answer.Body.Close()
				switch {
				case answer.StatusCode/100 == 2:
					yes.Add(1)
				case answer.StatusCode == http.StatusUnauthorized:
					no.Add(1)
				}
			}
		})
	}
	for _, hook := range hooks {
		todo <- hook
	}
	close(todo)
	g.Wait()
	return int(yes.Load()), int(no.Load())
}
