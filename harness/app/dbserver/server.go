package dbserver

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"seatrial/harness/app"
)

// Databases lists the server's databases, none of the server's own. It asks the server
// where its data is, if the server tells.
func (s Server) Databases(ctx context.Context, exec Exec) ([]app.Database, error) {
	names, data, err := s.list(ctx, exec)
	if err != nil {
		return nil, fmt.Errorf("cannot list the databases of %s: %w", s.Service, err)
	}
	if data != "" {
		s = s.at(data)
	}
	var found []app.Database
	for _, name := range names {
		found = append(found, app.Database{
			Engine: s.Engine, Name: s.Service + "/" + name, Volume: s.Volume, Path: s.Data, Service: s.Service,
		})
	}
	return found, nil
}

// SQL runs the statements in order, each on its own, in one session: a setting that one
// makes holds for the next. It returns each one's rows as text. A refused statement is
// an error with the database's message, and those after it are not run.
func (s Server) SQL(ctx context.Context, exec Exec, db app.Database, statements ...string) ([]app.Rows, error) {
	name, ours := strings.CutPrefix(db.Name, s.Service+"/")
	if !ours {
		return nil, fmt.Errorf("cannot ask %s: it is no database of %s", db.Name, s.Service)
	}
	if len(statements) == 0 {
		return nil, nil
	}
	answers, err := s.ask(ctx, exec, name, statements)
	if err != nil {
		return nil, fmt.Errorf("cannot ask %s: %w", db.Name, err)
	}
	return answers, nil
}

func (s Server) list(ctx context.Context, exec Exec) (names []string, data string, err error) {
	if s.Engine == "mysql" {
		return s.listMySQL(ctx, exec)
	}
	return s.listPostgres(ctx, exec)
}

func (s Server) listMySQL(ctx context.Context, exec Exec) (names []string, data string, err error) {
	answers, err := s.ask(ctx, exec, "", []string{
		"SELECT @@datadir",
		"SELECT schema_name FROM information_schema.schemata WHERE schema_name NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY schema_name",
	})
	if err != nil {
		return nil, "", err
	}
	return column(answers[1]), strings.Join(column(answers[0]), ""), nil
}

func (s Server) listPostgres(ctx context.Context, exec Exec) (names []string, data string, err error) {
	statements := []string{
		// A user who may not know it gets no row.
		"SELECT setting FROM pg_catalog.pg_settings WHERE name = 'data_directory'",
		"SELECT datname FROM pg_catalog.pg_database WHERE datallowconn AND NOT datistemplate AND has_database_privilege(datname, 'CONNECT') ORDER BY datname",
		"SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'",
	}
	answers, err := s.ask(ctx, exec, maintenance, statements)
	if err != nil && s.database != "" && strings.Contains(err.Error(), "does not exist") {
		answers, err = s.ask(ctx, exec, s.database, statements)
	}
	if err != nil {
		return nil, "", err
	}
	names = column(answers[1])
	// Every server has this one, for its keepers. It is the app's only if something is in it.
	if s.database != maintenance && len(names) > 1 && slices.Equal(column(answers[2]), []string{"0"}) {
		names = slices.DeleteFunc(names, func(name string) bool { return name == maintenance })
	}
	return names, strings.Join(column(answers[0]), ""), nil
}

// maintenance is the database that every PostgreSQL server has.
const maintenance = "postgres"

func column(rows app.Rows) []string {
	var values []string
	for _, row := range rows {
		if len(row) > 0 {
			values = append(values, row[0])
		}
	}
	return values
}
