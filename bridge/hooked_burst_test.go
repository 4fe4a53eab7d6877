package bridge_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/bridge/hook"
	"seatrial/harness/run"
	"seatrial/secrets"
)

// receiver leads signed hooks to the bridge of a world, until the test's end.
func (w *world) receiver(t *testing.T) *hook.Receiver {
	t.Helper()
	rc, err := hook.New(hook.Config{
		Forges:   []hook.Forge{{ID: "gitea", Kind: hook.Gitea, Secrets: func() []secrets.Value { return []secrets.Value{secrets.New("known to both")} }}},
		Enrolled: w.alive.bridge.Enrolled, Deliver: w.alive.bridge.Hooked,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := context.WithCancel(t.Context())
	var done sync.WaitGroup
	done.Go(func() {
		if err := rc.Run(ctx); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		end()
		done.Wait()
	})
	return rc
}

// postComment is what the forge sends when somebody has commented.
func postComment(h http.Handler, id int64, secret string) int {
	body := fmt.Appendf(nil, `{"action":"created","is_pull":true,"issue":{"number":7},"comment":{"id":%d},"repository":{"full_name":"coop/guestbook"}}`, id)
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	r := httptest.NewRequest(http.MethodPost, hook.Path("gitea"), bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Gitea-Event", "issue_comment")
	r.Header.Set("X-Gitea-Delivery", fmt.Sprint("delivery-", id))
	r.Header.Set("X-Gitea-Signature", hex.EncodeToString(mac.Sum(nil)))
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	return answer.Code
}

func TestEveryCommentOfABurstOfHooksIsAnsweredOnce(t *testing.T) {
	inABubble(t, func(t *testing.T, w *world) {
		w.start()
		rc := w.receiver(t)
		const n = 2000
		var all sync.WaitGroup
		turn := make(chan bool, 32)
		for i := range n {
			all.Go(func() {
				turn <- true
				defer func() { <-turn }()
				if i%10 == 0 {
					if code := postComment(rc, int64(1e6+i), "guessed"); code != http.StatusUnauthorized {
						t.Errorf("a forged hook was answered with %d", code)
					}
					return
				}
				if code := postComment(rc, w.forge.say(ada, "!testme"), "known to both"); code != http.StatusAccepted {
					t.Errorf("a hook was answered with %d", code)
				}
			})
		}
		all.Wait()
		synctest.Wait()
		if n := len(w.forge.eyes); n != 1800 {
			t.Errorf("%d of 1800 comments were seen at once", n)
		}
		pause(time.Hour)
		w.stop()
		for id, n := range w.forge.eyes {
			if n != 1 {
				t.Errorf("comment %d has %d eyes", id, n)
			}
		}
		if len(w.forge.eyes) != 1800 {
			t.Errorf("%d comments have eyes", len(w.forge.eyes))
		}
		wantVerdict(t, w.onlyRun(), run.VerdictPass, run.EndedNormally) // all joined the first one's
	})
}
