package dbservertest

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"seatrial/harness/app/dbserver"
)

// The servers ask for a password at their sockets too, and it is read from a file.

func (s *Server) postgres(t testing.TB, path map[string]string) {
	t.Helper()
	data := filepath.Join(s.dir, "data")
	s.program(t, []string{
		path["initdb"], "-D", data, "-U", "app", "--auth=scram-sha-256", "--pwfile=" + filepath.Join(s.dir, "password"),
		"--no-sync", "--encoding=UTF8", "--locale=C",
	}, nil, io.Discard)
	// The client in an image knows where its server's socket is. This one does not.
	wrapper := fmt.Sprintf("#!/bin/sh\n[ -n \"$PGHOST\" ] || export PGHOST=%q\nexec %q \"$@\"\n", s.dir, path["psql"])
	if err := os.WriteFile(filepath.Join(s.dir, "psql"), []byte(wrapper), 0o755); err != nil {
		t.Fatal(err)
	}
	s.dump, s.load = []string{path["pg_dump"], "-h", s.dir, "-d"}, []string{path["psql"], "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", s.dir, "-d"}
	s.Server = s.found(t, dbserver.Service{
		Name: "db", Image: "docker.io/library/postgres:15-alpine", Mounts: []dbserver.Mount{{Volume: "pgdata", Target: s.dir}},
		Env: map[string]string{"POSTGRES_USER": "app", "POSTGRES_PASSWORD_FILE": filepath.Join(s.dir, "password"), "POSTGRES_DB": "app"},
	})
	s.serve(t, path["postgres"], "-D", data, "-k", s.dir, "-c", "listen_addresses=", "-c", "fsync=off", "-c", "full_page_writes=off", "-c", "shared_buffers=16MB")
}

func (s *Server) mariadb(t testing.TB, path map[string]string) {
	t.Helper()
	data := filepath.Join(s.dir, "data")
	s.program(t, []string{
		path["mariadb-install-db"], "--no-defaults", "--datadir=" + data, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve",
		"--innodb-flush-method=nosync", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
	}, nil, io.Discard)
	socket := filepath.Join(s.dir, "socket")
	first := filepath.Join(s.dir, "first.sql")
	if err := os.WriteFile(first, []byte("ALTER USER root@localhost IDENTIFIED BY '"+`pass "word'' $HOME`+"';\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	// The client in an image knows where its server's socket is. This one asks its user's settings.
	if err := os.WriteFile(filepath.Join(s.dir, ".my.cnf"), []byte("[client]\nsocket="+socket+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	s.dump, s.load = []string{path["mariadb-dump"], "-u", "root", "--single-transaction"}, []string{path["mariadb"], "-u", "root"}
	s.Server = s.found(t, dbserver.Service{
		Name: "db", Image: "mariadb:10.11", Mounts: []dbserver.Mount{{Volume: "mariadb", Target: s.dir}},
		Env: map[string]string{"MARIADB_ROOT_PASSWORD_FILE": filepath.Join(s.dir, "password")},
	})
	s.serve(t, path["mariadbd"], "--no-defaults", "--datadir="+data, "--socket="+socket, "--skip-networking", "--init-file="+first,
		"--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M", "--innodb-log-file-size=8M",
		"--pid-file="+filepath.Join(s.dir, "pid"), "--max-statement-time=0")
}

func (s *Server) found(t testing.TB, service dbserver.Service) dbserver.Server {
	t.Helper()
	server, ok := dbserver.Find(service)
	if !ok {
		t.Fatalf("%s is taken for no database server", service.Image)
	}
	return server
}
