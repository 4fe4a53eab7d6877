package hook_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/bridge/hook"
)

// A burst is what a forge sends when everybody comments at once, with somebody who forges
// in between. Nothing limits it, for it all comes from one address.
func TestABurstIsDeliveredWithoutTheForgedAndWithFlatMemory(t *testing.T) {
	small, large := burst(t, 200), burst(t, 2000)
	if large > 2*small+1<<20 {
		t.Errorf("ten times as many hooks took %d KiB, and not %d", large>>10, small>>10)
	}
	t.Logf("what was in use at most: %d KiB for 200 hooks, %d KiB for 2000", small>>10, large>>10)
}

// burst sends n hooks, every tenth forged, while the delivery is slow, and says how much
// the heap grew at most.
func burst(t *testing.T, n int) uint64 {
	const repos, commenters = 50, 32
	var mu sync.Mutex
	looked := map[string]time.Time{}
	var delivered atomic.Int64
	l := newLab(t, func(c *hook.Config) {
		c.Enrolled = func(r forge.Repo) bool { return strings.HasPrefix(r.Name, "r") }
		c.Deliver = func(_ context.Context, e hook.Event) {
			began := time.Now()
			time.Sleep(5 * time.Millisecond)
			delivered.Add(1)
			mu.Lock()
			looked[e.Repo.Name] = began
			mu.Unlock()
		}
		c.Log = nil
		c.MaxWaiting = 20 // fewer than there are repositories: many nudges become looks at everything
	})
	l.run(t)
	server := httptest.NewServer(l)
	defer server.Close()
	server.Client().Transport.(*http.Transport).MaxIdleConnsPerHost = commenters

	runtime.GC()
	var before runtime.MemStats
	runtime.ReadMemStats(&before)
	var most atomic.Uint64
	sent := map[string]time.Time{}
	todo := make(chan int)
	var all sync.WaitGroup
	for range commenters {
		all.Go(func() {
			for i := range todo {
				name := fmt.Sprintf("r%d", i%repos)
				if i%10 == 0 {
					name = "rforged"
				}
				at := time.Now()
				status := post(t, server, i, name, i%10 == 0)
				if want := map[bool]int{true: 401, false: 202}[i%10 == 0]; status != want {
					t.Errorf("hook %d was answered with %d, want %d", i, status, want)
				}
				mu.Lock()
				if at.After(sent[name]) {
					sent[name] = at
				}
				mu.Unlock()
			}
		})
	}
	for i := range n {
		todo <- i
		if i%(n/10) == n/10-1 {
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most.Store(max(most.Load(), now.HeapAlloc-min(now.HeapAlloc, before.HeapAlloc)))
		}
	}
	close(todo)
	all.Wait()
	// Every true one is followed by a look at its repository that began after it was sent.
	deadline := time.Now().Add(10 * time.Second)
	for waits := true; waits; {
		waits = false
		mu.Lock()
		for name, at := range sent {
			waits = waits || name != "rforged" && looked[name].Before(at)
		}
		mu.Unlock()
		if waits && time.Now().After(deadline) {
			t.Fatal("not every hook led to a look")
		}
		time.Sleep(time.Millisecond)
	}
	mu.Lock()
	defer mu.Unlock()
	if _, ok := looked["rforged"]; ok {
		t.Error("a forged hook was delivered")
	}
	t.Logf("%d hooks led to %d looks", n, delivered.Load())
	return most.Load()
}

func post(t *testing.T, server *httptest.Server, i int, name string, forge bool) int {
	body := []byte(strings.Replace(strings.Replace(created, "coop/guestbook", "coop/"+name, 1), "!testme", strings.Repeat("x", 8<<10), 1))
	r := request("git", "issue_comment", body)
	if forge {
		r.Header.Set("X-Gitea-Signature", sha256Of("guessed", body))
	}
	r.Header.Set("X-Gitea-Delivery", fmt.Sprint("burst-", i))
	out, err := http.NewRequest(http.MethodPost, server.URL+hook.Path("git"), bytes.NewReader(body))
	if err != nil {
		t.Error(err)
		return 0
	}
	out.Header = r.Header
	resp, err := server.Client().Do(out)
	if err != nil {
		t.Error(err)
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
