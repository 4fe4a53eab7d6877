package dbserver_test

import (
	"testing"

	"seatrial/harness/app/dbserver"
)

func TestFind(t *testing.T) {
	at := func(volume, target string) []dbserver.Mount {
		return []dbserver.Mount{{Volume: volume, Target: target}}
	}
	for _, c := range []struct {
		service              dbserver.Service
		engine, data, volume string // no engine: it is no server
	}{
		{dbserver.Service{Image: "postgres:15-alpine", Mounts: at("v", "/var/lib/postgresql/data")}, "postgres", "/var/lib/postgresql/data", "v"},
		{dbserver.Service{Image: "postgres:18", Mounts: at("v", "/var/lib/postgresql")}, "postgres", "/var/lib/postgresql/18/docker", "v"},
		{dbserver.Service{Image: "postgres:18", Mounts: at("v", "/var/lib/postgresql/data")}, "postgres", "/var/lib/postgresql/18/docker", ""},
		{dbserver.Service{Image: "registry:5000/library/postgres@sha256:00", Env: map[string]string{"PGDATA": "/data/pg/"}, Mounts: at("v", "/dat")}, "postgres", "/data/pg", ""},
		{dbserver.Service{Image: "pgvector/pgvector:pg16", Mounts: append(at("whole", "/var/lib"), at("v", "/var/lib/postgresql/data/")...)}, "postgres", "/var/lib/postgresql/data", "v"},
		{dbserver.Service{Image: "postgis/postgis:15-3.4", Mounts: at("v", "/")}, "postgres", "/var/lib/postgresql/data", "v"},
		{dbserver.Service{Image: "timescale/timescaledb:latest-pg15"}, "postgres", "/var/lib/postgresql/data", ""},
		{dbserver.Service{Image: "bitnami/postgresql:15", Mounts: at("v", "/bitnami/postgresql")}, "postgres", "/bitnami/postgresql/data", "v"},
		{dbserver.Service{Image: "mariadb:11.4", Mounts: at("v", "/var/lib/mysql")}, "mysql", "/var/lib/mysql", "v"},
		{dbserver.Service{Image: "mysql"}, "mysql", "/var/lib/mysql", ""},
		{dbserver.Service{Image: "percona/percona-server:8.0"}, "mysql", "/var/lib/mysql", ""},
		{dbserver.Service{Image: "example.org/our-db:3", Ports: []int{5432}, Env: map[string]string{"PGDATA": "/d"}}, "postgres", "/d", ""},
		{dbserver.Service{Image: "example.org/our-db:3", Ports: []int{3306}, Env: map[string]string{"MARIADB_DATABASE": "x"}}, "mysql", "/var/lib/mysql", ""},
		{dbserver.Service{Image: "example.org/our-db:3", Ports: []int{3306}}, "", "", ""},
		{dbserver.Service{Image: "wordpress:6", Env: map[string]string{"MYSQL_HOST": "db"}, Ports: []int{80}}, "", "", ""},
		{dbserver.Service{Image: "prometheuscommunity/postgres-exporter:v0.15"}, "", "", ""},
		{dbserver.Service{Image: "prodrigestivill/postgres-backup-local:15"}, "", "", ""},
		{dbserver.Service{}, "", "", ""},
	} {
		s, ok := dbserver.Find(c.service)
		if ok != (c.engine != "") || s.Engine != c.engine || s.Data != c.data || s.Volume != c.volume {
			t.Errorf("%s is %v: %q, %q, in %q", c.service.Image, ok, s.Engine, s.Data, s.Volume)
		}
	}
}
