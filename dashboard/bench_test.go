package dashboard_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"seatrial/dashboard"
	"seatrial/dashboard/internal/sample"
	"seatrial/dashboard/page"
	"seatrial/harness/run"
	"seatrial/recipes"
)

// BenchmarkBadgeAgainstNginx compares badge requests per second over loopback with
// nginx serving the same bytes from a file. It needs nginx and wrk. Both servers
// are asked in turns, so that what else happens on the machine meets both.
func BenchmarkBadgeAgainstNginx(b *testing.B) {
	for _, program := range []string{"nginx", "wrk"} {
		if _, err := exec.LookPath(program); err != nil {
			b.Skipf("cannot compare: %v", err)
		}
	}
	d := dashboard.New(dashboard.Config{Journal: sample.NewJournal(), Enrolments: sample.Enrolments})
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan error)
	go func() { done <- d.Run(ctx) }()
	defer func() {
		cancel()
		<-done
	}()
	ours := httptest.NewServer(d)
	defer ours.Close()
	picture := fetch(b, ours.URL+"/badge/guestbook.svg")
	theirs := nginx(b, "guestbook.svg", picture)

	var us, them float64
	for b.Loop() {
		us += perSecond(b, ours.URL+"/badge/guestbook.svg")
		them += perSecond(b, theirs+"/guestbook.svg")
	}
	b.ReportMetric(us/float64(b.N), "badges/s")
	b.ReportMetric(them/float64(b.N), "nginx/s")
	b.ReportMetric(us/them, "badges/nginx")
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

func perSecond(b *testing.B, url string) float64 {
	b.Helper()
	out, err := exec.Command("wrk", "-t1", "-c16", "-d2s", url).CombinedOutput()
	m := rate.FindSubmatch(out)
	if err != nil || m == nil {
		b.Fatalf("wrk: %v\n%s", err, out)
	}
	n, err := strconv.ParseFloat(string(m[1]), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

// nginx serves one file, tuned as for static files, and returns its address.
func nginx(b *testing.B, name string, content []byte) string {
	b.Helper()
	dir := b.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	conf := fmt.Sprintf(`daemon off; worker_processes auto; pid %[1]s/pid; error_log %[1]s/error.log;
user root; events { worker_connections 256; }
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
	if os.Geteuid() == 0 {
		for at := dir; at != os.TempDir() && len(at) > 1; at = filepath.Dir(at) {
			_ = os.Chmod(at, 0o755) // its workers may be somebody else
		}
	}
	c := exec.Command("nginx", "-e", dir+"/error.log", "-p", dir, "-c", dir+"/nginx.conf")
	if err := c.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = c.Process.Signal(os.Interrupt) // its fast shutdown: workers too
		_ = c.Wait()
	})
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return "http://" + addr
		}
		time.Sleep(20 * time.Millisecond)
	}
	log, _ := os.ReadFile(dir + "/error.log")
	b.Fatalf("nginx does not listen: %s", log)
	return ""
}

// thousand is a journal with the latest run of a thousand recipes.
type thousand struct {
	sample.Journal
	latest []run.Report
}

func (t thousand) LatestRuns(context.Context) ([]run.Report, error) { return t.latest, nil }

// BenchmarkIndexOfAThousand makes the first page of an installation with a thousand
// recipes, each of which was tested.
func BenchmarkIndexOfAThousand(b *testing.B) {
	j := thousand{Journal: sample.NewJournal()}
	one, err := j.Report(b.Context(), sample.Failed)
	if err != nil {
		b.Fatal(err)
	}
	var enrolled page.Enrolments
	for i := range 1000 {
		name := fmt.Sprintf("recipe-%04d", i)
		enrolled.Recipes = append(enrolled.Recipes, recipes.Enrolment{Name: name, Repo: "org/" + name, Forge: "gitea"})
		r := one.Clone()
		r.Request.Recipe = name
		j.latest = append(j.latest, r)
	}
	d := dashboard.New(dashboard.Config{Journal: j, Enrolments: func() page.Enrolments { return enrolled }})
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for b.Loop() {
		w := httptest.NewRecorder()
		d.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			b.Fatal(w.Code)
		}
	}
}
