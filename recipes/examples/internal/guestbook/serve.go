package guestbook

import (
	"bytes"
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
	"unicode/utf8"
)

const longestEntry = 1000

type server struct {
	program *program
	store   *store
	base    string
	out     io.Writer
}

// serve answers until it is asked to stop.
func serve(ctx context.Context, p *program, out io.Writer) error {
	data, port := os.Getenv("DATA_DIR"), os.Getenv("PORT")
	if data == "" || port == "" {
		return errors.New("DATA_DIR and PORT must be set")
	}
	st, err := open(ctx, data)
	if err != nil {
		return err
	}
	if err := st.check(ctx, p); err != nil {
		return err
	}
	s := &server{program: p, store: st, base: strings.TrimSuffix(os.Getenv("BASE_URL"), "/"), out: out}
	l, err := net.Listen("tcp", net.JoinHostPort(cmp.Or(os.Getenv("ADDRESS"), "127.0.0.1"), port))
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "guestbook %s listens on %s\n", p.version, l.Addr())
	hs := &http.Server{Handler: s.routes(), ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- hs.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	fmt.Fprintln(out, "guestbook stops")
	// Its own context: the other has ended. Requests get a moment to finish.
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	return hs.Shutdown(ctx)
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.try(s.page))
	mux.HandleFunc("POST /entries", s.try(s.add))
	mux.HandleFunc("GET /entries.json", s.try(s.list))
	mux.HandleFunc("GET /healthz", s.try(s.health))
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		fmt.Fprintln(w, s.program.version)
	})
	mux.HandleFunc("GET /style.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		_, _ = w.Write(s.program.style)
	})
	return mux
}

// try turns an error into a plain answer and a line in the log.
func (s *server) try(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			fmt.Fprintf(s.out, "%s %s: %v\n", r.Method, r.URL.Path, err)
			http.Error(w, "the guestbook is out of order", http.StatusInternalServerError)
		}
	}
}

func (s *server) page(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.store.rows(r.Context(), s.program.queries["list"])
	if err != nil {
		return err
	}
	count, err := s.store.rows(r.Context(), s.program.queries["count"])
	if err != nil {
		return err
	}
	var page bytes.Buffer
	err = s.program.page.Execute(&page, map[string]any{"Version": s.program.version, "Entries": entries, "Count": count, "Base": s.base})
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'self'")
	_, err = page.WriteTo(w)
	return err
}

func (s *server) list(w http.ResponseWriter, r *http.Request) error {
	entries, err := s.store.rows(r.Context(), s.program.queries["list"])
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"version": s.program.version, "entries": entries})
}

func (s *server) add(w http.ResponseWriter, r *http.Request) error {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	text, name := strings.TrimSpace(r.PostFormValue("text")), strings.TrimSpace(r.PostFormValue("name"))
	if text == "" || len(text)+len(name) > longestEntry || !utf8.ValidString(text+name) {
		http.Error(w, fmt.Sprintf("An entry has between 1 and %d letters.", longestEntry), http.StatusUnprocessableEntity)
		return nil
	}
	name = cmp.Or(name, "somebody")
	_, err := s.store.db.ExecContext(r.Context(), s.program.queries["add"],
		sql.Named("text", text), sql.Named("name", name), sql.Named("at", time.Now().UTC().Format(time.RFC3339)))
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *server) health(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.store.rows(r.Context(), s.program.queries["health"]); err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, err := fmt.Fprintln(w, "ok")
	return err
}
