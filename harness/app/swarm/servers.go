package swarm

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/moby/moby/api/types/container"

	"seatrial/harness/app"
	"seatrial/harness/app/dbserver"
	"seatrial/recipes/compose"
)

// server is a database server that runs, and the container that it runs in.
type server struct {
	dbserver.Server
	container string
}

// servers finds the database servers among the containers, by image, port and environment.
func (a *App) servers(ctx context.Context) ([]server, error) {
	d, stopped := a.state()
	if d == nil || stopped {
		return nil, nil // a server that is stopped answers nobody
	}
	list, err := a.containers(ctx)
	if err != nil {
		return nil, err
	}
	var found []server
	for _, c := range list {
		inspected, err := a.inspect(ctx, c.id)
		if notFound(err) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("cannot look for database servers: %w", err)
		}
		s, ok := dbserver.Find(describe(d, c.service, inspected))
		if ok && !slices.ContainsFunc(found, func(f server) bool { return f.Service == s.Service }) {
			found = append(found, server{s, c.id})
		}
	}
	return found, nil
}

// describe is what a container tells about what runs in it.
func describe(d *deployed, service string, c container.InspectResponse) dbserver.Service {
	s := dbserver.Service{Name: service, Env: map[string]string{}}
	for _, known := range d.recipe.Services {
		if known.Name == service {
			s.Image = known.Image
		}
	}
	if c.Config != nil {
		for port := range c.Config.ExposedPorts {
			s.Ports = append(s.Ports, int(port.Num()))
		}
		for _, entry := range c.Config.Env {
			name, value, _ := strings.Cut(entry, "=")
			s.Env[name] = value
		}
	}
	for _, m := range c.Mounts {
		if i := slices.IndexFunc(d.recipe.Volumes, func(v compose.Volume) bool { return v.Full == m.Name }); m.Type == "volume" && i >= 0 {
			s.Mounts = append(s.Mounts, dbserver.Mount{Volume: d.recipe.Volumes[i].Name, Target: m.Destination})
		}
	}
	return s
}

// exec lets a server's client run where the server does.
func (a *App) exec(s server) dbserver.Exec {
	return func(ctx context.Context, argv []string, env map[string]string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
		return a.execIn(ctx, s.container, argv, env, stdin, stdout, stderr)
	}
}

// served lists the databases of the servers.
func (a *App) served(ctx context.Context) ([]app.Database, error) {
	all, err := a.servers(ctx)
	if err != nil {
		return nil, err
	}
	var found []app.Database
	for _, s := range all {
		list, err := s.Databases(ctx, a.exec(s))
		if err != nil {
			return nil, fmt.Errorf("cannot list the databases of %s: %w", s.Service, err)
		}
		found = append(found, list...)
	}
	return found, nil
}

// ask runs SQL in a server.
func (a *App) ask(ctx context.Context, db app.Database, statements []string) ([]app.Rows, error) {
	all, err := a.servers(ctx)
	if err != nil {
		return nil, err
	}
	for _, s := range all {
		if s.Service == db.Service {
			return s.SQL(ctx, a.exec(s), db, statements...)
		}
	}
	return nil, errors.New("its server does not run")
}
