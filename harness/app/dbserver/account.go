package dbserver

import (
	"path"
	"strconv"
	"strings"

	"seatrial/internal/lazyregexp"
)

// account is a user of a server. A file in the container may hold its name or password.
type account struct {
	user, userFile         string
	password, passwordFile string
}

// setting is the first of the variables that has a value, or that names a file which
// has it, as the official images read them.
func setting(env map[string]string, names ...string) (value, file string) {
	for _, name := range names {
		if env[name] != "" {
			return env[name], ""
		}
		if env[name+"_FILE"] != "" {
			return "", env[name+"_FILE"]
		}
	}
	return "", ""
}

// postgresAccounts: https://github.com/docker-library/docs/tree/master/postgres#environment-variables
func postgresAccounts(env map[string]string) ([]account, string) {
	var a account
	a.user, a.userFile = setting(env, "POSTGRES_USER", "POSTGRESQL_USERNAME", "POSTGRESQL_USER")
	a.password, a.passwordFile = setting(env, "POSTGRES_PASSWORD", "POSTGRESQL_PASSWORD")
	if a.user == "" && a.userFile == "" {
		a.user = "postgres"
	}
	accounts := []account{a}
	// Bitnami's image makes the app's own user and keeps the superuser beside it.
	if password, file := setting(env, "POSTGRESQL_POSTGRES_PASSWORD", "POSTGRES_POSTGRES_PASSWORD"); password != "" || file != "" {
		accounts = append([]account{{user: "postgres", password: password, passwordFile: file}}, accounts...)
	}
	database, file := setting(env, "POSTGRES_DB", "POSTGRESQL_DATABASE")
	if database == "" && file == "" {
		database = a.user
	}
	return accounts, database
}

// mysqlAccounts: https://mariadb.com/kb/en/mariadb-server-docker-official-image-environment-variables/
func mysqlAccounts(env map[string]string) ([]account, string) {
	root, user := account{user: "root"}, account{}
	root.password, root.passwordFile = setting(env, "MARIADB_ROOT_PASSWORD", "MYSQL_ROOT_PASSWORD")
	user.user, user.userFile = setting(env, "MARIADB_USER", "MYSQL_USER")
	user.password, user.passwordFile = setting(env, "MARIADB_PASSWORD", "MYSQL_PASSWORD")
	database, _ := setting(env, "MARIADB_DATABASE", "MYSQL_DATABASE")
	accounts := []account{root}
	switch {
	case user.user == "" && user.userFile == "":
	case root.password == "" && root.passwordFile == "":
		accounts = []account{user, root} // root's password is random, or there is none
	default:
		accounts = append(accounts, user)
	}
	return accounts, database
}

var majorVersionForm = lazyregexp.New(`^(?:pg)?(\d+)`)

// postgresData is where the images keep the data unless the server says otherwise.
func postgresData(image, tag string, env map[string]string) string {
	if env["PGDATA"] != "" {
		return env["PGDATA"]
	}
	name, _ := imageName(image)
	switch {
	case strings.Contains(image, "bitnami"):
		return "/bitnami/postgresql/data"
	case name == "timescaledb-ha":
		return "/home/postgres/pgdata/data"
	}
	if m := majorVersionForm.FindStringSubmatch(tag); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil && n >= 18 {
			return path.Join("/var/lib/postgresql", m[1], "docker")
		}
	}
	return "/var/lib/postgresql/data"
}

func mysqlData(image, _ string, _ map[string]string) string {
	name, _ := imageName(image)
	switch {
	case strings.Contains(image, "bitnami"):
		return "/bitnami/" + name + "/data"
	case strings.Contains(image, "linuxserver"):
		return "/config/databases"
	}
	return "/var/lib/mysql"
}
