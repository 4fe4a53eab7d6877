package e2e_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"testing"
	"time"

	"seatrial/bridge/forge"
	"seatrial/harness/journal/journaltest"
	"seatrial/store"
)

// BenchmarkBadge compares badge requests per second with nginx serving the same bytes
// from a file. Both are asked in turns, by the same client with the same number of
// connections, so that whatever else the machine does meets both.
func BenchmarkBadge(b *testing.B) {
	needPrograms(b, "nginx", "wrk")
	for b.Loop() {
		badges(b)
	}
}

func badges(b *testing.B) {
	y := newYard(b, 1, "")
	y.tested(b)
	s := y.serve(b)
	ours := s.url + "/badge/recipe.svg"
	var picture []byte
	eventually(b, s, 10*time.Second, "a badge that tells of the run", func() bool {
		picture = fetch(b, ours)
		return bytes.Contains(picture, []byte("level")) || bytes.Contains(picture, []byte("fail"))
	})
	theirs := nginx(b, "recipe.svg", picture)
	if !bytes.Equal(fetch(b, theirs), picture) {
		b.Fatal("nginx serves something else")
	}
	const rounds = 3
	var us, them float64
	for range rounds {
		us += perSecond(b, ours)
		them += perSecond(b, theirs)
	}
	b.Logf("%.0f and %.0f a second", us/rounds, them/rounds)
	figure(b, "badge requests per second : nginx, the same bytes", "badges/nginx", us/them, &bound{">=", 0.3})
}

// tested writes a finished run of the default branch into the journal.
func (y *yard) tested(b *testing.B) {
	b.Helper()
	if err := os.MkdirAll(y.state, 0o711); err != nil {
		b.Fatal(err)
	}
	db, err := store.Open(b.Context(), filepath.Join(y.state, "journal.db"), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	request := journaltest.Request("recipe", 1)
	if err := db.Append(b.Context(), journaltest.Story(request)...); err != nil {
		b.Fatal(err)
	}
	repo, err := forge.ParseRepo("gitea", request.Code.Repo)
	if err == nil {
		err = db.AddTrees(b.Context(), repo, []forge.Tree{{Tree: "tree-of-recipe-1"}})
	}
	if err != nil {
		b.Fatal(err)
	}
}

func fetch(b *testing.B, url string) []byte {
	b.Helper()
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	resp, err := client.Get(url)
	if err != nil {
		b.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		b.Fatalf("%s: %s %v", url, resp.Status, err)
	}
	return body
}

var rate = regexp.MustCompile(`Requests/sec:\s+([0-9.]+)`)

// perSecond asks for five seconds.
func perSecond(b *testing.B, url string) float64 {
	b.Helper()
	out, err := exec.Command("wrk", "-t2", "-c32", "-d5s", url).CombinedOutput()
	m := rate.FindSubmatch(out)
	if err != nil || m == nil || bytes.Contains(out, []byte("Non-2xx")) {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// nginx serves one file, set up as for static files, and returns its address.
func nginx(b *testing.B, name string, content []byte) string {
	b.Helper()
	dir, err := os.MkdirTemp("/tmp", "seatrial-bench-nginx-") // its workers may be somebody else: they must reach it
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { os.RemoveAll(dir) })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes auto; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 256; }
http { types { image/svg+xml svg; } access_log off; sendfile on; tcp_nopush on; open_file_cache max=16; keepalive_requests 10000000;
 client_body_temp_path %[1]s/t1; proxy_temp_path %[1]s/t2; fastcgi_temp_path %[1]s/t3; uwsgi_temp_path %[1]s/t4; scgi_temp_path %[1]s/t5;
 server { listen %[2]s; root %[1]s/root; } }`, dir, addr)
	for file, text := range map[string][]byte{"nginx.conf": []byte(conf), "root/" + name: content} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, file)), 0o755); err != nil {
			b.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, file), text, 0o644); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		b.Fatal(err)
	}
	c := exec.Command("nginx", "-e", dir+"/error.log", "-p", dir, "-c", dir+"/nginx.conf")
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Signal(syscall.SIGINT) // its fast shutdown: workers too
		_ = c.Wait()
	})
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr + "/" + name
		}
		time.Sleep(20 * time.Millisecond)
	}
	log, _ := os.ReadFile(dir + "/error.log")
	b.Fatalf("nginx does not listen: %s", log)
	return ""
}
