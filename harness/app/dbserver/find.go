package dbserver

import (
	"path"
	"slices"
	"strings"

	"seatrial/internal/lazyregexp"
)

// Service is what is known of a service that may be a database server.
type Service struct {
	Name   string
	Image  string
	Ports  []int // that it listens on, by its image or its recipe
	Env    map[string]string
	Mounts []Mount
}

// Mount is a volume in a service's file tree.
type Mount struct {
	Volume string
	Target string
}

// Server is a service that serves databases.
type Server struct {
	Engine  string // "postgres", or "mysql" (MariaDB too)
	Service string
	User    string // that asks; empty if only a file in the container tells its name
	Data    string // the folder of the data, as the service sees it
	Volume  string // that Data lies in; empty if in none

	database string    // that the image made for the app, if the settings name one
	accounts []account // the likeliest first
	mounts   []Mount
}

// kind is one kind of server.
type kind struct {
	engine    string
	images    []string // the last part of the names of images that are such servers
	port      int
	variables *lazyregexp.Regexp // that configure such a server
	data      func(image, tag string, env map[string]string) string
	accounts  func(env map[string]string) (likeliest []account, database string)
}

// An exporter or a backup program has "postgres" in its name too: only whole names count.
var kinds = []kind{
	{
		engine: "postgres",
		images: []string{
			"postgres", "postgresql", "postgres-postgis", "postgis", "pgvector", "pgvecto-rs", "vchord-postgres",
			"timescaledb", "timescaledb-ha", "timescale", "pgautoupgrade",
		},
		port:      5432,
		variables: lazyregexp.New(`^(POSTGRES(QL)?_.*|PGDATA)$`),
		data:      postgresData,
		accounts:  postgresAccounts,
	},
	{
		engine:    "mysql",
		images:    []string{"mariadb", "mysql", "mysql-server", "percona", "percona-server"},
		port:      3306,
		variables: lazyregexp.New(`^(MYSQL|MARIADB)_.*$`),
		data:      mysqlData,
		accounts:  mysqlAccounts,
	},
}

// Find says whether the service is a database server, by its image's name, or else by
// the port that it listens on together with settings of such a server.
func Find(s Service) (Server, bool) {
	image, tag := imageName(s.Image)
	i := slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.images, image) })
	if i < 0 {
		i = slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(s.Ports, k.port) && k.configured(s.Env) })
	}
	if i < 0 {
		return Server{}, false
	}
	k := kinds[i]
	found := Server{Engine: k.engine, Service: s.Name, mounts: slices.Clone(s.Mounts)}
	found.accounts, found.database = k.accounts(s.Env)
	found.User = found.accounts[0].user
	return found.at(k.data(s.Image, tag, s.Env)), true
}

func (k kind) configured(env map[string]string) bool {
	for name := range env {
		if k.variables.MatchString(name) {
			return true
		}
	}
	return false
}

// at is the server with its data in that folder.
func (s Server) at(data string) Server {
	s.Data, s.Volume = path.Clean(data), ""
	longest := -1
	for _, m := range s.mounts {
		target := path.Clean(m.Target)
		within := s.Data == target || strings.HasPrefix(s.Data, strings.TrimSuffix(target, "/")+"/")
		if within && len(target) > longest {
			s.Volume, longest = m.Volume, len(target)
		}
	}
	return s
}

// imageName takes the last part of an image's name, and its tag, out of a reference
// such as "docker.io/pgvector/pgvector:pg16@sha256:1234".
func imageName(reference string) (name, tag string) {
	reference, _, _ = strings.Cut(reference, "@")
	name, tag, _ = strings.Cut(path.Base(reference), ":")
	return strings.ToLower(name), tag
}
