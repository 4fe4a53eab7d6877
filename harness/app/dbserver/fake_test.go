package dbserver_test

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"seatrial/harness/app"
	"seatrial/harness/app/dbserver"
)

func contextFor(t *testing.T, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), d)
}

// complaining is a container whose client complains so, in turn, and then answers "1".
func complaining(calls *[]map[string]string, complaints ...string) dbserver.Exec {
	return func(_ context.Context, argv []string, env map[string]string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
		*calls = append(*calls, env)
		if len(complaints) > 0 {
			said := complaints[0]
			complaints = complaints[1:]
			io.WriteString(stderr, said)
			return 2, nil
		}
		token := regexp.MustCompile(`[A-Z2-7]{26}`)
		script, _ := io.ReadAll(stdin)
		if row := slices.IndexFunc(argv, func(a string) bool { return strings.HasSuffix(a, "-row") }); row >= 0 {
			fmt.Fprintf(stdout, "head%s1\n%s-end\n", argv[row], token.Find(script))
			return 0, nil
		}
		fmt.Fprintf(stdout, "<resultset><row><field name=\"1\">1</field></row></resultset><resultset><row><field name=\"t\">%s</field></row></resultset>", token.Find(script))
		return 0, nil
	}
}

func TestAServerThatIsStartingIsWaitedFor(t *testing.T) {
	for image, complaints := range map[string][]string{
		"postgres:15": {
			`psql: error: connection to server on socket "/run/postgresql/.s.PGSQL.5432" failed: No such file or directory`,
			`psql: error: connection to server at "127.0.0.1", port 5432 failed: Connection refused`,
			`psql: error: connection to server on socket "x" failed: FATAL:  the database system is starting up`,
		},
		"postgres:11": {
			"psql: could not connect to server: No such file or directory\n\tIs the server running locally",
			"psql: could not connect to server: Connection refused",
			"psql: FATAL:  the database system is starting up",
		},
		"mariadb:11": {
			"ERROR 2002 (HY000): Can't connect to local server through socket '/run/mysqld/mysqld.sock' (2)",
			"ERROR 2003 (HY000): Can't connect to MySQL server on '127.0.0.1:3306' (111)",
			"ERROR 2013 (HY000): Lost connection to server at 'handshake', system error: 104",
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			s, _ := dbserver.Find(dbserver.Service{Name: "db", Image: image})
			var calls []map[string]string
			answers, err := s.SQL(t.Context(), complaining(&calls, complaints...), app.Database{Name: "db/app"}, "SELECT 1")
			if err != nil || len(calls) != 4 || answers[0][0][0] != "1" {
				t.Errorf("%s: %v, %v after %d calls", image, answers, err, len(calls))
			}
			start := time.Now()
			_, err = s.SQL(t.Context(), complaining(&calls, slices.Repeat(complaints[:2], 100)...), app.Database{Name: "db/app"}, "SELECT 1")
			if took := time.Since(start); err == nil || took < 25*time.Second || took > 35*time.Second {
				t.Errorf("%s: %v after %v", image, err, took)
			}
		})
	}
}

func TestWhoAsks(t *testing.T) {
	for name, c := range map[string]struct {
		service    dbserver.Service
		complaints []string
		user       string // of the call that was answered
		password   string
		file       string
	}{
		"the default": {service: dbserver.Service{Image: "postgres"}, user: "postgres"},
		"named":       {service: dbserver.Service{Image: "postgres", Env: map[string]string{"POSTGRES_USER": "u", "POSTGRES_PASSWORD": "p"}}, user: "u", password: "p"},
		"in files":    {service: dbserver.Service{Image: "postgres", Env: map[string]string{"POSTGRES_USER": "u", "POSTGRES_PASSWORD_FILE": "/run/secrets/p"}}, user: "u", file: "/run/secrets/p"},
		"root":        {service: dbserver.Service{Image: "mariadb", Env: map[string]string{"MYSQL_ROOT_PASSWORD": "r", "MYSQL_USER": "u", "MYSQL_PASSWORD": "p"}}, user: "root", password: "r"},
		"root's password is not known": {
			service: dbserver.Service{Image: "mysql", Env: map[string]string{"MYSQL_RANDOM_ROOT_PASSWORD": "1", "MYSQL_USER": "u", "MYSQL_PASSWORD": "p"}}, user: "u", password: "p",
		},
		"root's password is another": {
			service:    dbserver.Service{Image: "mariadb", Env: map[string]string{"MARIADB_ROOT_PASSWORD": "r", "MARIADB_USER": "u", "MARIADB_PASSWORD_FILE": "/p"}},
			complaints: []string{"ERROR 1045 (28000): Access denied for user 'root'@'localhost' (using password: YES)"}, user: "u", file: "/p",
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.service.Name = "db"
			s, ok := dbserver.Find(c.service)
			if !ok {
				t.Fatal("it is taken for no database server")
			}
			var calls []map[string]string
			if _, err := s.SQL(t.Context(), complaining(&calls, c.complaints...), app.Database{Name: "db/app"}, "SELECT 1"); err != nil {
				t.Fatal(err)
			}
			env := calls[len(calls)-1]
			if env["PGUSER"]+env["SEATRIAL_USER"] != c.user || env["PGPASSWORD"]+env["MYSQL_PWD"] != c.password || env["SEATRIAL_PASSWORD_FILE"] != c.file {
				t.Errorf("asked as %v", env)
			}
		})
	}
}

func TestNobodyElseSeesThePassword(t *testing.T) {
	for _, image := range []string{"postgres", "mariadb"} {
		s, _ := dbserver.Find(dbserver.Service{Name: "db", Image: image, Env: map[string]string{"POSTGRES_PASSWORD": "swordfish", "MYSQL_ROOT_PASSWORD": "swordfish"}})
		exec := func(_ context.Context, argv []string, _ map[string]string, _ io.Reader, _, stderr io.Writer) (int, error) {
			if strings.Contains(strings.Join(argv, " "), "swordfish") {
				t.Errorf("%s: the arguments are %q", image, argv)
			}
			io.WriteString(stderr, "ERROR:  no")
			return 1, nil
		}
		if _, err := s.SQL(t.Context(), exec, app.Database{Name: "db/app"}, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "ERROR:  no") {
			t.Errorf("%s: %v", image, err)
		}
	}
}
