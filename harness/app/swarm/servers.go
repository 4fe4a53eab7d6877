package swarm

import (
	"context"
	"errors"

	"seatrial/harness/app"
)

func (a *App) served(ctx context.Context) ([]app.Database, error) { return nil, nil }
func (a *App) ask(ctx context.Context, db app.Database, statements []string) ([]app.Rows, error) {
	return nil, errors.New("x")
}
