package dbserver_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"seatrial/harness/app"
	"seatrial/harness/app/dbserver/dbservertest"
)

// hostile are values and names that a careless reader or writer would break.
var hostile = []string{
	"plain", "two\nlines", "tab\there", "a,b", `"quoted"`, "it's", "<b>&amp;</b>", "grüße 🐘", "NULL", `back\slash`, `ends\`, "cr\r\nlf", "\n", " ", `\N`, ";", "-- x", "`", ":name", "</field></row>",
}

func TestValuesComeBackAsTheyWent(t *testing.T) {
	for _, kind := range dbservertest.Kinds {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			s := dbservertest.Start(t, kind)
			s.Do(t, map[string]string{"postgres": "postgres", "mariadb": "mysql"}[kind], "CREATE DATABASE app")
			text := func(v string) string { return "'" + strings.ReplaceAll(v, "'", "''") + "'" }
			if kind == "mariadb" {
				text = func(v string) string {
					return "'" + strings.ReplaceAll(strings.ReplaceAll(v, `\`, `\\`), "'", "''") + "'"
				}
			}
			var statements []string
			var want []app.Rows
			for _, v := range hostile {
				statements = append(statements, "SELECT "+text(v)+", 1, NULL, ''", "SELECT 1 WHERE 1 = 0", "SELECT "+text(v)+" -- and a comment")
				want = append(want, app.Rows{{v, "1", "", ""}}, app.Rows{}, app.Rows{{v}})
			}
			if kind == "mariadb" {
				for i := 1; i < len(statements); i += 3 {
					statements[i] = "SELECT 1 FROM dual WHERE 1 = 0"
				}
			}
			statements = append(statements, "CREATE TABLE made (id INT)", "INSERT INTO made VALUES (1), (2), (NULL)", "SELECT id FROM made ORDER BY id IS NULL, id")
			want = append(want, app.Rows{}, app.Rows{}, app.Rows{{"1"}, {"2"}, {""}})
			if diff := cmp.Diff(want, s.Do(t, "app", statements...)); diff != "" {
				t.Error(diff)
			}

			db := app.Database{Name: "db/app"}
			_, err := s.SQL(t.Context(), s.Exec, db, "SELECT 1", "SELECT * FROM nowhere", "CREATE TABLE later (id INT)")
			if err == nil || !strings.Contains(err.Error(), "nowhere") || strings.Contains(err.Error(), "stdin") {
				t.Errorf("a refusal is told as %v", err)
			}
			if _, err := s.SQL(t.Context(), s.Exec, db, "SELECT * FROM later"); err == nil {
				t.Error("after a refused statement, the next was run")
			}
			if _, err := s.SQL(t.Context(), s.Exec, db, "SELECT 'no end"); err == nil {
				t.Error("a statement without an end was answered")
			}
			if _, err := s.SQL(t.Context(), s.Exec, app.Database{Name: "other/app"}, "SELECT 1"); err == nil {
				t.Error("a database of another service was asked")
			}

			list, err := s.Databases(t.Context(), s.Exec)
			if err != nil || len(list) != 1 {
				t.Fatalf("the databases are %v, %v", list, err)
			}
			volume := map[string]string{"postgres": "pgdata", "mariadb": "mariadb"}[kind]
			got := list[0]
			if got.Name != "db/app" || got.Service != "db" || got.Volume != volume || !strings.HasSuffix(strings.TrimSuffix(got.Path, "/"), "/data") {
				t.Errorf("the database is %+v", got)
			}
			if kind == "postgres" {
				s.Do(t, "postgres", "CREATE TABLE kept (id INT)")
				list, err = s.Databases(t.Context(), s.Exec)
				if err != nil || !slices.ContainsFunc(list, func(d app.Database) bool { return d.Name == "db/postgres" }) {
					t.Errorf("a table in the database that every server has is overlooked: %v, %v", list, err)
				}
			}

			quote := map[string]string{"postgres": `"`, "mariadb": "`"}[kind]
			odd := "it's = \"odd\" `db`"
			s.Do(t, "app", "CREATE DATABASE "+quote+strings.ReplaceAll(odd, quote, quote+quote)+quote)
			if got := s.Do(t, odd, "SELECT 1"); !cmp.Equal(got, []app.Rows{{{"1"}}}) {
				t.Errorf("the database of an odd name answers %q", got)
			}

			s.Stop()
			start := time.Now()
			ctx, cancel := contextFor(t, 2*time.Second)
			defer cancel()
			if _, err := s.SQL(ctx, s.Exec, db, "SELECT 1"); err == nil || time.Since(start) < time.Second {
				t.Errorf("a server that does not run was not waited for: %v", err)
			}
		})
	}
}
