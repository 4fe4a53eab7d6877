package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

type server struct {
	pool    *pgxpool.Pool
	version string
	title   string
	out     io.Writer
}

type entry struct {
	ID      int64  `json:"id"`
	What    string `json:"what"`
	Cents   int64  `json:"cents"`
	Account string `json:"account"` // empty before there were accounts
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>{{.Title}}</title>
<h1>{{.Title}}</h1>
<form method="post" action="/entries"><label>What <input name="what" required></label>
<label>Cents <input name="cents" type="number" required></label><button>Write down</button></form>
<ol>{{range .Entries}}
<li>{{.What}}: {{.Cents}} {{.Account}}</li>{{end}}
</ol>
<footer>Ledger {{.Version}}</footer>
`))

func serve(ctx context.Context, s *server, address string) error {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.try(s.page))
	mux.HandleFunc("POST /entries", s.try(s.add))
	mux.HandleFunc("GET /entries.json", s.try(s.list))
	mux.HandleFunc("GET /healthz", s.try(s.health))
	mux.HandleFunc("GET /version", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, s.version) })
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Fprintf(s.out, "ledger %s listens on %s\n", s.version, l.Addr())
	hs := &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- hs.Serve(l) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	fmt.Fprintln(s.out, "ledger stops")
	// Its own context: the other has ended. Requests get a moment to finish.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 3*time.Second)
	defer cancel()
	return hs.Shutdown(ctx)
}

// try turns an error into a plain answer and a line in the log.
func (s *server) try(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			fmt.Fprintf(s.out, "%s %s: %v\n", r.Method, r.URL.Path, err)
			http.Error(w, "the ledger is out of order", http.StatusInternalServerError)
		}
	}
}

func (s *server) entries(ctx context.Context) ([]entry, error) {
	query := "SELECT id, what, cents, '' AS account FROM entries ORDER BY id"
	if knows(s.version, "1.1.0") {
		query = "SELECT e.id, what, cents, a.name AS account FROM entries e JOIN accounts a ON a.id = e.account ORDER BY e.id"
	}
	rows, err := s.pool.Query(ctx, query)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByName[entry])
}

func (s *server) page(w http.ResponseWriter, r *http.Request) error {
	all, err := s.entries(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	return page.Execute(w, map[string]any{"Title": s.title, "Version": s.version, "Entries": all})
}

func (s *server) list(w http.ResponseWriter, r *http.Request) error {
	all, err := s.entries(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(map[string]any{"version": s.version, "entries": all})
}

func (s *server) add(w http.ResponseWriter, r *http.Request) error {
	const longest = 1000
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	what := strings.TrimSpace(r.PostFormValue("what"))
	cents, err := strconv.ParseInt(r.PostFormValue("cents"), 10, 64)
	if what == "" || len(what) > longest || err != nil {
		http.Error(w, "An entry says what, and how many cents.", http.StatusUnprocessableEntity)
		return nil
	}
	account := cmp.Or(strings.TrimSpace(r.PostFormValue("account")), "cash")
	err = pgx.BeginFunc(r.Context(), s.pool, func(tx pgx.Tx) error {
		if !knows(s.version, "1.1.0") {
			_, err := tx.Exec(r.Context(), "INSERT INTO entries (what, cents) VALUES ($1, $2)", what, cents)
			return err
		}
		if _, err := tx.Exec(r.Context(), "INSERT INTO accounts (name) VALUES ($1) ON CONFLICT (name) DO NOTHING", account); err != nil {
			return err
		}
		_, err := tx.Exec(r.Context(), "INSERT INTO entries (what, cents, account) SELECT $1, $2, id FROM accounts WHERE name = $3", what, cents, account)
		return err
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/", http.StatusSeeOther)
	return nil
}

func (s *server) health(w http.ResponseWriter, r *http.Request) error {
	var n int
	if err := s.pool.QueryRow(r.Context(), "SELECT count(*) FROM entries").Scan(&n); err != nil {
		return err
	}
	_, err := fmt.Fprintln(w, "ok")
	return err
}
